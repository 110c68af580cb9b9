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
        let mut options = Options::new(args.listen, Arc::new(world::now));
        options.seed = args.seed;
        let server = start(options).await?;
        out::line(&format!("{}/sespa", server.base_url().trim_end_matches("/sespa")))?;
        out::tell(&format!(
            "{LABEL}\nclient id and secret: sandbox · books: /_sandbox/books · stop with Ctrl-C"
        ));
        stopped().await;
        server.stop().await;
        Ok(ExitStatus::Done)
    })
}

async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
