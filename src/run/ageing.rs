//! Requests and answers that were kept as long as the setting says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Shop, Until};

/// How often `watch` looks.
const EVERY: Duration = Duration::from_hours(24);

/// In `watch` a task that looks once a day; `run` looks at its end.
pub(super) fn begin(shop: &Arc<Shop>, until: Until, ending: &CancellationToken) -> Option<JoinHandle<()>> {
    let (shop, ending) = (Arc::clone(shop), ending.clone());
    matches!(until, Until::Stopped).then(|| {
        tokio::spawn(async move {
            while !ending.is_cancelled() {
                drop_old(&shop).await;
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = ending.cancelled() => {}
                }
            }
        })
    })
}

/// The end of a pass.
pub(super) async fn end(shop: &Shop, daily: Option<JoinHandle<()>>) -> Result<()> {
    if let Some(daily) = daily {
        return Ok(daily.await?);
    }
    drop_old(shop).await;
    Ok(())
}

/// Drops what was kept long enough, in small commits. That it could not be done stops nothing.
async fn drop_old(shop: &Shop) {
    let Some(days) = shop.config.ledger.keep_raw_days else { return };
    let (now, mut after) = (shop.world.clock.now(), 0);
    loop {
        match shop.ledger.ask(move |ledger| ledger.drop_raw(days, after, now)).await {
            Ok(Some(last)) => after = last,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "old requests and answers could not be dropped"),
        }
    }
}
