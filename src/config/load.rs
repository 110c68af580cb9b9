//! From the file to the settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::codes::{C001, C002, C003, C004, C005, C007, C010, C011, C018};
use super::document::{Document, nearest};
use super::problem::{Problem, Problems, Source};
use super::raw::{RawDrop, RawFile, RawLedger, RawLog};
use super::{Config, DropFolder, LedgerSettings, LogSettings, is_network_path, sections, text};

/// Shortest time between two listings; less would be a busy loop.
const LEAST_POLL: Duration = Duration::from_millis(10);

/// Reads and checks a configuration.
///
/// # Errors
/// Everything wrong in it, at once. Where the form of the file is broken, what its keys say is not judged.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let unreadable = |error: std::io::Error| {
        Problems::one(Problem::new(&C001, vec![path.display().to_string(), error.to_string()]))
    };
    let text = text::read(path).map_err(unreadable)?;
    let path = std::path::absolute(path).map_err(unreadable)?;
    let source = Arc::new(Source { path, text });
    let mut document = Document::parse(&source);
    let config = config(&mut document);
    if document.found.iter().any(|problem| problem.code.code == C002.code) {
        document.found.retain(|problem| [C002.code, C003.code].contains(&problem.code.code));
    }
    Problems::of(document.found).map_or(Ok(config), Err)
}

fn config(document: &mut Document<'_>) -> Config {
    let path = document.source.path.clone();
    let dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
    document.read::<RawFile>(&[]);
    let sections = sections::read(document, &dir);
    let names: Vec<&str> = sections.iter().map(|section| section.name.as_str()).collect();
    let ledger = ledger(document, &dir);
    let log = log(document, ledger.path.parent().unwrap_or(&dir));
    let drops: Vec<_> =
        (0..document.count(&["drop"])).map(|index| drop(document, &dir, index, &names)).collect();
    for index in 0..drops.len() {
        refuse_second(document, &drops, index);
    }
    Config { path, dir, ledger, log, drops, sections }
}

/// A hundred years: more is a slip.
const MOST_DAYS: u32 = 36_500;

fn ledger(document: &mut Document<'_>, dir: &Path) -> LedgerSettings {
    let (raw, _) = document.read::<RawLedger>(&["ledger"]);
    let place = ["ledger", "url"];
    let said = database(document, &place, &raw.url);
    let path = said.map_or_else(|| dir.join("rxdrop.db"), |path| resolve(document, &place, dir, path));
    // Joined to a folder, `\\server` would be a plain name where backslashes part nothing.
    if said.is_some_and(|said| is_network_path(Path::new(said))) || is_network_path(&path) {
        document.problem(&place, Problem::new(&C011, vec![path.display().to_string()]));
    }
    let installation = u16::try_from(raw.installation).ok().filter(|number| (1..=999).contains(number));
    if installation.is_none() {
        wrong(document, &["ledger", "installation"], "1 to 999");
    }
    let days = u32::try_from(raw.keep_raw_days).ok().filter(|days| *days <= MOST_DAYS);
    if days.is_none() {
        wrong(document, &["ledger", "keep_raw_days"], "0 to 36500");
    }
    let keep_raw_days = days.filter(|days| *days > 0);
    LedgerSettings { path, installation: installation.unwrap_or(1), keep_raw_days }
}

/// The path in a database's URL.
fn database<'a>(document: &mut Document<'_>, place: &[&str], url: &'a str) -> Option<&'a str> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        document.problem(place, Problem::new(&C010, vec!["postgres://".to_owned()]));
        return None;
    }
    let path = url.strip_prefix("sqlite://").filter(|path| !path.is_empty());
    if path.is_none() {
        wrong(document, place, "sqlite://state/rxdrop.db");
    }
    // `sqlite:///C:/rxdrop/rxdrop.db` is how URLs write a path with a drive.
    let drive =
        path.and_then(|path| path.strip_prefix('/')).filter(|path| path.as_bytes().get(1) == Some(&b':'));
    drive.or(path)
}

fn log(document: &mut Document<'_>, ledger_dir: &Path) -> LogSettings {
    let (raw, _) = document.read::<RawLog>(&["log"]);
    let file = optional_path(document, &["log", "file"], ledger_dir, Some(&raw.file));
    LogSettings { file, level: raw.level }
}

fn drop(document: &mut Document<'_>, dir: &Path, index: usize, names: &[&str]) -> DropFolder {
    let index = index.to_string();
    let at = |key| ["drop", &index, key];
    let (raw, _) = document.read::<RawDrop>(&["drop", &index]);
    if raw.poll.0 < LEAST_POLL {
        wrong(document, &at("poll"), "at least 10ms");
    }
    let destination = Some(raw.destination).filter(|name| !name.is_empty());
    if let Some(name) = destination.as_deref().filter(|name| !names.contains(name)) {
        document
            .problem(&at("destination"), Problem::new(&C007, vec![name.to_owned(), nearest(name, names)]));
    }
    let mappings = raw.mappings.as_slice().iter();
    DropFolder {
        folder: required_path(document, &at("folder"), dir, &raw.folder),
        mappings: mappings.map(|path| required_path(document, &at("mappings"), dir, path)).collect(),
        destination,
        settle: raw.settle.0,
        poll: raw.poll.0,
        since: raw.since,
        accept: raw.accept,
        after: raw.after,
        language: raw.language.into(),
        lists: false,
    }
}

/// A folder watched twice would take every file twice.
fn refuse_second(document: &mut Document<'_>, drops: &[DropFolder], index: usize) {
    let folder = drops.get(index).map(|drop| &drop.folder);
    if drops.iter().take(index).any(|earlier| Some(&earlier.folder) == folder) {
        let shown = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
        document.problem(&["drop", &index.to_string(), "folder"], Problem::new(&C018, vec![shown]));
    }
}

/// Adds the problem of a value that is not what it must be.
pub(super) fn wrong(document: &mut Document<'_>, place: &[&str], must: &str) {
    let key = place.last().copied().unwrap_or_default().to_owned();
    document.problem(place, Problem::new(&C004, vec![key, format!("must be {must}")]));
}

/// A path that may be left empty.
pub(super) fn optional_path(
    document: &mut Document<'_>,
    place: &[&str],
    dir: &Path,
    path: Option<&str>,
) -> Option<PathBuf> {
    path.filter(|path| !path.is_empty()).map(|path| resolve(document, place, dir, path))
}

fn required_path(document: &mut Document<'_>, place: &[&str], dir: &Path, path: &str) -> PathBuf {
    if path.is_empty() {
        wrong(document, place, "a path, not empty");
    }
    resolve(document, place, dir, path)
}

/// A path from the folder of the file. In double quotes TOML makes a tab of `\t`, so a control
/// character is a mistake that single quotes end.
fn resolve(document: &mut Document<'_>, place: &[&str], dir: &Path, path: &str) -> PathBuf {
    if path.chars().any(char::is_control) {
        let written = single_quoted(document.written(place), path);
        document.problem(place, Problem::new(&C005, vec![written]));
    }
    dir.join(path).components().collect()
}

/// How a path should have been written: the bytes of the file in single quotes. In a list, where the
/// whole list is what was written, the path with its control characters turned back.
fn single_quoted(written: &str, path: &str) -> String {
    let inner = written.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    match inner {
        Some(inner) => format!("'{inner}'"),
        None => format!("'{}'", with_escapes(path)),
    }
}

fn with_escapes(path: &str) -> String {
    let escaped =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    path.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::{Accept, After, Level};
    use crate::destinations::Secret;
    use crate::model::{Environment, Lang};

    fn load_bytes(bytes: &[u8]) -> (tempfile::TempDir, Result<Config, Problems>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rxdrop.toml");
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        let config = load(&path);
        (dir, config)
    }

    fn good(text: &str) -> (tempfile::TempDir, Config) {
        let (dir, config) = load_bytes(text.as_bytes());
        (dir, config.unwrap_or_else(|problems| panic!("{problems}")))
    }

    /// Code and line of each problem.
    fn bad(text: &str) -> Vec<(&'static str, usize)> {
        let (_dir, config) = load_bytes(text.as_bytes());
        let problems = config.expect_err("must be refused");
        problems.iter().map(|problem| (problem.code.code, problem.line_column().unwrap().0)).collect()
    }

    #[test]
    fn an_empty_file_is_the_sandbox() {
        let (dir, config) = good("");
        assert_eq!(config.ledger.path, dir.path().join("state/rxdrop.db"));
        assert_eq!(config.ledger.installation, 1);
        assert_eq!(config.log, LogSettings { file: None, level: Level::Info });
        assert!(config.drops.is_empty());
        let section = config.section("sespa").unwrap();
        assert_eq!(section.environment, Environment::Sandbox);
        assert_eq!(section.client_id, Some(Secret::Value { value: "sandbox".to_owned() }));
    }

    #[test]
    fn paths_start_at_the_folder_of_the_file() {
        let (dir, config) = good(concat!(
            "[ledger]\nurl = \"sqlite://a/b.db\"\n[log]\nfile = \"rxdrop.log\"\nlevel = \"debug\"\n",
            "[[drop]]\nfolder = \"./in\"\nmappings = ['m/a.toml', '/abs/b.toml']\nsettle = \"0s\"\npoll = \"1m\"\n",
            "accept = \"whole-document\"\nafter = \"archive\"\nlanguage = \"en\"\nsince = \"2026-01-02\"\n",
        ));
        let drop = &config.drops[0];
        assert_eq!(config.log.file, Some(dir.path().join("a/rxdrop.log")), "beside the ledger");
        assert_eq!(drop.folder, dir.path().join("in"));
        assert_eq!(drop.mappings, [dir.path().join("m/a.toml"), PathBuf::from("/abs/b.toml")]);
        assert_eq!((drop.settle, drop.poll), (Duration::ZERO, Duration::from_mins(1)));
        assert_eq!(
            (drop.accept, drop.after, drop.language),
            (Accept::WholeDocument, After::Archive, Lang::En)
        );
    }

    #[test]
    fn a_mark_or_utf_16_changes_nothing() {
        let text = "[ledger]\r\ninstallation = 7\r\n";
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [utf16, format!("\u{feff}{text}").into_bytes()] {
            let (_dir, config) = load_bytes(&bytes);
            assert_eq!(config.unwrap().ledger.installation, 7);
        }
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let text = concat!(
            "[ledger]\ninstallation = 1000\nurll = \"x\"\n",
            "[[drop]]\nfolder = \"\"\nsettle = \"soon\"\npoll = \"0s\"\ndestination = \"sepsa\"\n",
            "[destination.sespa]\nlate = \"never\"\n",
        );
        let expected =
            [("C004", 2), ("C003", 3), ("C004", 5), ("C004", 6), ("C004", 7), ("C007", 8), ("C004", 10)];
        assert_eq!(bad(text), expected);
    }

    #[test]
    fn a_windows_path_in_double_quotes_is_shown_in_single_ones() {
        let (_dir, config) = load_bytes(b"[[drop]]\nfolder = \"C:\\temp\"\n");
        let shown = config.unwrap_err().to_string();
        assert!(shown.contains("'C:\\temp'"), "{shown}");
        let (_dir, config) = load_bytes(b"[[drop]]\nfolder = \"C:\\data\"\n");
        let shown = config.unwrap_err().to_string();
        assert!(shown.contains("single quotes"), "{shown}");
        let (_dir, config) = load_bytes("[[drop]]\nmappings = [\"C:\\\\Схеми\\temp\"]\n".as_bytes());
        let shown = config.unwrap_err().to_string();
        assert!(shown.contains("'C:\\Схеми\\temp'"), "{shown}");
        good("[[drop]]\nfolder = 'C:\\temp'\n");
    }

    #[test]
    fn the_ledger_is_a_local_sqlite() {
        assert_eq!(bad("[ledger]\nurl = \"postgres://db/rxdrop\"\n"), [("C010", 2)]);
        assert_eq!(bad("[ledger]\nurl = 'sqlite://\\\\srv\\share\\rxdrop.db'\n"), [("C011", 2)]);
        assert_eq!(bad("[ledger]\nurl = \"state/rxdrop.db\"\n"), [("C004", 2)]);
        assert_eq!(bad("[ledger]\nurl = \"sqlite://\"\n"), [("C004", 2)]);
        let (_dir, config) = good("[ledger]\nurl = \"sqlite:///var/lib/rxdrop.db\"\n");
        assert_eq!(config.ledger.path, Path::new("/var/lib/rxdrop.db"));
    }

    #[test]
    fn a_folder_is_watched_once() {
        assert_eq!(bad("[[drop]]\nfolder = \"in\"\n[[drop]]\nfolder = \"./in/\"\n"), [("C018", 4)]);
    }

    #[test]
    fn an_absent_file_is_named() {
        let problems = load(Path::new("not/there.toml")).unwrap_err();
        let shown = problems.render(Lang::Bg, true);
        assert!(shown.contains("C001") && shown.contains("there.toml"), "{shown}");
    }

    #[test]
    fn a_broken_form_hides_what_it_may_have_caused() {
        assert_eq!(bad("[ledger]\nurl = \nurll = 1\n[[drop]]\npoll = \"0s\"\n"), [("C002", 2), ("C003", 3)]);
    }

    #[test]
    fn a_table_that_is_none_is_said() {
        assert_eq!(
            bad("ledger = 5\ndrop = { folder = \"x\" }\nlogs = {}\n"),
            [("C004", 1), ("C004", 2), ("C003", 3)]
        );
    }
}
