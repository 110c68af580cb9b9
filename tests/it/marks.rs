//! Old ledger, two ledgers, no ledger: whatever was restored, copied, deleted or mounted wrongly sends nothing.

use std::path::Path;

use serde_json::Value;

use super::balance;
use super::crash::{drop_day, place, receipt_state, signal, statuses, submits, until};
use super::place::{Place, Ran, root};

const OTHER_LEDGER: &str = "[ledger]\nurl = \"sqlite://other/rxdrop.db\"";
const ONE_A_BATCH: &str = "[destination.sespa.wire]\nmax_batch = 1";
const BY: [&str; 4] = ["--by", "Ivanova", "--reason", "the old machine is gone"];

/// A file of other rows.
fn drop_next(place: &Place, name: &str, document: &str) {
    let day = root().join("tests/cases/again-every-fact/in/day.csv");
    let text = std::fs::read_to_string(day).unwrap().replace("77;", &format!("{document};"));
    std::fs::write(place.path("drop").join(name), text).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let goal = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &goal);
        } else {
            std::fs::copy(entry.path(), goal).unwrap();
        }
    }
}

fn configure(place: &Place, settings: &str) {
    place.configure(&toml::from_str(settings).unwrap());
}

/// Nothing is sent, and it is said why: by `run`, by `status`, and by `doctor`.
#[track_caller]
fn refuses(place: &Place, code: &str) -> Ran {
    let before = submits(place);
    let ran = place.run(&["run", "--lang", "en"]).exits(2);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains(code) && told.contains("takeover"), "{told}");
    assert_eq!(submits(place), before, "sent all the same");
    let status = place.run(&["status"]).exits(2);
    assert!(status.stdout.contains(code), "{}", status.stdout);
    let doctor = place.run(&["doctor", "--offline"]).exits(2);
    assert!(doctor.stdout.contains(code), "{}", doctor.stdout);
    ran
}

fn take_over(place: &Place, what: &str, exit: i32) -> Ran {
    place.run(&["takeover", what]).exits(2);
    place.run(&[&["takeover", what], &BY[..]].concat()).exits(exit)
}

fn codes(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path(&format!("drop/{file}.result.csv"))).unwrap()
}

fn registered(place: &Place) -> u64 {
    place.books()["registered"].as_u64().unwrap()
}

#[test]
fn a_second_installation_touches_nothing_until_it_takes_over_and_then_the_first_stops() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    drop_next(&place, "next.csv", "78");
    configure(&place, OTHER_LEDGER);
    refuses(&place, "K001");
    assert!(!place.path("drop/next.csv.receipt.json").exists(), "nothing there is touched");
    let status = place.run(&["status", "--json"]).json();
    assert_eq!(status["folders"][0]["state"], "barred");
    let shown = take_over(&place, "drop", 0).stdout;
    assert!(shown.contains("numbers up to") && shown.contains("portal"), "{shown}");
    place.run(&["run"]).exits(1);
    assert_eq!(statuses(&place, "next.csv"), ["held", "held"], "the first may have sent them");
    assert!(codes(&place, "next.csv").contains("L040"));
    assert_eq!(registered(&place), 2);
    configure(&place, "");
    refuses(&place, "K006");
}

/// A folder that a second installation had meanwhile, of which the first one has rows to send and to send again.
fn had_by_another() -> Place {
    let place = place(ONE_A_BATCH);
    place.faults(r#"{"rules":[{"on":"submit","do":{"status":{"code":429}}}]}"#);
    drop_day(&place, "day.csv");
    place.run(&["run", "--wait", "0s"]).exits(3);
    configure(&place, OTHER_LEDGER);
    take_over(&place, "drop", 0);
    place.faults("{}");
    configure(&place, ONE_A_BATCH);
    refuses(&place, "K006");
    place
}

#[test]
fn rows_of_a_folder_that_is_taken_back_wait_for_a_person() {
    let place = had_by_another();
    let told = take_over(&place, "drop", 3).stdout;
    assert!(told.contains("rows held: 1, now unknown: 1"), "{told}");
    place.run(&["run", "--wait", "0s"]).exits(3);
    assert_eq!(statuses(&place, "day.csv"), ["unknown", "held"], "the second may have sent them");
    assert_eq!(registered(&place), 0);
}

/// Saved again with one row more, what a takeover held gives way to the newer file's rows.
#[test]
fn what_a_takeover_held_and_the_list_shows_under_our_number_never_goes_again() {
    let place = place("");
    std::fs::copy(root().join("mappings/sespa/portal-list.toml"), place.path("mappings/portal.toml"))
        .unwrap();
    place.faults(r#"{"rules":[{"on":"submit","nth":1,"do":"apply_then_drop"}]}"#);
    drop_day(&place, "day.csv");
    place.run(&["run", "--wait", "0s"]).exits(3);
    place.run(&[&["resolve", "day.csv", "--not-received"], &BY[..]].concat()).exits(3);
    configure(&place, OTHER_LEDGER);
    take_over(&place, "drop", 0);
    configure(&place, "");
    let told = take_over(&place, "drop", 1).stdout;
    assert!(told.contains("rows held: 2"), "{told}");
    let day = std::fs::read_to_string(place.path("drop/day.csv")).unwrap();
    let more = day.lines().last().unwrap().replace("77;2;", "77;9;");
    std::fs::write(place.path("drop/more.csv"), format!("{day}{more}\r\n")).unwrap();
    place.run(&["run"]).exits(1);
    place.run(&[&["release", "more.csv:3", "--answer", "double=send"], &BY[..]].concat());
    std::fs::create_dir(place.path("drop/reconcile")).unwrap();
    std::fs::write(place.path("drop/reconcile/portal.csv"), place.list()).unwrap();
    place.run(&["run"]).exits(1);
    assert_eq!(statuses(&place, "day.csv"), ["accepted", "accepted"]);
    assert_eq!(statuses(&place, "more.csv"), ["duplicate", "duplicate", "held"], "the list is read first");
    assert_eq!((registered(&place), submits(&place)), (2, 1));
    balance::check(&place).unwrap();
}

#[test]
fn a_folder_is_taken_back_although_it_is_not_configured_any_more() {
    let place = had_by_another();
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    configure(&place, &format!("{ONE_A_BATCH}\n[drop]\nfolder = \"elsewhere\""));
    until("what is due again is not sent and says why", || {
        let told = place.run(&["run", "--wait", "0s"]);
        format!("{}{}", told.stdout, told.stderr).contains("K006")
    });
    assert_eq!(registered(&place), 0);
    let told = take_over(&place, "drop", 3).stdout;
    assert!(told.contains("rows held: 1, now unknown: 1"), "{told}");
}

#[test]
fn an_empty_ledger_on_a_used_folder_sends_nothing() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    std::fs::remove_dir_all(place.path("state")).unwrap();
    refuses(&place, "K001");
}

#[test]
fn a_ledger_deleted_beside_its_mark_is_found_out_and_taken_over_with_its_folders() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    let number = statuses_and_numbers(&place, "day.csv");
    for name in ["rxdrop.db", "rxdrop.db-wal", "rxdrop.db-shm"] {
        std::fs::remove_file(place.path("state").join(name)).ok();
    }
    refuses(&place, "K007");
    place.run(&["takeover", "drop", "--by", "Ivanova"]).exits(2);
    take_over(&place, "--ledger", 0);
    place.run(&["run"]).exits(1);
    assert_eq!(statuses(&place, "day.csv"), ["held", "held"]);
    let by = [&["release", "day.csv", "--answer", "double=send"], &BY[..]].concat();
    place.run(&by);
    place.run(&["run"]).exits(0);
    let newer = statuses_and_numbers(&place, "day.csv");
    assert!(newer > number, "{newer:?} after {number:?}: a number may have been given twice");
}

/// Numbers as sent, in order.
fn statuses_and_numbers(place: &Place, file: &str) -> Vec<u64> {
    let sheet = super::sheet::Sheet::read(&place.path(&format!("drop/{file}.result.csv")));
    sheet.rows.iter().map(|row| sheet.cell(row, "rx_number").parse().unwrap()).collect()
}

/// `restore` brings back what lay in `state` after the first of two files was reported.
fn older(restore: impl Fn(&Place, &Path)) {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    let backup = place.path("backup");
    copy_folder(&place.path("state"), &backup);
    std::fs::copy(place.path("drop/.rxdrop-owner"), backup.join("owner")).unwrap();
    drop_next(&place, "next.csv", "78");
    place.run(&["run"]).exits(0);
    let last = statuses_and_numbers(&place, "next.csv");
    restore(&place, &backup);
    let told = refuses(&place, "K005").stderr;
    assert!(told.contains(&last[1].to_string()), "the gap of numbers: {told}");
    let bg = place.run(&["run", "--lang", "bg"]).exits(2);
    assert!(bg.stderr.contains("регистърът е по-стар"), "{}", bg.stderr);
    take_over(&place, "--ledger", 0);
    place.run(&["run"]).exits(1);
    assert_eq!(statuses(&place, "next.csv"), ["held", "held"], "sent by what was lost");
    assert_eq!(registered(&place), 4);
    place.run(&[&["release", "next.csv", "--answer", "double=drop"], &BY[..]].concat()).exits(0);
    drop_next(&place, "third.csv", "79");
    place.run(&["run"]).exits(1);
    place.run(&[&["release", "third.csv", "--answer", "double=send"], &BY[..]].concat());
    place.run(&["run"]).exits(0);
    assert!(statuses_and_numbers(&place, "third.csv") > last, "a number given twice");
    assert_eq!(registered(&place), 6);
    place.run(&["run"]).exits(0);
}

#[test]
fn a_state_folder_restored_from_an_older_copy_sends_nothing() {
    older(|place, backup| {
        std::fs::remove_dir_all(place.path("state")).unwrap();
        copy_folder(backup, &place.path("state"));
    });
}

#[test]
fn a_database_alone_restored_from_an_older_copy_sends_nothing() {
    older(|place, backup| {
        for name in ["rxdrop.db", "rxdrop.db-wal", "rxdrop.db-shm"] {
            std::fs::remove_file(place.path("state").join(name)).ok();
            std::fs::copy(backup.join(name), place.path("state").join(name)).ok();
        }
        // Only the mark beside the ledger knows: the folder's is as old as the database.
        std::fs::copy(backup.join("owner"), place.path("drop/.rxdrop-owner")).unwrap();
    });
}

/// Whoever takes over by a calendar that is behind does not let go what was sent by the one that was ahead of it.
#[test]
fn rows_are_doubtful_up_to_the_newest_day_that_a_mark_tells() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    let mark = place.path("drop/.rxdrop-owner");
    let mut told: Value = serde_json::from_slice(&std::fs::read(&mark).unwrap()).unwrap();
    told["at"] = "2999-03-04T12:00:00Z".into();
    std::fs::write(&mark, told.to_string()).unwrap();
    configure(&place, OTHER_LEDGER);
    let survey = place.run(&["takeover", "drop", "--json"]).exits(2).json();
    assert_eq!(survey["doubt_until"], "2999-03-04", "{survey}");
}

#[test]
fn what_was_ready_or_to_be_sent_again_when_the_copy_was_made_does_not_go_by_itself() {
    let place = place(ONE_A_BATCH);
    place.faults(r#"{"rules":[{"on":"submit","do":{"status":{"code":429}}}]}"#);
    drop_day(&place, "day.csv");
    place.run(&["run", "--wait", "0s"]).exits(3);
    let backup = place.path("backup");
    copy_folder(&place.path("state"), &backup);
    place.faults("{}");
    until("both rows are registered", || {
        place.run(&["run"]);
        registered(&place) == 2
    });
    std::fs::remove_dir_all(place.path("state")).unwrap();
    copy_folder(&backup, &place.path("state"));
    refuses(&place, "K005");
    take_over(&place, "--ledger", 3);
    place.run(&["run"]).exits(3);
    assert_eq!(statuses(&place, "day.csv"), ["unknown", "held"]);
    assert_eq!(registered(&place), 2);
}

#[test]
fn an_empty_folder_in_place_of_the_share_is_away_and_nothing_is_written_into_it() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    std::fs::rename(place.path("drop"), place.path("share")).unwrap();
    std::fs::create_dir(place.path("drop")).unwrap();
    drop_next(&place, "next.csv", "78");
    let ran = place.run(&["run"]).exits(3);
    assert!(ran.stdout.contains("K002"), "{}", ran.stdout);
    let entries = std::fs::read_dir(place.path("drop")).unwrap().count();
    assert_eq!(entries, 1, "only what was there");
    std::fs::remove_dir_all(place.path("drop")).unwrap();
    std::fs::rename(place.path("share"), place.path("drop")).unwrap();
    drop_next(&place, "next.csv", "78");
    place.run(&["run"]).exits(0);
    assert_eq!(statuses(&place, "next.csv"), ["accepted", "accepted"]);
    balance::check(&place).unwrap();
}

#[test]
fn a_new_disk_is_taken_over_without_doubts() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    std::fs::remove_file(place.path("drop/.rxdrop-owner")).unwrap();
    take_over(&place, "drop", 0);
    drop_next(&place, "next.csv", "78");
    place.run(&["run"]).exits(0);
    assert_eq!(statuses(&place, "next.csv"), ["accepted", "accepted"]);
    let nothing = place.run(&["takeover", "drop", "--by", "Ivanova"]).exits(0);
    assert!(nothing.stdout.contains("nothing to take over"), "{}", nothing.stdout);
    place.run(&["takeover", "elsewhere", "--by", "Ivanova"]).exits(2);
}

#[test]
fn a_ledger_that_no_mark_is_ahead_of_is_not_taken_over() {
    let place = place(ONE_A_BATCH);
    place.faults(r#"{"rules":[{"on":"submit","do":{"status":{"code":429}}}]}"#);
    drop_day(&place, "day.csv");
    place.run(&["run", "--wait", "0s"]).exits(3);
    for args in [&["takeover", "--ledger"][..], &[&["takeover", "--ledger"], &BY[..]].concat()] {
        let told = place.run(args).exits(2);
        assert!(told.stderr.contains("nothing to take over"), "{}", told.stderr);
        let told = place.run(&[args, &["--json"]].concat()).exits(2).json();
        assert_eq!((&told["needed"], &told["taken_over"]), (&false.into(), &false.into()), "{told}");
    }
    place.faults("{}");
    until("what was ready and to be sent again goes by itself", || {
        place.run(&["run"]);
        registered(&place) == 2
    });
}

#[test]
fn a_takeover_tells_in_json_whatever_it_does() {
    let place = place("");
    place.run(&["run"]).exits(0);
    let told = place.run(&["takeover", "drop", "--json"]).exits(0).json();
    assert_eq!(told["needed"], false, "{told}");
    configure(&place, OTHER_LEDGER);
    let told = place.run(&["takeover", "drop", "--json"]).exits(2).json();
    assert_eq!((&told["needed"], &told["taken_over"]), (&true.into(), &false.into()), "{told}");
    assert_eq!(told["marks"].as_array().unwrap().len(), 1, "{told}");
    let told = place.run(&[&["takeover", "drop", "--json"], &BY[..]].concat()).exits(0).json();
    assert_eq!((&told["taken_over"], &told["held"]), (&true.into(), &0.into()), "{told}");
}

#[test]
fn a_takeover_needs_no_section_that_can_be_used() {
    let place = place("");
    place.run(&["run"]).exits(0);
    let section = |setting: &str| format!("{OTHER_LEDGER}\n[destination.sespa]\n{setting}");
    for setting in ["catalogue = \"missing.json\"", "actor_reg_no = { env = \"RXDROP_NOWHERE\" }"] {
        configure(&place, &section(setting));
        place.run(&["takeover", "drop"]).exits(2);
    }
    place.run(&[&["takeover", "drop"], &BY[..]].concat()).exits(0);
}

#[test]
fn nothing_is_archived_out_of_a_folder_in_the_place_of_ours() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    std::fs::remove_file(place.path("drop/.rxdrop-owner")).unwrap();
    configure(&place, "[drop]\nafter = \"archive\"");
    place.run(&["run"]).exits(3);
    assert!(place.path("drop/day.csv").exists(), "archived where nothing may be touched");
}

#[test]
fn reports_that_have_no_place_any_more_are_no_failure() {
    let place = place("");
    place.faults(r#"{"rules":[{"on":"submit","do":{"status":{"code":429}}}]}"#);
    drop_day(&place, "day.csv");
    place.run(&["run", "--wait", "0s"]).exits(3);
    std::fs::remove_file(place.path("drop/.rxdrop-owner")).unwrap();
    place.faults("{}");
    until("the rows are registered", || {
        let ran = place.run(&["run"]).exits(3);
        assert!(ran.stdout.contains("K002") && !ran.stdout.contains("lack their newest"), "{}", ran.stdout);
        registered(&place) == 2
    });
    std::fs::remove_dir_all(place.path("drop")).unwrap();
    std::fs::create_dir(place.path("next")).unwrap();
    configure(&place, "[drop]\nfolder = \"next\"");
    place.run(&["run"]).exits(0);
}

#[test]
fn a_damaged_mark_bars_its_folder_or_the_ledger() {
    let place = place("");
    place.run(&["run"]).exits(0);
    drop_day(&place, "day.csv");
    std::fs::write(place.path("drop/.rxdrop-owner"), "{").unwrap();
    refuses(&place, "K003");
    take_over(&place, "drop", 0);
    place.run(&["run"]).exits(1);
    std::fs::write(place.path("state/rxdrop.mark"), "{").unwrap();
    let ran = place.run(&["run"]).exits(2);
    assert!(ran.stderr.contains("K008"), "{}", ran.stderr);
    std::fs::remove_file(place.path("state/rxdrop.mark")).unwrap();
    place.run(&["run"]).exits(1);
}

#[test]
fn a_machine_rolled_back_while_watch_runs_stops_before_it_sends() {
    let place = place("[drop]\npoll = \"1s\"");
    drop_day(&place, "day.csv");
    let child = place.command(&["watch"]).spawn().unwrap();
    until("the first file is reported", || receipt_state(&place, "day.csv").as_deref() == Some("done"));
    // The share went on with what the machine has forgotten.
    let path = place.path("drop/.rxdrop-owner");
    let mut mark: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    mark["event"] = (mark["event"].as_i64().unwrap() + 50).into();
    std::fs::write(&path, mark.to_string()).unwrap();
    drop_next(&place, "next.csv", "78");
    let ran = Ran::of(child.wait_with_output().unwrap()).exits(2);
    assert!(ran.stderr.contains("K005"), "{}", ran.stderr);
    assert_eq!(submits(&place), 1);
}

#[test]
fn a_backup_made_while_watch_runs_is_whole_and_known_for_old_once_restored() {
    let place = place("");
    place.run(&["backup", "copy"]).exits(2);
    drop_day(&place, "day.csv");
    let child = place.command(&["watch"]).spawn().unwrap();
    until("the file is reported", || receipt_state(&place, "day.csv").as_deref() == Some("done"));
    place.run(&["backup", "copy"]).exits(0);
    place.run(&["backup", "copy"]).exits(2);
    whole(&place, "copy");
    drop_next(&place, "next.csv", "78");
    until("the next is too", || receipt_state(&place, "next.csv").as_deref() == Some("done"));
    signal(&child, "TERM");
    Ran::of(child.wait_with_output().unwrap()).exits(0);
    place.run(&["backup", "newest"]).exits(0);
    copy_folder(&place.path("copy"), &place.path("other"));
    configure(&place, OTHER_LEDGER);
    refuses(&place, "K009");
    std::fs::remove_dir_all(place.path("other")).unwrap();
    // As new as any mark, but the ledger may have gone on where no mark tells.
    copy_folder(&place.path("newest"), &place.path("other"));
    refuses(&place, "K009");
    let last = statuses_and_numbers(&place, "next.csv");
    let told = place.run(&["run", "--lang", "bg"]).exits(2).stderr;
    assert!(told.contains("регистърът е копие"), "{told}");
    take_over(&place, "--ledger", 0);
    drop_next(&place, "third.csv", "79");
    place.run(&["run"]).exits(1);
    assert_eq!(statuses(&place, "third.csv"), ["held", "held"]);
    place.run(&[&["release", "third.csv", "--answer", "double=send"], &BY[..]].concat());
    place.run(&["run"]).exits(0);
    assert_eq!(registered(&place), 6);
    assert!(statuses_and_numbers(&place, "third.csv") > last, "a number given twice");
}

#[test]
fn a_backup_whose_own_mark_came_back_with_it_sends_nothing_although_the_share_is_away() {
    let place = place("");
    drop_day(&place, "day.csv");
    place.run(&["run"]).exits(0);
    place.run(&["backup", "copy"]).exits(0);
    drop_next(&place, "next.csv", "78");
    place.run(&["run"]).exits(0);
    std::fs::rename(place.path("drop"), place.path("share")).unwrap();
    std::fs::remove_dir_all(place.path("state")).unwrap();
    copy_folder(&place.path("copy"), &place.path("state"));
    refuses(&place, "K009");
}

/// Every file of a backup has its hash, and nothing secret is in any.
fn whole(place: &Place, name: &str) {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path(name).join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 4, "database, one copy, two marks: {names:?}");
    for file in files {
        let bytes = std::fs::read(place.path(name).join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], super::place::sha256(&bytes));
        assert_eq!(file["bytes"], bytes.len());
        assert!(!bytes.windows(14).any(|part| part == b"client_secret="));
    }
}
