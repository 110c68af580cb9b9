//! A machine whose calendar is wrong, for the whole program: with libfaketime, where there is one.

use std::path::Path;

use super::place::{Place, Ran, root};

/// Where distributions put it.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

fn library() -> Option<String> {
    let named = std::env::var("FAKETIME_LIBRARY").ok();
    named.into_iter().chain(LIBRARIES.map(str::to_owned)).find(|path| Path::new(path).exists())
}

fn run_on(place: &Place, library: &str, shift: &str) -> Ran {
    let mut command = place.command(&["run", "--wait", "20s"]);
    command.env("LD_PRELOAD", library).env("FAKETIME", shift);
    Ran::of(command.output().unwrap())
}

#[test]
fn years_forward_or_back_neither_drop_nor_repeat_anything() {
    let Some(library) = library() else {
        eprintln!("SKIPPED: libfaketime is not installed, so no whole run with a wrong calendar");
        return;
    };
    for shift in ["-10y", "+10y"] {
        let place = Place::new(&toml::Table::new());
        std::fs::copy(root().join("tests/cases/unknown-half/in/day.csv"), place.path("drop/day.csv"))
            .unwrap();
        let busy = r#"{"rules": [{"on": "submit", "count": 1, "do": {"status": {"code": 429, "retry_after": 600}}}]}"#;
        place.faults(busy);
        place.run(&["run", "--wait", "1s"]).exits(3);
        assert_eq!(place.books()["registered"], 0, "put off for ten minutes");
        // Whatever was written down when the calendar was right is no ten years away now.
        let ran = run_on(&place, &library, shift).exits(0);
        assert!(ran.stderr.contains("W601"), "{}", ran.stderr);
        assert_eq!(place.books()["registered"], 2, "{shift}");
        place.run(&["run", "--wait", "1s"]).exits(0);
        assert_eq!(
            (&place.books()["registered"], &place.books()["requests"]["submit"]),
            (&2.into(), &2.into())
        );
    }
}
