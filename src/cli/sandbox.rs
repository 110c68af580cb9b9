//! `sandbox`: the built-in stand-in, until stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;

use super::{ExitStatus, out, world};
use crate::sandbox::{LABEL, Options, start};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Loopback address and port; port 0 takes a free one
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Seed of faults that come by chance, so that a run can be repeated
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stopping = stopping()?;
        let mut options = Options::new(args.listen, Arc::new(world::now));
        options.seed = args.seed;
        let server = start(options).await?;
        out::line(&format!("{}/sespa", server.base_url().trim_end_matches("/sespa")))?;
        out::tell(&format!(
            "{LABEL}\nclient id and secret: sandbox · books: /_sandbox/books · stop with Ctrl-C"
        ));
        stopping.await;
        server.stop().await;
        Ok(ExitStatus::Done)
    })
}

/// Ready once told to stop. It listens from now on: who reads the address may stop us at once.
#[cfg(unix)]
fn stopping() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready once told to stop.
#[cfg(not(unix))]
fn stopping() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
