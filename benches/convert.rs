//! `convert` against the floor: the csv crate's byte records over the same bytes, in the same run; and its memory.
//!
//! `cargo bench --bench convert [-- --ten-million]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    unreachable_pub,
    reason = "a measurement, not the product: it may end where something is amiss"
)]

mod generate;
mod measure;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use measure::{Run, mib, ms, rate};
use rxdrop::table::{Reading, Table};

const ROWS: u64 = 1_000_000;
const XLSX_ROWS: u32 = 500_000;
const ROUNDS: usize = 5;
const MOST_RATIO: f64 = 3.0;
/// Percent of a whole conversion.
const MOST_FINDING_OUT: f64 = 5.0;

fn main() {
    let folder = measure::folder("convert");
    fs::write(folder.join("movements.toml"), generate::MAPPING).expect("the mapping");
    let million = against_the_floor(&folder);
    workbook(&folder);
    if std::env::args().any(|arg| arg == "--ten-million") {
        ten_million(&folder, &million);
    }
    fs::remove_dir_all(&folder).expect("the data goes");
}

fn against_the_floor(folder: &Path) -> Run {
    let input = folder.join("movements.csv");
    generate::movements_csv(&input, ROWS).expect("the rows");
    let bytes = fs::metadata(&input).expect("the rows").len();
    println!("{ROWS} rows of 15 columns, windows-1251, {} MB; best of {ROUNDS}", bytes / 1_000_000);
    let mut floor = Duration::MAX;
    let mut best = Run { wall: Duration::MAX, ..Run::default() };
    for _ in 0..ROUNDS {
        floor = floor.min(byte_records(&input));
        let run = convert(folder, "movements.csv");
        if run.wall < best.wall {
            best = run;
        }
    }
    let ratio = best.wall.as_secs_f64() / floor.as_secs_f64();
    println!("  csv byte records   {:>10}  {}", ms(floor), rate(ROWS, floor));
    println!("  rxdrop convert     {:>10}  {}", ms(best.wall), rate(ROWS, best.wall));
    println!("  its processor time {:>10}  {:?}", ms(best.cpu), best.threads);
    println!("  ratio              {ratio:>10.2}  (at most {MOST_RATIO})");
    println!("  peak memory        {:>10}", mib(best.peak_kib));
    let found = finding_out(&input);
    let share = 100.0 * found.as_secs_f64() / best.wall.as_secs_f64();
    println!("  finding out how    {:>10}  {share:.2} % of it (at most {MOST_FINDING_OUT} %)", ms(found));
    best
}

/// Format, encoding, delimiter, quote and header found, and nothing read yet.
fn finding_out(path: &Path) -> Duration {
    let once = || {
        let began = Instant::now();
        Table::open(path, &Reading::default()).expect("a table");
        began.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().expect("some rounds")
}

/// The least that reading a CSV file can cost: fields told apart, nothing decoded.
fn byte_records(path: &Path) -> Duration {
    let began = Instant::now();
    let file = fs::File::open(path).expect("the rows");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').buffer_capacity(256 * 1024).from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut fields = 0;
    while reader.read_byte_record(&mut record).expect("a record") {
        fields += record.len();
    }
    assert_eq!(fields as u64, ROWS * 15);
    began.elapsed()
}

fn convert(folder: &Path, input: &str) -> Run {
    let args = [
        "convert",
        input,
        "--mapping",
        "movements.toml",
        "--today",
        generate::TODAY,
        "-o",
        "records.jsonl",
        "--errors",
        "issues.csv",
    ];
    // Files that stand there already are written to the disk when they are closed, by some systems.
    for old in ["records.jsonl", "issues.csv"] {
        let _ = fs::remove_file(folder.join(old));
    }
    let run = measure::run(folder, &args);
    assert_eq!(run.code, Some(1), "some rows are wrong on purpose");
    run
}

fn workbook(folder: &Path) {
    generate::movements_xlsx(&folder.join("movements.xlsx"), XLSX_ROWS).expect("the workbook");
    let run = convert(folder, "movements.xlsx");
    println!("{XLSX_ROWS} rows of a workbook");
    println!("  rxdrop convert     {:>10}  {}", ms(run.wall), rate(XLSX_ROWS.into(), run.wall));
    println!("  peak memory        {:>10}  (at most 32 MiB)", mib(run.peak_kib));
}

fn ten_million(folder: &Path, million: &Run) {
    generate::movements_csv(&folder.join("movements.csv"), ROWS * 10).expect("the rows");
    let run = convert(folder, "movements.csv");
    let more = run.peak_kib.saturating_sub(million.peak_kib);
    println!("{} rows of 15 columns", ROWS * 10);
    println!("  rxdrop convert     {:>10}  {}", ms(run.wall), rate(ROWS * 10, run.wall));
    println!("  peak memory        {:>10}  (at most 32 MiB)", mib(run.peak_kib));
    println!("  above 1 million    {:>10}  (at most 2 MiB)", mib(more));
}
