//! Polluted copies of clean tables, made anew by each run, and how much of them is read right.
//!
//! One fault each: other dialects and encodings, titles, several header rows or none, a second table, and in a
//! single row a delimiter too many or too few, a quote too many, another delimiter, other quotes or a line end
//! where none belongs. Kinds and tables are told apart, so that it shows what a change makes better or worse.

mod faults;
mod tables;

use std::collections::BTreeMap;

use super::inspect::table_to_csv;
use super::{Encoding, Reading, Table};
use faults::{Polluted, damaged_headers, damaged_rows, whole_files};
use tables::{ALL, Clean, Draws};

/// How many cells were wanted, and how many of them were read right.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    files: usize,
    whole: usize,
    right: usize,
    wanted: usize,
}

impl Score {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.whole += other.whole;
        self.right += other.right;
        self.wanted += other.wanted;
    }
}

/// What is read of a file.
fn read(text: &str, encoding: &str) -> Vec<Vec<String>> {
    let mut bytes = Vec::new();
    if encoding.starts_with("utf-16") {
        bytes.extend([0xFF, 0xFE]);
    }
    Encoding::from_name(encoding).unwrap().encode(text, &mut bytes);
    let mut out = Vec::new();
    if let Ok(mut table) = Table::of_bytes(bytes, &Reading::default()) {
        table_to_csv(&mut table, &mut out).unwrap();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&out[..]);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Cells read right; header and order count. Where rows are missing or too many, those before and behind stand
/// for themselves.
fn score(polluted: &Polluted, read: &[Vec<String>]) -> Score {
    let wanted = &polluted.wanted;
    let same = |(one, other): &(&Vec<String>, &Vec<String>)| one == other;
    let ahead = wanted.iter().zip(read).take_while(same).count();
    let (wanted_rest, read_rest) = (&wanted[ahead..], &read[ahead..]);
    let behind = wanted_rest.iter().rev().zip(read_rest.iter().rev()).take_while(same).count();
    let between =
        wanted_rest[..wanted_rest.len() - behind].iter().zip(&read_rest[..read_rest.len() - behind]);
    let width = |rows: &[Vec<String>]| rows.iter().map(Vec::len).sum::<usize>();
    let all = width(wanted);
    let mut right = width(&wanted[..ahead]) + width(&wanted[wanted.len() - behind..]);
    right +=
        between.map(|(wanted, read)| wanted.iter().zip(read).filter(|(a, b)| a == b).count()).sum::<usize>();
    let surplus = read.len().saturating_sub(wanted.len()) * wanted[0].len();
    let right = right.saturating_sub(surplus);
    let whole = usize::from(read == wanted.as_slice());
    Score { files: 1, whole, right: if whole == 1 { all } else { right.min(all - 1) }, wanted: all }
}

#[derive(Default)]
struct Scores {
    kinds: BTreeMap<&'static str, Score>,
    tables: BTreeMap<&'static str, Score>,
    failures: Vec<String>,
    clean_wrong: usize,
}

impl Scores {
    fn look_at(&mut self, clean: &Clean, polluted: &Polluted, delimiter: &str, encoding: &str) {
        let read = read(&polluted.text, encoding);
        let score = score(polluted, &read);
        self.kinds.entry(polluted.kind).or_default().add(score);
        self.tables.entry(clean.name).or_default().add(score);
        if score.whole == 0 {
            self.clean_wrong += usize::from(!polluted.row_damage);
            let of = format!("{} of {}", score.right, score.wanted);
            self.failures.push(format!(
                "{}: {} {encoding} {delimiter:?} {}: {of}; {}",
                polluted.kind,
                clean.name,
                polluted.place,
                difference(&polluted.wanted, &read)
            ));
        }
    }

    fn add(&mut self, other: Self) {
        other.kinds.into_iter().for_each(|(kind, score)| self.kinds.entry(kind).or_default().add(score));
        other.tables.into_iter().for_each(|(table, score)| self.tables.entry(table).or_default().add(score));
        self.failures.extend(other.failures);
        self.clean_wrong += other.clean_wrong;
    }

    fn total(&self) -> Score {
        let mut total = Score::default();
        self.kinds.values().for_each(|score| total.add(*score));
        total
    }

    fn show(&self) {
        for failure in &self.failures {
            println!("{failure}");
        }
        for (name, score) in self.kinds.iter().chain(&self.tables) {
            println!(
                "{name:40} {:6} of {:6} files whole, {:6} of 100000 cells",
                score.whole,
                score.files,
                score.right * 100_000 / score.wanted
            );
        }
    }
}

/// The first row that is not as wanted.
fn difference(wanted: &[Vec<String>], read: &[Vec<String>]) -> String {
    let at = wanted.iter().zip(read).take_while(|(one, other)| one == other).count();
    let shown = |row: Option<&Vec<String>>| {
        row.map_or("nothing".to_owned(), |row| row.join("¦").chars().take(160).collect())
    };
    format!(
        "{} for {} rows; {}: {} for {}",
        read.len(),
        wanted.len(),
        at,
        shown(read.get(at)),
        shown(wanted.get(at))
    )
}

const DELIMITERS: [&str; 3] = [";", ",", "\t"];
const ENCODINGS: [&str; 4] = ["utf-8", "windows-1251", "utf-16le", "mik"];

/// Every table under one delimiter and encoding.
fn scores_of(delimiter: &str, encoding: &str, seed: u64) -> Scores {
    let mut draws = Draws(seed);
    let mut scores = Scores::default();
    for make in ALL {
        let clean = make(&mut draws);
        let mut files = whole_files(&clean, delimiter);
        files.extend(damaged_rows(&clean, delimiter, &mut draws));
        files.extend(damaged_headers(&clean, delimiter, &mut draws));
        for polluted in &files {
            scores.look_at(&clean, polluted, delimiter, encoding);
        }
    }
    scores
}

#[test]
fn polluted_tables_are_read_right() {
    let works: Vec<(&str, &str)> =
        DELIMITERS.iter().flat_map(|delimiter| ENCODINGS.map(|encoding| (*delimiter, encoding))).collect();
    let mut scores = Scores::default();
    std::thread::scope(|scope| {
        let half = |odd: usize| {
            let works: Vec<_> =
                works.iter().enumerate().skip(odd).step_by(2).map(|(at, work)| (at, *work)).collect();
            move || {
                works
                    .into_iter()
                    .map(|(at, (delimiter, encoding))| scores_of(delimiter, encoding, at as u64))
                    .fold(Scores::default(), |mut all, one| {
                        all.add(one);
                        all
                    })
            }
        };
        let other = scope.spawn(half(1));
        scores.add(half(0)());
        scores.add(other.join().unwrap());
    });
    scores.show();
    let total = scores.total();
    println!("{total:?}");
    assert!(total.files >= 10_000, "{} files", total.files);
    assert_eq!(scores.clean_wrong, 0, "files without damaged rows");
    assert!(total.right * 1000 >= total.wanted * 995, "{} of {}", total.right, total.wanted);
}
