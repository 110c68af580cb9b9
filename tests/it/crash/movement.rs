//! Files under movement: never half a file is accepted, never a file forgotten.
//!
//! The program waits at a point of its way (`src/knife/`) while a writer does to the file what writers do.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rxdrop::knife::Point;

use super::life::{Behaviour, FOUR, Life, survived};
use super::{Dice, each, has_points, signal, until};
use crate::place::Ran;

const GOOD: Behaviour = FOUR[0];
/// Rows of a file that is moved, each long enough that the file is copied in several parts.
const ROWS: usize = 6;
const PADDING: usize = 40_000;

/// What a writer does to a file.
#[derive(Debug, Clone, Copy)]
enum Movement {
    /// Another file is renamed over it.
    Replaced,
    /// Another content is written into it.
    Rewritten,
    Grown,
    Truncated,
    Deleted,
    /// It gets another name.
    Renamed,
    /// Saved as Excel does: a temporary file, the old one deleted, the temporary renamed.
    Saved,
    /// The folder goes away and comes back.
    FolderAway,
}

const MOVEMENTS: [Movement; 8] = [
    Movement::Replaced,
    Movement::Rewritten,
    Movement::Grown,
    Movement::Truncated,
    Movement::Deleted,
    Movement::Renamed,
    Movement::Saved,
    Movement::FolderAway,
];

/// Where the program waits meanwhile: before, in the middle of and behind each step of the copy.
const POINTS: [(Point, usize); 8] = [
    (Point::CopyBegun, 1),
    (Point::CopyGrows, 1),
    (Point::CopyGrows, 3),
    (Point::CopyWritten, 1),
    (Point::CopyFlushed, 1),
    (Point::CopyNamed, 1),
    (Point::CopyKept, 1),
    (Point::Received, 1),
];

#[derive(Debug, Clone, Copy)]
struct Trial {
    movement: Movement,
    at: (Point, usize),
}

/// An export each of whose rows has a long last cell, which no mapping reads.
fn long(life: &mut Life) -> Vec<u8> {
    let export = life.export(ROWS, false);
    let pad = |(at, line): (usize, &str)| match at {
        0 => format!("{line};Пълнеж\r\n"),
        _ => format!("{line};{}\r\n", "x".repeat(PADDING)),
    };
    export.lines().enumerate().map(pad).collect::<String>().into_bytes()
}

fn hold(trial: Trial) -> Result<(), String> {
    let mut life = Life::new(GOOD, "");
    let (old, new) = (long(&mut life), long(&mut life));
    let input = life.place.path("drop/day.csv");
    std::fs::write(&input, &old).unwrap();
    let gate = life.place.path("gate");
    let (point, passage) = trial.at;
    let order = format!("{}:{passage}=pause:{}", point.name(), gate.display());
    let child = life.under(&order, &["run", "--wait", "0s"]).spawn().unwrap();
    until("the program came there", || gate.with_extension("reached").exists());
    let undo = moved(trial.movement, &input, &old, &new);
    std::fs::write(&gate, "").unwrap();
    survived(&child.wait_with_output().unwrap());
    undo();
    life.live_out()?;
    whole_or_nothing(&life)
}

/// Does it; what is given back undoes what would keep the next run from seeing anything.
fn moved(movement: Movement, input: &Path, old: &[u8], new: &[u8]) -> Box<dyn FnOnce()> {
    let folder = input.parent().unwrap().to_owned();
    let write = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).unwrap();
    match movement {
        Movement::Replaced => {
            let other = folder.with_file_name("other");
            write(&other, new);
            std::fs::rename(other, input).unwrap();
        }
        Movement::Rewritten => write(input, new),
        Movement::Grown => {
            let rows = new.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            OpenOptions::new().append(true).open(input).unwrap().write_all(&new[rows..]).unwrap();
        }
        Movement::Truncated => {
            let rows = old.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let half = rows + (old.len() - rows) / ROWS * 2;
            OpenOptions::new().write(true).open(input).unwrap().set_len(half as u64).unwrap();
        }
        Movement::Deleted => std::fs::remove_file(input).unwrap(),
        Movement::Renamed => std::fs::rename(input, input.with_file_name("later.csv")).unwrap(),
        Movement::Saved => {
            let temporary = input.with_file_name("~day.tmp");
            write(&temporary, new);
            std::fs::remove_file(input).unwrap();
            std::fs::rename(temporary, input).unwrap();
        }
        Movement::FolderAway => {
            let away = folder.with_file_name("away");
            std::fs::rename(&folder, &away).unwrap();
            return Box::new(move || back(&away, &folder));
        }
    }
    Box::new(|| ())
}

fn back(away: &Path, folder: &PathBuf) {
    // Whoever lays a folder there meanwhile would hide the files: nobody may.
    assert!(!folder.exists(), "a folder was made in the place of one that is away");
    std::fs::rename(away, folder).unwrap();
}

/// Every intake is one of the contents that lay there as a whole.
fn whole_or_nothing(life: &Life) -> Result<(), String> {
    for (document, lots) in life.lots_by_document() {
        if lots != ROWS && lots != 2 {
            return Err(format!("of document {document} {lots} rows were registered"));
        }
    }
    Ok(())
}

fn trials() -> Vec<Trial> {
    let of = |movement: Movement| POINTS.map(|at| Trial { movement, at });
    MOVEMENTS.into_iter().flat_map(of).collect()
}

#[test]
fn a_file_that_moves_while_it_is_copied_is_taken_whole_or_not_yet() {
    // Three and eight have nothing in common: every movement and every point has its turns.
    if has_points() {
        each("movements", trials().into_iter().step_by(3), hold);
    }
}

#[test]
#[ignore = "long: every movement at every point"]
fn a_file_that_moves_at_any_point_of_its_copy() {
    if has_points() {
        each("movements", trials(), hold);
    }
}

/// A writer that writes an export in pieces, pauses, and may be slower or faster than the settle time: what it is in
/// a given run does not matter, because neither may half a row be sent nor a row twice.
fn written_in_pieces(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let mut life = Life::new(GOOD, "[drop]\nsettle = \"50ms\"\npoll = \"20ms\"");
    let bytes = life.export(20, false).into_bytes();
    let child = life.place.command(&["watch"]).spawn().unwrap();
    let input = life.place.path("drop/day.csv");
    let mut file = OpenOptions::new().create_new(true).append(true).open(&input).unwrap();
    let mut written = 0;
    while written < bytes.len() {
        let piece = (1 + usize::try_from(dice.throw(300)).unwrap()).min(bytes.len() - written);
        file.write_all(&bytes[written..written + piece]).unwrap();
        written += piece;
        std::thread::sleep(std::time::Duration::from_millis(dice.throw(90)));
    }
    drop(file);
    until("the last row is reported", || {
        let path = life.place.path("drop/day.csv.result.csv");
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(";L1-20;"))
    });
    signal(&child, "TERM");
    Ran::of(child.wait_with_output().unwrap());
    life.live_out()
}

#[test]
fn a_writer_that_pauses_gets_each_row_reported_once() {
    each("slow writers", 1..=6, written_in_pieces);
}

#[test]
#[ignore = "long: 200 seeds"]
fn a_writer_that_pauses_for_any_time() {
    each("slow writers", 1..=200, written_in_pieces);
}
