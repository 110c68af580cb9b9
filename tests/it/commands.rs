//! Commands that speak of the program itself, not of a file.

use std::path::Path;

use serde_json::Value;

use super::place::{Place, Ran, program};
use super::sheet::Sheet;

fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(program(dir, args).output().unwrap())
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rxdrop-it-").tempdir().unwrap()
}

#[test]
fn demo_does_the_whole_job_with_nothing_configured() {
    let dir = folder();
    let ran = run(dir.path(), &["demo"]).exits(1);
    for part in ["deliveries.csv", "deliveries.xlsx", "nightly.csv", "accepted", "refused", "1995"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let told: Vec<&str> = ran.stdout.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(told.len(), 11, "{}", ran.stdout);
    assert!(told.iter().all(|path| dir.path().join(path).is_file()), "{told:?}");
    let result = Sheet::read(&dir.path().join("rxdrop-demo/drop/deliveries.csv.result.csv"));
    assert_eq!(result.rows.len(), 61);
    let again = run(dir.path(), &["demo"]).exits(2);
    assert!(again.stderr.contains("holds a demo already"), "{}", again.stderr);
}

#[test]
fn what_init_writes_satisfies_the_doctor() {
    let dir = folder();
    run(dir.path(), &["init"]).exits(0);
    let doctor = run(dir.path(), &["doctor", "--offline", "--proof", "proof.json"]).exits(0);
    assert!(doctor.stdout.trim_end().ends_with("OFFLINE"), "{}", doctor.stdout);
    assert!(!doctor.stdout.contains("BAD"), "{}", doctor.stdout);
    let proof: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("proof.json")).unwrap()).unwrap();
    assert_eq!(proof["verdict"], "OFFLINE");
    let again = run(dir.path(), &["init"]).exits(2);
    assert!(again.stderr.contains("nothing is overwritten"), "{}", again.stderr);
}

#[test]
fn the_doctor_logs_in_and_sends_nothing() {
    let place = Place::new(&toml::Table::new());
    let doctor = place.run(&["doctor"]).exits(0);
    assert!(doctor.stdout.trim_end().ends_with("ONLINE"), "{}", doctor.stdout);
    assert_eq!(place.books()["requests"]["submit"], 0);
    assert_eq!(place.books()["tokens"], 1);
    let wrong: toml::Table =
        toml::from_str("[destination.sespa]\nclient_secret = { value = \"wrong\" }").unwrap();
    place.configure(&wrong);
    let doctor = place.run(&["doctor"]).exits(2);
    assert!(
        doctor.stdout.contains("D001") && doctor.stdout.trim_end().ends_with("OFFLINE"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn explain_lists_and_explains_every_code_in_both_languages() {
    let dir = folder();
    for lang in ["bg", "en"] {
        let list = run(dir.path(), &["explain", "--lang", lang]).exits(0);
        let known = rxdrop::run::code_rooms();
        let known: Vec<&str> = known.iter().flatten().map(|code| code.code).collect();
        let listed: Vec<&str> =
            list.stdout.lines().filter_map(|line| line.split_once(' ')).map(|(code, _)| code).collect();
        assert_eq!(listed, known);
    }
    let one = run(dir.path(), &["explain", "v003", "--lang", "bg"]).exits(0);
    for part in ["V003", "Защо", "Пример", "Какво да се направи", "Кой"] {
        assert!(one.stdout.contains(part), "{part}: {}", one.stdout);
    }
    run(dir.path(), &["explain", "Z999"]).exits(2);
}

#[test]
fn schemas_are_json_and_completions_name_the_commands() {
    let dir = folder();
    for format in ["config", "mapping", "receipt", "issue"] {
        let schema = run(dir.path(), &["schema", format]).exits(0).json();
        assert!(schema["$schema"].is_string() && schema["properties"].is_object(), "{format}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(dir.path(), &["completions", shell]).exits(0).stdout;
        for command in ["watch", "resolve", "inspect"] {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
}

#[test]
fn usage_mistakes_end_with_two_and_say_what_is_right() {
    let place = Place::new(&toml::Table::new());
    let bare = place.run(&["release", "72", "--by", "a", "--reason", "b"]).exits(2);
    for form in ["id:72", "no:72", "batch:72", "FILE:72"] {
        assert!(bare.stderr.contains(form), "{}", bare.stderr);
    }
    place.run(&["release", "no:1", "--by", "a", "--reason", "b"]).exits(2);
    place.run(&["resolve", "no:1", "--by", "a", "--reason", "b"]).exits(2);
    place.run(&["run", "--wait", "soon"]).exits(2);
    place.run(&["nonsense"]).exits(2);
    place.run(&["--help"]).exits(0);
    place.run(&["-c", "none.toml", "run"]).exits(2);
}

#[test]
fn the_sandbox_command_serves_until_it_is_stopped() {
    use std::io::{BufRead as _, BufReader};
    let dir = folder();
    let mut child = program(dir.path(), &["sandbox", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("http://127.0.0.1:") && line.trim_end().ends_with("/sespa"), "{line}");
    let address = line.trim().trim_start_matches("http://").trim_end_matches("/sespa").to_owned();
    std::net::TcpStream::connect(address).unwrap();
    let sent = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    run(dir.path(), &["sandbox", "--listen", "0.0.0.0:0"]).exits(2);
}

#[test]
fn convert_tells_of_rows_that_are_in_neither_output() {
    let dir = folder();
    std::fs::write(dir.path().join("usual.toml"), include_str!("../cases/mapping.toml")).unwrap();
    let text = "Дата;Док;Ред;Вид;Код;Партида;Колич;Налич;Склад;Обект;Бележка\n\
                01.08.2026;D;1;брак;2415;L1;1;1;1532;;\nОбщо ли;D;2;брак;2415;L1;1;1;1532;;\n";
    std::fs::write(dir.path().join("day.csv"), text).unwrap();
    let args = ["convert", "day.csv", "--mapping", "usual.toml", "--today", "2026-09-01", "-o", "out.jsonl"];
    let ran = run(dir.path(), &args);
    assert!(ran.stderr.contains("W116"), "{}", ran.stderr);
}

/// A file of many blocks, which several threads take in turn.
#[test]
fn convert_keeps_the_order_of_a_long_file() {
    let dir = folder();
    let mapping = include_str!("../cases/mapping.toml");
    std::fs::write(dir.path().join("usual.toml"), mapping).unwrap();
    let mut text = "Дата;Док;Ред;Вид;Код;Партида;Колич;Налич;Склад;Обект;Бележка\n".to_owned();
    for number in 2..=9_000 {
        // Damaged in turn: not at all, a quantity that is none, a quoted cell, a blank row.
        let line = match number % 50 {
            7 => format!("01.08.2026;D;{number};брак;2415;L1;много;1;1532;;акт {number}\n"),
            8 => format!("01.08.2026;D;{number};брак;2415;\"L;1\";1;1;1532;;акт {number}\n"),
            9 => "\n".to_owned(),
            _ => format!("01.08.2026;D;{number};брак;2415;L1;1;1;1532;;акт {number}\n"),
        };
        text.push_str(&line);
    }
    std::fs::write(dir.path().join("day.csv"), text).unwrap();
    let args = ["convert", "day.csv", "--mapping", "usual.toml", "-o", "out.jsonl", "--errors", "errors.csv"];
    run(dir.path(), &[&args[..], &["--today", "2026-09-01"]].concat()).exits(1);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let note = |line: &str| serde_json::from_str::<Value>(line).unwrap()["notes"].clone();
    let sent: Vec<Value> = read("out.jsonl").lines().map(note).collect();
    let is_sent = |number: &u32| !matches!(number % 50, 7 | 9);
    let expected: Vec<Value> =
        (2..=9_000).filter(is_sent).map(|number| format!("акт {number}").into()).collect();
    assert_eq!(sent, expected);
    let refused: Vec<String> =
        read("errors.csv").lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect();
    let expected: Vec<String> =
        (2..=9_000).filter(|number| number % 50 == 7).map(|number: u32| number.to_string()).collect();
    assert_eq!(refused, expected);
}
