//! `kill -9` at every point between two durable steps (`src/knife/`), under four behaviours of the system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use rxdrop::knife::Point;

use super::life::{Behaviour, FOUR, Life, ROWS, stopped_at, survived};
use super::{all, each, ended, has_points};
use crate::place::root;

/// What is under way when the knife comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// An export and a file without a byte.
    Day,
    /// The next export under the same name: the former's reports are renamed.
    NextDay,
    /// Everything is final and goes to the archive.
    Archive,
    /// A start after a kill that left an answer unread.
    Restart,
    /// The system's list is dropped, while some rows have no answer.
    List,
}

const STORIES: [Story; 5] = [Story::Day, Story::NextDay, Story::Archive, Story::Restart, Story::List];

/// One kill.
#[derive(Debug, Clone)]
struct Kill {
    story: Story,
    behaviour: Behaviour,
    point: Point,
    passage: usize,
}

/// A request that surely was not received is sent again.
const REFUSED_ONCE: Behaviour = Behaviour::new("401 once", r#"{"on":"submit","nth":2,"do":"unauthorized"}"#);

/// Half of what was sent got no answer, and is asked about.
const LOOKED_UP: Behaviour = Behaviour {
    looks: true,
    ..Behaviour::new("apply then cut, asked by number", r#"{"on":"submit","every":2,"do":"apply_then_drop"}"#)
};

fn prepared(story: Story, behaviour: Behaviour) -> Life {
    let archive = "[drop]\nafter = \"archive\"";
    let mut life = Life::new(behaviour, if story == Story::Archive { archive } else { "" });
    life.drop("day.csv", ROWS, story != Story::Archive);
    match story {
        Story::Day => std::fs::write(life.place.path("drop/empty.csv"), "").unwrap(),
        Story::Archive => {}
        Story::NextDay => {
            life.place.faults("{}");
            life.place.run(&["run"]).exits(1);
            life.behave();
            life.drop("day.csv", ROWS, true);
        }
        Story::List => {
            life.place.faults(r#"{"rules":[{"on":"submit","every":2,"do":"apply_then_drop"}]}"#);
            life.place.run(&["run"]).exits(3);
            life.behave();
            let mapping = root().join("mappings/sespa/portal-list.toml");
            std::fs::copy(mapping, life.place.path("mappings/portal.toml")).unwrap();
            std::fs::create_dir(life.place.path("drop/reconcile")).unwrap();
            std::fs::write(life.place.path("drop/reconcile/portal.csv"), life.place.list()).unwrap();
        }
        Story::Restart => {
            let point = if behaviour.async_above.is_some() { "claimed:2" } else { "answer-kept:1" };
            assert!(life.killed_at(point));
        }
    }
    life
}

fn hold(kill: &Kill) -> Result<(), String> {
    let mut life = prepared(kill.story, kill.behaviour);
    if !life.killed_at(&format!("{}:{}", kill.point.name(), kill.passage)) {
        return Err("was not reached".to_owned());
    }
    life.live_out()?;
    if kill.story == Story::Archive { archived(&life) } else { Ok(()) }
}

/// All of it or, at a later start, the rest of it; the owner's mark stays with its folder.
fn archived(life: &Life) -> Result<(), String> {
    let entries = std::fs::read_dir(life.place.path("drop")).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> = entries.filter(|path| path.is_file() && !path.ends_with(".rxdrop-owner")).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("not archived: {left:?}")) }
}

/// How often each point is passed when nobody kills.
fn passages(story: Story, behaviour: Behaviour) -> BTreeMap<&'static str, usize> {
    let life = prepared(story, behaviour);
    let trace = life.place.path("trace");
    let ran = ended(&mut life.under(&format!("trace:{}", trace.display()), &["run"]));
    survived(&ran);
    let text = std::fs::read_to_string(&trace).unwrap();
    let count = |point: &Point| (point.name(), text.lines().filter(|line| *line == point.name()).count());
    Point::ALL.iter().map(count).filter(|(_, times)| *times > 0).collect()
}

/// Every kill there is in these stories: each passage of each point.
fn kills(of: &[(Story, Behaviour)]) -> Vec<Kill> {
    let found = Mutex::new(Vec::new());
    all("traces", of.to_vec(), |(story, behaviour)| {
        let passages = passages(story, behaviour);
        let points = Point::ALL.iter().copied();
        let every = |point: Point| {
            let times = passages.get(point.name()).copied().unwrap_or_default();
            (1..=times).map(move |passage| Kill { story, behaviour, point, passage })
        };
        found.lock().unwrap().extend(points.flat_map(every));
        Ok(())
    });
    found.into_inner().unwrap()
}

fn all_points_are_passed(kills: &[Kill]) {
    let passed: BTreeSet<&str> = kills.iter().map(|kill| kill.point.name()).collect();
    let missed: Vec<_> =
        Point::ALL.iter().map(|point| point.name()).filter(|name| !passed.contains(name)).collect();
    assert!(missed.is_empty(), "no run comes to {missed:?}");
}

#[test]
fn killed_at_each_point_nothing_is_lost_and_nothing_sent_twice() {
    if !has_points() {
        return;
    }
    let mut stories: Vec<_> = STORIES.map(|story| (story, FOUR[0])).into();
    stories.extend(
        FOUR.into_iter().skip(1).chain([REFUSED_ONCE, LOOKED_UP]).map(|behaviour| (Story::Day, behaviour)),
    );
    let kills = kills(&stories);
    all_points_are_passed(&kills);
    // Each point once; which story, behaviour and passage goes round with the points.
    let one = |(turn, point): (usize, &Point)| {
        let of_it: Vec<&Kill> = kills.iter().filter(|kill| kill.point == *point).collect();
        of_it[turn * 7 % of_it.len()].clone()
    };
    each("kills at points", Point::ALL.iter().enumerate().map(one), |kill| hold(&kill));
}

/// Told to stop while it stands at a point: it ends in time, and what it left is taken up again.
fn told_to_stop(kill: &Kill) -> Result<(), String> {
    let mut life = prepared(kill.story, kill.behaviour);
    let (ran, took) = stopped_at(&life, &format!("{}:{}", kill.point.name(), kill.passage), &["watch"]);
    if took > Duration::from_secs(10) {
        return Err(format!("ended after {took:?}"));
    }
    if ran.status.code().is_none() {
        return Err(format!("did not end by itself: {:?}", ran.status));
    }
    life.live_out()
}

#[test]
fn told_to_stop_at_a_point_it_ends_within_ten_seconds_and_goes_on_later() {
    if !has_points() {
        return;
    }
    let kills = kills(&[(Story::Day, FOUR[0]), (Story::Day, FOUR[3])]);
    let first: Vec<Kill> = kills.into_iter().filter(|kill| kill.passage == 1).collect();
    each("stops", first.into_iter().step_by(2), |kill| told_to_stop(&kill));
}

#[test]
#[ignore = "long: every passage of every point in every story under every behaviour"]
fn killed_at_every_passage_of_every_point() {
    if !has_points() {
        return;
    }
    let behaviours = FOUR.into_iter().chain([REFUSED_ONCE, LOOKED_UP]);
    // Where the system is asked by our number, nothing is left for a list.
    let stories = behaviours.flat_map(|one| STORIES.map(|story| (story, one)));
    let stories: Vec<_> = stories.filter(|(story, one)| *story != Story::List || !one.looks).collect();
    let kills = kills(&stories);
    all_points_are_passed(&kills);
    each("kills at points", kills, |kill| hold(&kill));
}
