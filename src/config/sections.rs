//! The `[destination.*]` sections: inheritance by `like`, the sandbox's defaults, and what a real system
//! must have said.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use http::Uri;
use toml::de::DeTable;

use super::codes::{C006, C007, C008, C009, C012, C013, C014, C019};
use super::document::{Document, deserialize, nearest};
use super::load::{optional_path, wrong};
use super::parse_duration;
use super::problem::Problem;
use super::raw::{RawSecret, RawSection};
use crate::destinations::{Late, Secret, Section, SespaWire, Window};
use crate::model::Environment;

/// The national systems a section can speak to.
const SYSTEMS: &[&str] = &["sespa"];

/// Where the built-in sandbox listens unless told otherwise.
const SANDBOX_URL: &str = "http://127.0.0.1:8787/sespa";

/// The least that "not there" must be waited with at a real system.
const SHORTEST_QUIET: Duration = Duration::from_mins(5);

/// Keys of the wire that hold paths; no default outside the sandbox.
const WIRE_PATHS: &[&str] =
    &["token_path", "submit_path", "status_path", "lookup_path", "reverse_path", "reverse_batch_path"];

/// Paths that may be said to be none.
const OPTIONAL_PATHS: &[&str] = &["status_path", "lookup_path"];

/// The section of the built-in sandbox, named `sespa`.
pub fn sandbox_defaults() -> Section {
    let said = Said { raw: RawSection::default(), wire: DeTable::new() };
    let mut section = fill("sespa", "sespa".to_owned(), &said.raw, SespaWire::default());
    section.client_id = Some(sandbox_secret());
    section.client_secret = Some(sandbox_secret());
    section
}

/// Reads all sections; without any, the sandbox's.
pub(super) fn read(document: &mut Document<'_>, dir: &Path) -> Vec<Section> {
    let names = document.names(&["destination"]);
    let mut said = BTreeMap::new();
    for name in names {
        let (raw, _) = document.read::<RawSection>(&["destination", &name]);
        let (_, wire) = document.read::<SespaWire>(&["destination", &name, "wire"]);
        said.insert(name, Said { raw, wire });
    }
    if said.is_empty() {
        return vec![sandbox_defaults()];
    }
    said.keys().map(|name| section(document, dir, name, &said)).collect()
}

/// What a section says itself.
#[derive(Clone)]
struct Said<'a> {
    raw: RawSection,
    wire: DeTable<'a>,
}

fn section(document: &mut Document<'_>, dir: &Path, name: &str, all: &BTreeMap<String, Said<'_>>) -> Section {
    let chain = chain(document, name, all);
    let merged = merged(&chain, all);
    let system = system(document, name, &chain, &merged);
    let wire = deserialize(merged.wire.clone()).unwrap_or_default();
    let mut section = fill(name, system, &merged.raw, wire);
    let mut at = At { document, name };
    at.check_said(all.get(name));
    at.check_missing(&merged, section.environment, section.report_from);
    at.check_address(&section);
    at.check_quiet(&section);
    section.ca_file = at.path(dir, "ca_file", merged.raw.ca_file.as_deref());
    section.catalogue = at.path(dir, "catalogue", merged.raw.catalogue.as_deref());
    at.secrets(dir, &merged.raw, &mut section);
    section
}

/// A section's name followed by those it is like, nearest first. A section that is not there and a
/// circle are said at the section whose own `like` leads there.
fn chain(document: &mut Document<'_>, name: &str, all: &BTreeMap<String, Said<'_>>) -> Vec<String> {
    let mut chain = vec![name.to_owned()];
    while let Some(next) = chain.last().and_then(|last| like(all, last)) {
        let circle = chain.contains(next);
        if !circle && all.contains_key(next) {
            chain.push(next.clone());
            continue;
        }
        if circle && next == name {
            let problem = Problem::new(&C009, vec![chain.join(" → ") + " → " + next]);
            document.problem(&["destination", name, "like"], problem);
        } else if !circle && chain.len() == 1 {
            let others: Vec<&String> = all.keys().filter(|other| *other != name).collect();
            let problem = Problem::new(&C007, vec![next.clone(), nearest(next, &others)]);
            document.problem(&["destination", name, "like"], problem);
        }
        break;
    }
    chain
}

fn like<'a>(all: &'a BTreeMap<String, Said<'_>>, name: &str) -> Option<&'a String> {
    all.get(name)?.raw.like.as_ref().filter(|like| !like.is_empty())
}

/// What a section says, and for what it doesn't, what those it is like say.
fn merged<'a>(chain: &[String], all: &BTreeMap<String, Said<'a>>) -> Said<'a> {
    let mut said = chain.iter().filter_map(|name| all.get(name)).cloned();
    let Some(own) = said.next() else { return Said { raw: RawSection::default(), wire: DeTable::new() } };
    said.fold(own, |nearer, farther| {
        let mut wire = farther.wire;
        nearer.wire.into_iter().for_each(|(key, value)| {
            wire.insert(key, value);
        });
        Said { raw: inherit(nearer.raw, farther.raw), wire }
    })
}

fn inherit(own: RawSection, from: RawSection) -> RawSection {
    RawSection {
        system: own.system.or(from.system),
        base_url: own.base_url.or(from.base_url),
        ca_file: own.ca_file.or(from.ca_file),
        proxy: own.proxy.or(from.proxy),
        catalogue: own.catalogue.or(from.catalogue),
        submit_window_days: own.submit_window_days.or(from.submit_window_days),
        reverse_window_days: own.reverse_window_days.or(from.reverse_window_days),
        late: own.late.or(from.late),
        // Who reports, where to and from when is each section's own; `wire` is merged key by key.
        like: own.like,
        environment: own.environment,
        client_id: own.client_id,
        client_secret: own.client_secret,
        actor_reg_no: own.actor_reg_no,
        report_from: own.report_from,
        wire: own.wire,
    }
}

/// The system: as said here or by one it is like, else the name of the last of them.
fn system(document: &mut Document<'_>, name: &str, chain: &[String], merged: &Said<'_>) -> String {
    let last = chain.last().map_or(name, String::as_str);
    let system = merged.raw.system.clone().unwrap_or_else(|| last.to_owned());
    if !SYSTEMS.contains(&system.as_str()) {
        let known = SYSTEMS.join(", ");
        document.problem(&["destination", name, "system"], Problem::new(&C008, vec![system.clone(), known]));
    }
    system
}

/// The section with the sandbox's values for what is not said.
fn fill(name: &str, system: String, raw: &RawSection, wire: SespaWire) -> Section {
    let base_url = raw.base_url.as_deref().unwrap_or(SANDBOX_URL);
    Section {
        name: name.to_owned(),
        system,
        environment: raw.environment.unwrap_or_default(),
        base_url: base_url.trim_end_matches('/').to_owned(),
        client_id: None,
        client_secret: None,
        actor_reg_no: None,
        report_from: raw.report_from,
        ca_file: None,
        proxy: raw.proxy.clone().filter(|proxy| !proxy.is_empty()),
        catalogue: None,
        submit_window_days: raw.submit_window_days.clone().unwrap_or_else(|| sandbox_window(10)),
        reverse_window_days: raw.reverse_window_days.clone().unwrap_or_else(|| sandbox_window(14)),
        late: raw.late.unwrap_or(Late::Hold),
        wire,
    }
}

/// The guideline's first day.
fn sandbox_window(days: u32) -> Vec<Window> {
    NaiveDate::from_ymd_opt(2021, 10, 29).map(|from| Window { from, days }).into_iter().collect()
}

fn sandbox_secret() -> Secret {
    Secret::Value { value: "sandbox".to_owned() }
}

/// One section of the document, for adding problems to it.
struct At<'d, 'a, 'n> {
    document: &'d mut Document<'a>,
    name: &'n str,
}

impl At<'_, '_, '_> {
    fn problem(&mut self, keys: &[&str], problem: Problem) {
        let place: Vec<&str> = ["destination", self.name].iter().chain(keys).copied().collect();
        self.document.problem(&place, problem);
    }

    fn wrong(&mut self, keys: &[&str], must: &str) {
        let place: Vec<&str> = ["destination", self.name].iter().chain(keys).copied().collect();
        wrong(self.document, &place, must);
    }

    fn path(&mut self, dir: &Path, key: &str, path: Option<&str>) -> Option<std::path::PathBuf> {
        optional_path(self.document, &["destination", self.name, key], dir, path)
    }

    /// Everything a real system must have said, in one problem.
    fn check_missing(&mut self, merged: &Said<'_>, environment: Environment, report_from: Option<NaiveDate>) {
        if environment == Environment::Sandbox {
            return;
        }
        let raw = &merged.raw;
        let mut missing = Vec::new();
        let mut need = |there: bool, key: String| {
            if !there {
                missing.push(key);
            }
        };
        need(raw.base_url.as_deref().is_some_and(|url| !url.is_empty()), "base_url".to_owned());
        need(environment != Environment::Production || report_from.is_some(), "report_from".to_owned());
        let is_said = |window: &Option<Vec<Window>>| window.as_ref().is_some_and(|window| !window.is_empty());
        need(is_said(&raw.submit_window_days), "submit_window_days".to_owned());
        need(is_said(&raw.reverse_window_days), "reverse_window_days".to_owned());
        for path in WIRE_PATHS {
            need(merged.wire.contains_key(*path), format!("wire.{path}"));
        }
        if !missing.is_empty() {
            let args = vec![self.name.to_owned(), environment.word().to_owned(), missing.join(", ")];
            self.problem(&[], Problem::new(&C006, args));
        }
    }

    /// Plain http to loopback only; the sandbox is nowhere else.
    fn check_address(&mut self, section: &Section) {
        let Some((plain, host)) = self.host(&section.base_url) else { return };
        if section.environment == Environment::Sandbox && !is_loopback(&host) {
            self.problem(&["base_url"], Problem::new(&C013, vec![self.name.to_owned()]));
        } else if plain && !is_loopback(&host) {
            self.problem(&["base_url"], Problem::new(&C012, vec![self.name.to_owned()]));
        }
    }

    /// A real system gets its time: what it does not show at once may still come.
    fn check_quiet(&mut self, section: &Section) {
        let (wire, sandbox) = (&section.wire, section.environment == Environment::Sandbox);
        for (key, length) in [("quiet", &wire.quiet), ("quiet_later", &wire.quiet_later)] {
            if !sandbox && parse_duration(length).is_some_and(|length| length < SHORTEST_QUIET) {
                self.wrong(&["wire", key], "at least 5m outside the sandbox");
            }
        }
    }

    /// Whether an address is plain http, and its host.
    fn host(&mut self, url: &str) -> Option<(bool, String)> {
        let host = host(url);
        if host.is_none() && !url.is_empty() {
            self.wrong(
                &["base_url"],
                "an address like https://system.example/path, without name, password and query",
            );
        }
        host
    }

    fn secrets(&mut self, dir: &Path, raw: &RawSection, section: &mut Section) {
        let sandbox = section.environment == Environment::Sandbox;
        section.client_id = self.secret(dir, "client_id", raw.client_id.as_ref(), sandbox);
        section.client_secret = self.secret(dir, "client_secret", raw.client_secret.as_ref(), sandbox);
        section.actor_reg_no = self.secret(dir, "actor_reg_no", raw.actor_reg_no.as_ref(), sandbox);
        if sandbox {
            section.client_id.get_or_insert_with(sandbox_secret);
            section.client_secret.get_or_insert_with(sandbox_secret);
        }
    }

    fn secret(&mut self, dir: &Path, key: &str, raw: Option<&RawSecret>, sandbox: bool) -> Option<Secret> {
        let raw = raw?;
        let secret = match (&raw.env, &raw.file, &raw.value) {
            (Some(env), None, None) if !env.is_empty() => Some(Secret::Env { env: env.clone() }),
            (None, Some(file), None) => self.path(dir, key, Some(file)).map(|file| Secret::File { file }),
            (None, None, Some(value)) if sandbox => Some(Secret::Value { value: value.clone() }),
            (None, None, Some(_)) => {
                self.problem(&[key], Problem::new(&C019, vec![key.to_owned()]));
                return None;
            }
            _ => None,
        };
        if secret.is_none() {
            self.problem(&[key], Problem::new(&C014, vec![key.to_owned()]));
        }
        secret
    }

    /// Values that are wrong wherever they are used, judged where they are said.
    fn check_said(&mut self, said: Option<&Said<'_>>) {
        let Some(said) = said else { return };
        if said.raw.proxy.as_deref().is_some_and(|proxy| !proxy.is_empty() && !is_proxy(proxy)) {
            self.wrong(&["proxy"], "an address like http://proxy.example:3128 (http, https or socks5)");
        }
        let wire: SespaWire = deserialize(said.wire.clone()).unwrap_or_default();
        self.check_paths(&wire);
        self.check_forms(&wire);
        self.check_limits(&wire);
    }

    fn check_paths(&mut self, wire: &SespaWire) {
        let paths = [
            &wire.token_path,
            &wire.submit_path,
            &wire.status_path,
            &wire.lookup_path,
            &wire.reverse_path,
            &wire.reverse_batch_path,
        ];
        for (key, path) in WIRE_PATHS.iter().zip(paths) {
            let none = path.is_empty() && OPTIONAL_PATHS.contains(key);
            if !none && !path.starts_with('/') {
                self.wrong(&["wire", key], "a path that begins with /");
            }
        }
        if !wire.status_path.is_empty() && !wire.status_path.contains("{batch}") {
            self.wrong(
                &["wire", "status_path"],
                "a path with {batch} where the batch number stands, or \"\"",
            );
        }
        if !wire.lookup_path.is_empty() && !wire.lookup_path.contains("{number}") {
            self.wrong(&["wire", "lookup_path"], "a path with {number} where our number stands, or \"\"");
        }
    }

    fn check_forms(&mut self, wire: &SespaWire) {
        for (key, form) in [("timestamp", &wire.timestamp), ("date", &wire.date)] {
            if !can_write(form, key == "timestamp") {
                self.wrong(
                    &["wire", key],
                    "a form of dates like %Y-%m-%d (dates have no hours, neither has a zone)",
                );
            }
        }
        if !["p_actor_trn_no", "position"].contains(&wire.match_by.as_str()) {
            self.wrong(&["wire", "match_by"], "\"p_actor_trn_no\" or \"position\"");
        }
        let lengths =
            [("timeout", &wire.timeout), ("quiet", &wire.quiet), ("quiet_later", &wire.quiet_later)];
        for (key, length) in lengths {
            if parse_duration(length).is_none_or(|length| length.is_zero()) {
                self.wrong(&["wire", key], "a length of time like 120s, 2m or 500ms");
            }
        }
    }

    fn check_limits(&mut self, wire: &SespaWire) {
        if wire.max_batch == 0 {
            self.wrong(&["wire", "max_batch"], "at least 1");
        }
        if wire.max_body == 0 {
            self.wrong(&["wire", "max_body"], "at least 1");
        }
        if wire.not_received.iter().any(|status| !(400..=599).contains(status)) {
            self.wrong(&["wire", "not_received"], "statuses from 400 to 599");
        }
    }
}

fn host(url: &str) -> Option<(bool, String)> {
    let address: Uri = url.parse().ok()?;
    let plain = match address.scheme_str()?.to_ascii_lowercase().as_str() {
        "http" => true,
        "https" => false,
        _ => return None,
    };
    let bare = address.query().is_none() && !url.contains(['@', '#']);
    address.host().filter(|host| bare && !host.is_empty()).map(|host| (plain, host.to_owned()))
}

/// Addresses of this machine, as the standard names them and nothing a name server could answer.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a day, or a day with a time, can be written in a form. Values without a zone can't be
/// written in every form that is valid.
fn can_write(form: &str, with_time: bool) -> bool {
    let Some(day) = NaiveDate::from_ymd_opt(2021, 10, 29) else { return false };
    let mut text = String::new();
    let written = match day.and_hms_opt(0, 0, 0).filter(|_| with_time) {
        Some(at) => write!(text, "{}", at.format(form)),
        None => write!(text, "{}", day.format(form)),
    };
    written.is_ok() && !text.is_empty()
}

fn is_proxy(proxy: &str) -> bool {
    let address: Option<Uri> = proxy.parse().ok();
    let scheme = address.as_ref().and_then(|address| address.scheme_str());
    matches!(scheme, Some("http" | "https" | "socks5" | "socks5h"))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Problems, load};
    use super::*;

    const PRODUCTION: &str = concat!(
        "[destination.sespa]\nenvironment = \"production\"\nbase_url = \"https://sespa.example/api/\"\n",
        "report_from = \"2026-01-01\"\nclient_id = { env = \"ID\" }\nclient_secret = { file = \"secret\" }\n",
        "actor_reg_no = { env = \"REG\" }\nlate = \"refuse\"\n",
        "submit_window_days = [{ from = \"2021-10-29\", days = 10 }]\n",
        "reverse_window_days = [{ from = 2021-10-29, days = 14 }]\n",
        "[destination.sespa.wire]\ntoken_path = \"/t\"\nsubmit_path = \"/s\"\nstatus_path = \"\"\n",
        "lookup_path = \"\"\nreverse_path = \"/r\"\nreverse_batch_path = \"/b\"\nmax_batch = 100\n",
    );

    fn read(text: &str) -> Result<Config, Problems> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rxdrop.toml");
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        load(&path)
    }

    fn good(text: &str) -> Config {
        read(text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn codes(text: &str) -> Vec<&'static str> {
        let problems = read(text).expect_err("must be refused");
        problems.iter().map(|problem| problem.code.code).collect()
    }

    #[test]
    fn a_section_that_says_everything_is_taken_as_it_stands() {
        let config = good(PRODUCTION);
        let section = config.section("sespa").unwrap();
        assert_eq!(section.base_url, "https://sespa.example/api");
        assert_eq!(section.client_secret, Some(Secret::File { file: config.dir.join("secret") }));
        assert_eq!((section.wire.max_batch, section.wire.status_path.as_str()), (100, ""));
        assert_eq!(section.reverse_window_days, sandbox_window(14));
    }

    #[test]
    fn outside_the_sandbox_all_that_is_missing_is_listed_at_once() {
        let problems = read("[destination.sespa]\nenvironment = \"production\"\n").unwrap_err();
        let missing: Vec<_> = problems.iter().collect();
        assert_eq!(missing.len(), 1);
        assert_eq!(
            missing[0].args[2],
            "base_url, report_from, submit_window_days, reverse_window_days, wire.token_path, wire.submit_path, \
             wire.status_path, wire.lookup_path, wire.reverse_path, wire.reverse_batch_path"
        );
        let test = read("[destination.sespa]\nenvironment = \"test\"\n").unwrap_err();
        assert!(
            test.to_string().contains("base_url, submit_window_days"),
            "report_from is production's: {test}"
        );
    }

    #[test]
    fn like_takes_over_everything_but_who_and_where() {
        let second = "[destination.plovdiv]\nlike = \"sespa\"\nenvironment = \"test\"\n[destination.plovdiv.wire]\nmax_body = 5\n\
            [destination.third]\nlike = \"plovdiv\"\nenvironment = \"test\"\n";
        let config = good(&format!("{PRODUCTION}{second}"));
        for name in ["plovdiv", "third"] {
            let section = config.section(name).unwrap();
            assert_eq!(section.system, "sespa", "the name of the last it is like");
            assert_eq!(section.base_url, "https://sespa.example/api");
            assert_eq!((section.wire.max_batch, section.wire.max_body), (100, 5));
            assert_eq!(section.late, Late::Refuse);
            assert_eq!(
                (&section.client_id, &section.actor_reg_no, section.report_from),
                (&None, &None, None)
            );
        }
        assert_eq!(config.section("sespa").unwrap().wire.max_body, 1_000_000);
    }

    #[test]
    fn like_must_lead_somewhere() {
        assert_eq!(
            codes("[destination.a]\nsystem = \"sespa\"\nlike = \"b\"\n[destination.sespa]\n"),
            ["C007"]
        );
        let circle = "[destination.a]\nsystem = \"sespa\"\nlike = \"b\"\n[destination.b]\nlike = \"a\"\n\
            [destination.c]\nlike = \"a\"\n[destination.d]\nsystem = \"sespa\"\nlike = \"d\"\n";
        assert_eq!(codes(circle), ["C009", "C009", "C009"]);
    }

    #[test]
    fn systems_are_known_by_name() {
        let problems = read("[destination.siui]\n").unwrap_err().to_string();
        assert!(problems.contains("C008") && problems.contains("sespa"), "{problems}");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let test = |url: &str| {
            let text = PRODUCTION.replace("https://sespa.example/api/", url);
            read(&text).map_or_else(
                |problems| problems.iter().map(|problem| problem.code.code).collect(),
                |_| vec![],
            )
        };
        for good in ["http://127.0.0.1:1/x", "http://localhost", "http://[::1]:8080/", "http://127.9.9.9"] {
            assert_eq!(test(good), [""; 0], "{good}");
        }
        assert_eq!(test("http://sespa.example"), ["C012"]);
        assert_eq!(test("http://127.0.0.1.example"), ["C012"]);
        assert_eq!(test("HTTP://sespa.example"), ["C012"]);
        for wrong in
            ["sespa.example", "ftp://sespa.example", "http://127.0.0.1@evil.example", "https://h/?a=b"]
        {
            assert_eq!(test(wrong), ["C004"], "{wrong}");
        }
        assert_eq!(codes("[destination.sespa]\nbase_url = \"https://sespa.example\"\n"), ["C013"]);
    }

    #[test]
    fn no_message_shows_a_secret() {
        let text = "[destination.sespa]\nclient_id = \"hunter2\"\nclient_secrt = \"hunter2\"\n\
            actor_reg_no = { value = \"hunter2\", fil = \"x\" }\nproxy = \"ftp://hunter2@h\"\n\
            base_url = \"http://hunter2@h\"\n";
        for environment in ["", "environment = \"test\"\n"] {
            let shown = read(&format!("{text}{environment}")).unwrap_err().to_string();
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(
                shown.matches("error[").count(),
                if environment.is_empty() { 5 } else { 6 },
                "{shown}"
            );
        }
        let syntax = read("[destination.sespa]\nclient_secret = hunter2\n").unwrap_err().to_string();
        assert!(!syntax.contains("hunter2") && syntax.contains("rxdrop.toml:2"), "{syntax}");
    }

    #[test]
    fn a_value_in_the_file_is_for_the_sandbox_only() {
        let value = "client_id = { value = \"me\" }";
        let config = good(&format!("[destination.sespa]\n{value}\n"));
        assert_eq!(config.sections[0].client_id, Some(Secret::Value { value: "me".to_owned() }));
        assert_eq!(codes(&PRODUCTION.replace("client_id = { env = \"ID\" }", value)), ["C019"]);
        for wrong in ["{}", "{ env = \"A\", file = \"b\" }", "{ env = \"\" }", "5"] {
            assert_eq!(codes(&format!("[destination.sespa]\nclient_id = {wrong}\n")), ["C014"], "{wrong}");
        }
    }

    #[test]
    fn the_wire_is_checked_key_by_key() {
        let text = concat!(
            "[destination.sespa.wire]\ntoken_path = \"x\"\nstatus_path = \"/batch\"\nlookup_path = \"/trn\"\n",
            "submit_path = \"\"\nmatch_by = \"name\"\ntimestamp = \"%Y %Q\"\ndate = \"%H\"\ntimeout = \"0s\"\n",
            "max_batch = 0\nmax_body = 0\nnot_received = [200]\nnumbers_as = \"text\"\nextras = 1\n",
        );
        let codes = codes(text);
        assert_eq!(codes.iter().filter(|code| **code == "C004").count(), 12, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == "C003").count(), 1);
        let zone = "[destination.sespa.wire]\ntimestamp = \"%Y-%m-%dT%H:%M:%S%:z\"\n";
        assert_eq!(super::tests::codes(zone), ["C004"], "wall times have no zone to write");
    }
}
