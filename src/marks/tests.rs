use super::*;

fn position() -> Position {
    let ledger = "00000abc".to_owned();
    Position {
        ledger,
        installation: 7,
        number: 7_261_127_000_009,
        event: 20,
        at: None,
        head: "h20".to_owned(),
    }
}

fn mark(ledger: &str, number: i64, event: i64) -> Mark {
    let at = "2026-11-26T22:10:00Z".parse().unwrap();
    Mark {
        schema: SCHEMA.to_owned(),
        ledger: ledger.to_owned(),
        installation: 7,
        host: "depot".to_owned(),
        since: at,
        at,
        number,
        event,
        head: format!("h{event}"),
    }
}

/// What is made of a mark: `new`, `ours`, `away`, or a code with `!` where everything stops.
fn judged(read: &Read, is_marked: bool, was_at: bool) -> String {
    let books = Books { position: position(), is_marked, was_at };
    match judge(Path::new("/drop"), read, &books) {
        Standing::Ours(_) => "ours".to_owned(),
        Standing::New => "new".to_owned(),
        Standing::Away => "away".to_owned(),
        Standing::Barred(trouble) => trouble.code.code.to_owned(),
        Standing::Stopped(trouble) => format!("{}!", trouble.code.code),
    }
}

#[test]
fn what_a_mark_means() {
    let ours = Read::Mark(mark("00000abc", 7_261_127_000_009, 20));
    let other = Read::Mark(mark("99999999", 5, 2));
    let damaged = Read::Damaged("half".to_owned());
    for (read, is_marked, was_at, wanted) in [
        (&Read::None, false, true, "new"),
        (&Read::None, true, true, "K002"),
        (&Read::Away, true, true, "away"),
        (&ours, true, true, "ours"),
        // The ledger did not come to call it known before it was stopped: no stranger all the same.
        (&ours, false, true, "ours"),
        (&ours, true, false, "K005!"),
        (&ours, false, false, "K005!"),
        (&other, false, false, "K001"),
        (&other, true, false, "K006!"),
        (&damaged, false, true, "K003"),
        (&damaged, true, true, "K003"),
    ] {
        assert_eq!(judged(read, is_marked, was_at), wanted, "{read:?} {is_marked} {was_at}");
    }
}

#[test]
fn an_older_ledger_is_told_with_the_numbers_that_may_be_in_use() {
    let gap = |number| {
        let trouble = older(Path::new("/drop/.rxdrop-owner"), &mark("00000abc", number, 30), &position());
        trouble.message(Lang::En)
    };
    assert!(gap(7_261_127_000_259).contains("(numbers 7261127000010–7261127000259);"));
    assert!(gap(7_261_127_000_009).contains("(numbers —)"), "the same numbers, another history");
}

#[test]
fn a_mark_is_read_as_it_was_written_and_renewed_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    assert_eq!(read(&path), Read::None);
    file::create(dir.path(), &mark("a", 1, 1)).unwrap();
    let again = file::create(dir.path(), &mark("b", 1, 1)).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists, "whoever is second finds the first");
    file::write(&path, &mark("a", 987_654_321_012, 123_456), true).unwrap();
    assert_eq!(read(&path), Read::Mark(mark("a", 987_654_321_012, 123_456)));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 512, "one sector");
    assert_eq!(read(&dir.path().join("away").join(NAME)), Read::Away);
}

#[test]
fn a_mark_that_is_none_is_damaged_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    for text in ["", "{", "{\"schema\":\"rxdrop-mark/1\"}"] {
        std::fs::remove_file(&path).ok();
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();
        assert!(matches!(read(&path), Read::Damaged(_)), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_mark_that_leads_elsewhere_is_not_followed() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    file::create(outside.path(), &mark("a", 1, 1)).unwrap();
    let (path, target) = (dir.path().join(NAME), outside.path().join(NAME));
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(matches!(read(&path), Read::Damaged(_)));
    assert!(file::write(&path, &mark("b", 2, 2), false).is_err());
    std::fs::remove_file(&path).unwrap();
    std::fs::hard_link(&target, &path).unwrap();
    assert!(matches!(read(&path), Read::Damaged(_)));
    assert!(file::write(&path, &mark("b", 2, 2), false).is_err());
    assert_eq!(std::fs::read(&target).unwrap().len(), 512);
}

fn ledger(dir: &Path) -> Handle {
    let options = crate::ledger::Options {
        path: dir.join("rxdrop.db"),
        installation: 7,
        spool: dir.join("spool"),
        today: "2026-11-27".parse().unwrap(),
        now: DateTime::UNIX_EPOCH,
        seed: 1,
    };
    Handle::spawn(Box::new(crate::ledger::Sqlite::open(&options).unwrap())).unwrap()
}

#[test]
fn a_new_folder_is_marked_before_the_ledger_calls_it_known() {
    let (state, drop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, now) = (ledger(state.path()), DateTime::UNIX_EPOCH);
    let marks = Marks::new(&state.path().join("rxdrop.db"), "depot".to_owned());
    assert!(matches!(marks.look(&ledger, drop.path()).unwrap(), Standing::New), "looking writes nothing");
    assert!(matches!(marks.settle(&ledger, drop.path(), now).unwrap(), Standing::Ours(_)));
    std::fs::remove_file(drop.path().join(NAME)).unwrap();
    let missing = marks.settle(&ledger, drop.path(), now).unwrap();
    assert!(matches!(missing, Standing::Barred(trouble) if trouble.code.code == "K002"));
    assert!(!drop.path().join(NAME).exists(), "a folder in its place is not marked");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_can_t_be_marked_is_barred() {
    let state = tempfile::tempdir().unwrap();
    let marks = Marks::new(&state.path().join("rxdrop.db"), "depot".to_owned());
    let ledger = ledger(state.path());
    let standing = marks.settle(&ledger, Path::new("/proc/self"), DateTime::UNIX_EPOCH).unwrap();
    assert!(matches!(standing, Standing::Barred(trouble) if trouble.code.code == "K004"));
}

#[test]
fn a_folder_that_hangs_is_not_waited_for_twice() {
    let marks = Marks::new(Path::new("/state/rxdrop.db"), "depot".to_owned());
    let (free, hangs) = channel::<()>();
    let (folder, other) = (Path::new("/hanging"), Path::new("/other"));
    assert!(marks.with_patience(folder, move || hangs.recv()).is_none());
    assert!(marks.with_patience(folder, || ()).is_none(), "still hanging");
    assert!(marks.with_patience(other, || ()).is_some());
    drop(free);
}
