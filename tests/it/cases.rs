//! Runs the cases of `tests/cases`, several at once.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use super::case::{Case, Edit, Step};
use super::place::{Place, Ran, root};
use super::sheet::Sheet;
use super::{balance, normal};

/// Cases that run at the same time; most of their time is the program's start and the disk's flushes.
const AT_ONCE: usize = 6;

/// `RXDROP_CASE=part` runs those whose names contain it; `RXDROP_BLESS=1` writes `out/` anew.
#[test]
fn every_case_holds() {
    let wanted = setting("RXDROP_CASE");
    let cases = Case::all().into_iter().filter(|case| case.name.contains(&wanted));
    let left: Mutex<VecDeque<Case>> = Mutex::new(cases.collect());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = next(&left) {
                    if let Err(told) = hold(&case) {
                        failed.lock().unwrap().push(format!("{} ({}): {told}", case.name, case.script.about));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} case(s) failed\n\n{}", failed.len(), failed.join("\n\n"));
}

fn next(left: &Mutex<VecDeque<Case>>) -> Option<Case> {
    left.lock().unwrap().pop_front()
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn hold(case: &Case) -> Result<(), String> {
    let caught = std::panic::catch_unwind(|| steps(case));
    caught.unwrap_or_else(|panic| {
        let told = panic.downcast_ref::<String>().cloned();
        let told = told.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Err(told.unwrap_or_default())
    })
}

fn steps(case: &Case) -> Result<(), String> {
    let place = Place::new(&case.script.config);
    let mappings = case.folder.join("in/mappings");
    if mappings.is_dir() {
        std::fs::remove_file(place.path("mappings/usual.toml")).unwrap();
        for entry in std::fs::read_dir(&mappings).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), place.path("mappings").join(entry.file_name())).unwrap();
        }
    }
    let mut touched = false;
    for (number, step) in (1..).zip(&case.script.step) {
        let told = |what: String| format!("step {number}: {what}");
        prepare(case, &place, step);
        touched |= touches(step);
        if !step.run.is_empty() {
            ran(&place, step).map_err(told)?;
        }
        // Books that somebody changed by hand need not balance any more.
        if !step.run.is_empty() && !touched {
            balance::check(&place).map_err(told)?;
        }
        expect(&place, step).map_err(told)?;
    }
    case.script.compare.iter().try_for_each(|name| compare(case, &place, name))
}

/// Whether a step does what only somebody with a tool of his own does: books and evidence need not hold after it.
fn touches(step: &Step) -> bool {
    let mut changed = step.remove.iter().chain(step.write.keys());
    !step.sql.is_empty() || changed.any(|name| name.starts_with("state/"))
}

fn prepare(case: &Case, place: &Place, step: &Step) {
    if let Some(settings) = &step.config {
        place.configure(settings);
    }
    for what in &step.put {
        put(case, place, what, "");
    }
    for what in &step.drop {
        put(case, place, what, "drop/");
    }
    for (name, text) in &step.write {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, filled(place, text)).unwrap();
    }
    for id in &step.cancel {
        place.cancel(filled(place, id).parse().unwrap());
    }
    if let Some(name) = &step.list {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, place.list()).unwrap();
    }
    for one in &step.replace {
        let path = place.path(&one.file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (from, to) = (filled(place, &one.from), filled(place, &one.to));
        assert!(text.contains(&from), "{} does not hold {from}: {text}", one.file);
        std::fs::write(path, text.replace(&from, &to)).unwrap();
    }
    step.edit.iter().for_each(|one| edit(place, one));
    for name in &step.remove {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    for name in &step.touch {
        save_again(&place.path(name), std::time::SystemTime::now());
    }
    for name in &step.restore {
        let path = place.path(name);
        save_again(&path, std::fs::metadata(&path).unwrap().modified().unwrap());
    }
    for statement in &step.sql {
        place.ledger().unwrap().execute_batch(statement).unwrap();
    }
    if let Some(rules) = &step.faults {
        place.faults(&serde_json::json!({ "rules": rules }).to_string());
    }
}

/// `X` or `X as Y`: X of the case's `in/`, else of the repository. A text put as `.xlsx` becomes a workbook.
fn put(case: &Case, place: &Place, what: &str, under: &str) {
    let (source, name) = what.split_once(" as ").unwrap_or((what, what));
    let own = case.folder.join("in").join(source);
    let from = if own.exists() { own } else { root().join(source) };
    let base = Path::new(name).file_name().unwrap().to_string_lossy();
    let goal =
        place.path(&if what.contains(" as ") { format!("{under}{name}") } else { format!("{under}{base}") });
    std::fs::create_dir_all(goal.parent().unwrap()).unwrap();
    if goal.extension().is_some_and(|kind| kind == "xlsx")
        && from.extension().is_some_and(|kind| kind == "csv")
    {
        return Sheet::read(&from).write(&goal);
    }
    let bytes = std::fs::read(&from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    let bytes = match case.script.encoding.get(source).map(String::as_str) {
        None => bytes,
        Some("utf-16le") => {
            let text = String::from_utf8(bytes).unwrap();
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        }
        Some(name) => {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            encoding.encode(&String::from_utf8(bytes).unwrap()).0.into_owned()
        }
    };
    std::fs::write(goal, bytes).unwrap();
}

/// The same bytes under the same name in a file of their own, changed at that time.
fn save_again(path: &Path, at: std::time::SystemTime) {
    let copy = path.with_extension("copied.tmp");
    std::fs::copy(path, &copy).unwrap();
    std::fs::File::options().write(true).open(&copy).unwrap().set_modified(at).unwrap();
    std::fs::rename(copy, path).unwrap();
}

fn edit(place: &Place, one: &Edit) {
    let path = place.path(&one.file);
    let mut sheet = Sheet::read(&path);
    let at = sheet.rows.iter().position(|row| sheet.cell(row, "rx_row") == one.row);
    let at = at.unwrap_or_else(|| panic!("no row {} in {}", one.row, one.file));
    for (column, value) in &one.set {
        let column =
            sheet.column(column).unwrap_or_else(|| panic!("no column {column} in {:?}", sheet.header));
        sheet.rows[at][column].clone_from(value);
    }
    sheet.write(&one.save_as.as_ref().map_or(path, |name| place.path(name)));
}

fn ran(place: &Place, step: &Step) -> Result<(), String> {
    let args: Vec<String> = step.run.iter().map(|arg| filled(place, arg)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = place.run(&args);
    let told = |what: String| format!("{args:?}: {what}\nstdout:\n{}stderr:\n{}", ran.stdout, ran.stderr);
    if ran.exit != step.exit {
        return Err(told(format!("exit {} instead of {}", ran.exit, step.exit)));
    }
    said(place, &ran, step).map_err(told)
}

fn said(place: &Place, ran: &Ran, step: &Step) -> Result<(), String> {
    let (stdout, stderr) = (normal::text(place, &ran.stdout), normal::text(place, &ran.stderr));
    let absent = |text: &str, wanted: &[String]| wanted.iter().find(|part| !text.contains(*part)).cloned();
    if let Some(part) = absent(&stdout, &step.stdout) {
        return Err(format!("stdout lacks {part:?}"));
    }
    if let Some(part) = absent(&stderr, &step.stderr) {
        return Err(format!("stderr lacks {part:?}"));
    }
    match step.not_stdout.iter().find(|part| stdout.contains(*part)) {
        Some(part) => Err(format!("stdout holds {part:?}")),
        None => Ok(()),
    }
}

/// `{rx_number a.csv 3}`: a cell of row 3 of that file's result.
fn filled(place: &Place, text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(start) = text.find("{rx_") {
        let end = start + text[start..].find('}').unwrap();
        let parts: Vec<&str> = text[start + 1..end].split(' ').collect();
        let [column, file, row] = parts[..] else { panic!("{text}") };
        let sheet = Sheet::read(&result_of(place, file));
        let found = sheet.rows.iter().find(|cells| sheet.cell(cells, "rx_row") == row);
        let cell = sheet.cell(found.unwrap_or_else(|| panic!("{text}: no such row")), column).to_owned();
        text.replace_range(start..=end, &cell);
    }
    text
}

fn result_of(place: &Place, file: &str) -> PathBuf {
    let places = ["", "drop/", "drop/reconcile/"]
        .into_iter()
        .flat_map(|under| ["xlsx", "csv"].map(|kind| place.path(&format!("{under}{file}.result.{kind}"))));
    let places: Vec<PathBuf> = places.collect();
    places.iter().find(|path| path.exists()).or(places.last()).unwrap().clone()
}

fn expect(place: &Place, step: &Step) -> Result<(), String> {
    for (file, wanted) in &step.rows {
        let found = rows(&result_of(place, file));
        if &found != wanted {
            return Err(format!("rows of {file}: {found:#?}\ninstead of {wanted:#?}"));
        }
    }
    for (file, wanted) in &step.totals {
        let receipt = receipt(place, file);
        let totals = receipt["totals"].as_object().unwrap().iter();
        let found: BTreeMap<String, u64> = totals
            .map(|(status, rows)| (status.clone(), rows.as_u64().unwrap()))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        if &found != wanted {
            return Err(format!("totals of {file}: {found:?} instead of {wanted:?}"));
        }
    }
    for (file, wanted) in &step.state {
        let found = receipt(place, file)["state"].as_str().unwrap().to_owned();
        if &found != wanted {
            return Err(format!("state of {file}: {found} instead of {wanted}"));
        }
    }
    parts(place, &step.holds, true)?;
    parts(place, &step.lacks, false)?;
    if let Some(file) = step.gone.iter().find(|file| place.path(file).exists()) {
        return Err(format!("{file} is still there"));
    }
    listing(place, step)?;
    books(place, step)
}

/// Whether each file holds all of its parts, or none.
fn parts(place: &Place, of: &BTreeMap<String, Vec<String>>, held: bool) -> Result<(), String> {
    for (file, parts) in of {
        let path = place.path(file);
        let text =
            if path.exists() { normal::file(place, &path) } else { return Err(format!("no file {file}")) };
        if let Some(part) = parts.iter().find(|part| text.contains(*part) != held) {
            let told = if held { "lacks" } else { "holds" };
            return Err(format!("{file} {told} {part:?}: {text}"));
        }
    }
    Ok(())
}

fn receipt(place: &Place, file: &str) -> Value {
    let path = place.path(&format!("drop/{file}.receipt.json"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// `ROW STATUS CODES` of each row.
fn rows(path: &Path) -> Vec<String> {
    let sheet = Sheet::read(path);
    let line = |row: &Vec<String>| {
        let cells = ["rx_row", "rx_status", "rx_codes"].map(|name| sheet.cell(row, name).to_owned());
        cells.join(" ").trim_end().to_owned()
    };
    sheet.rows.iter().map(line).collect()
}

fn listing(place: &Place, step: &Step) -> Result<(), String> {
    let Some(wanted) = &step.files else { return Ok(()) };
    let entries = std::fs::read_dir(place.path("drop")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    // Our mark lies in every drop folder.
    let names = names.filter(|name| ![".rxdrop-owner", "reconcile"].contains(&name.as_str()));
    let mut found: Vec<String> = names.map(|name| normal::text(place, &name)).collect();
    found.sort();
    if &found == wanted { Ok(()) } else { Err(format!("files {found:#?}")) }
}

fn books(place: &Place, step: &Step) -> Result<(), String> {
    let books = place.books();
    for (what, wanted) in &step.books {
        let found = books.get(what).or_else(|| books["requests"].get(what)).and_then(Value::as_u64);
        if found != Some(*wanted) {
            return Err(format!("the sandbox counts {what} {found:?} instead of {wanted}"));
        }
    }
    Ok(())
}

fn compare(case: &Case, place: &Place, name: &str) -> Result<(), String> {
    let found = normal::file(place, &place.path(name));
    let base = Path::new(name).file_name().unwrap().to_string_lossy();
    let path =
        case.folder.join("out").join(format!("{base}{}", if base.ends_with(".xlsx") { ".txt" } else { "" }));
    if !setting("RXDROP_BLESS").is_empty() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let mut pairs = found.lines().zip(wanted.lines());
    if let Some((found, wanted)) = pairs.find(|(found, wanted)| found != wanted) {
        return Err(format!("{name}:\n   is {found}\nnot {wanted}\n(RXDROP_BLESS=1 writes out/ anew)"));
    }
    if found.lines().count() == wanted.lines().count() {
        Ok(())
    } else {
        Err(format!("{name} has another length than out/{base}"))
    }
}
