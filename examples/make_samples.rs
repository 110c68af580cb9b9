//! Writes `samples/` anew: `cargo run --example make_samples`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use chrono::NaiveDate;
use rxdrop::sandbox::samples::{deliveries_csv, deliveries_xlsx, nightly_csv};

fn main() -> anyhow::Result<()> {
    let newest = NaiveDate::from_ymd_opt(2026, 8, 31).unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let files = [
        ("deliveries.csv", deliveries_csv(newest)),
        ("deliveries.xlsx", deliveries_xlsx(newest)?),
        ("nightly.csv", nightly_csv(newest, 2000)),
    ];
    for (name, bytes) in files {
        File::create(folder.join(name))?.write_all(&bytes)?;
    }
    Ok(())
}
