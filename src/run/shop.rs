//! Everything a pass works with, opened once: ledger, destinations, registrations, clock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, read_secret};
use crate::convert::{Schemas, Target};
use crate::destinations::{self, Destination, Section};
use crate::ledger::{Handle, Ledger, Options, SectionRef, Sqlite};
use crate::marks::Marks;
use crate::model::{Lang, Schema, hash};
use crate::report::Catalogue;
use crate::submit::Clock;

/// What comes in from outside: time and randomness.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Clock,
    /// A seed for ids and jitter.
    pub seed: u64,
    /// This machine's name.
    pub host: String,
}

/// The configured sections: those that can be used, and why others can't.
#[derive(Default)]
pub struct Sections {
    /// The codec of each section that can be used.
    pub destinations: HashMap<String, Arc<dyn Destination>>,
    /// Why a section can't be used, by its name.
    pub unusable: HashMap<String, String>,
    /// Registration numbers, where they are configured.
    pub registrations: HashMap<String, SecretString>,
    report_from: HashMap<String, NaiveDate>,
    /// Also of sections whose registration can't be read: their mappings are good, their files wait.
    schemas: Schemas,
}

impl Sections {
    /// Opens every section. One that can't be used stops only what goes to it.
    pub fn open(sections: &[Section]) -> Self {
        let mut opened = Self::default();
        for section in sections {
            let name = section.name.clone();
            let opening = open_destination(section).and_then(|destination| {
                let schema = Arc::new(Schema::clone(destination.schema()));
                opened.schemas.insert(name.clone(), schema);
                Ok((destination, registration_of(section)?))
            });
            match opening {
                Ok((destination, registration)) => {
                    opened.destinations.insert(name.clone(), destination);
                    opened.registrations.extend(registration.map(|number| (name.clone(), number)));
                    opened.report_from.extend(section.report_from.map(|from| (name, from)));
                }
                Err(why) => drop(opened.unusable.insert(name, why)),
            }
        }
        opened
    }

    /// What each section would ask with about a batch whose number a person found out.
    pub fn tickets(&self, remote: &str) -> Vec<(String, serde_json::Value)> {
        let ticket = |(name, destination): (&String, &Arc<dyn Destination>)| {
            Some((name.clone(), destination.ticket(remote)?.0))
        };
        self.destinations.iter().filter_map(ticket).collect()
    }

    /// What sending is kept apart by: system, environment and registration, or the section where none is known.
    pub fn realm(&self, section: &Section) -> (String, &'static str, String) {
        let registration = self.registrations.get(&section.name);
        let registration = registration.map_or_else(
            || format!("section:{}", section.name),
            |number| hash::sha256(number.expose_secret().as_bytes()),
        );
        (section.system.clone(), section.environment.word(), registration)
    }

    /// The schema of each section, also where its registration number can't be read: its mappings are good all
    /// the same, and files that go there wait for the number, not for a layout.
    pub fn schemas(&self) -> Schemas {
        self.schemas.clone()
    }

    /// The sections of these names as goals of rows; `Err` names the first that can't be used, and why.
    pub fn targets(&self, names: &[&str]) -> std::result::Result<Vec<Target>, (String, String)> {
        let target = |name: &&str| {
            let destination = self.destinations.get(*name).cloned().ok_or_else(|| {
                let why = self.unusable.get(*name).cloned();
                ((*name).to_owned(), why.unwrap_or_else(|| "is not configured".to_owned()))
            })?;
            Ok(Target {
                name: Arc::from(*name),
                destination,
                report_from: self.report_from.get(*name).copied(),
                registration: self.registrations.get(*name).cloned(),
            })
        };
        names.iter().map(target).collect()
    }
}

/// Everything a pass works with.
pub struct Shop {
    /// The configuration.
    pub config: Config,
    /// The sections.
    pub sections: Sections,
    /// The ledger on its thread.
    pub ledger: Handle,
    /// The marks of folders and ledger; none where the ledger is thrown away.
    pub marks: Option<Arc<Marks>>,
    /// Where copies of inputs lie.
    pub spool: PathBuf,
    /// The lock of staging and of writing reports.
    pub desk: PathBuf,
    /// Time and randomness.
    pub world: World,
    /// Every code of every room.
    pub catalogue: Arc<Catalogue>,
}

/// Where the ledger is opened.
#[derive(Debug, Clone, Copy)]
pub enum Books<'a> {
    /// The configured one.
    Real,
    /// A copy of the configured one in that folder, to be thrown away.
    Scratch(&'a Path),
    /// An empty one in that folder, to be thrown away.
    Empty(&'a Path),
}

impl Shop {
    /// Opens everything. A section that can't be used stops only what goes to it.
    ///
    /// # Errors
    /// When the ledger can't be opened.
    pub fn open(config: Config, world: World, books: Books<'_>) -> Result<Self> {
        let sections = Sections::open(&config.sections);
        let (spool, desk) = match books {
            Books::Real => (spool_of(&config), config.ledger.path.with_extension("desk")),
            Books::Scratch(dir) | Books::Empty(dir) => (dir.join("spool"), dir.join("desk")),
        };
        let mut ledger = open_ledger(&config, &world, books, &spool)?;
        let known =
            config.sections.iter().filter(|section| sections.destinations.contains_key(&section.name));
        let known: Vec<_> =
            known.map(|section| section_ref(section, sections.registrations.get(&section.name))).collect();
        ledger.sections(&known)?;
        let ledger =
            Handle::spawn(Box::new(ledger)).context("a thread for the ledger could not be started")?;
        let marks = matches!(books, Books::Real)
            .then(|| Arc::new(Marks::new(&config.ledger.path, world.host.clone())));
        let catalogue = Arc::new(catalogue());
        Ok(Self { config, sections, ledger, marks, spool, desk, world, catalogue })
    }
}

/// The spool beside the ledger.
pub fn spool_of(config: &Config) -> PathBuf {
    config.ledger.path.parent().unwrap_or(Path::new(".")).join("spool")
}

fn open_destination(section: &Section) -> Result<Arc<dyn Destination>, String> {
    let catalogue = match &section.catalogue {
        None => None,
        Some(path) => {
            let told = |error: std::io::Error| format!("catalogue {}: {error}", path.display());
            Some(std::fs::read_to_string(path).map_err(told)?)
        }
    };
    let destination = destinations::open(section, catalogue.as_deref()).map_err(|error| error.to_string())?;
    Ok(Arc::from(destination))
}

fn registration_of(section: &Section) -> Result<Option<SecretString>, String> {
    let registration = section.actor_reg_no.as_ref().map(read_secret).transpose();
    registration.map_err(|error| error.explain(Lang::En))
}

fn section_ref(section: &Section, registration: Option<&SecretString>) -> SectionRef {
    let hash = |number: &SecretString| hash::sha256(number.expose_secret().as_bytes());
    SectionRef {
        name: section.name.clone(),
        system: section.system.clone(),
        environment: section.environment,
        registration_sha256: registration.map(hash),
    }
}

fn open_ledger(config: &Config, world: &World, books: Books<'_>, spool: &Path) -> Result<Sqlite> {
    let options = |path: PathBuf| Options {
        path,
        installation: config.ledger.installation,
        spool: spool.to_owned(),
        today: world.clock.today(),
        now: world.clock.now(),
        seed: world.seed,
    };
    let ledger = match books {
        Books::Real => {
            let path = config.ledger.path.clone();
            Sqlite::open(&options(path.clone())).with_context(|| format!("ledger {}", path.display()))?
        }
        Books::Scratch(dir) => Sqlite::scratch(Some(&config.ledger.path), &options(dir.join("ledger.db")))?,
        Books::Empty(dir) => Sqlite::scratch(None, &options(dir.join("ledger.db")))?,
    };
    Ok(ledger)
}

/// Every code a user can meet, room by room.
pub fn catalogue() -> Catalogue {
    let rooms = code_rooms();
    let rooms: Vec<&[_]> = rooms.iter().map(Vec::as_slice).collect();
    Catalogue::new(&rooms)
}

/// All codes, room by room.
pub fn code_rooms() -> Vec<Vec<&'static crate::model::CodeInfo>> {
    vec![
        crate::intake::CODES.to_vec(),
        crate::table::CODES.to_vec(),
        crate::mapping::CODES.to_vec(),
        crate::validate::CODES.to_vec(),
        destinations::codes().collect(),
        crate::ledger::CODES.to_vec(),
        crate::ledger::AUDIT_CODES.to_vec(),
        crate::submit::CODES.to_vec(),
        crate::marks::CODES.to_vec(),
        crate::config::CODES.to_vec(),
    ]
}

#[cfg(test)]
mod tests {
    use crate::model::{Lang, Who};

    #[test]
    fn every_message_survives_a_windows_1251_report_and_speaks_to_its_reader() {
        for info in super::code_rooms().into_iter().flatten() {
            let message = info.words(Lang::Bg).message;
            assert!(!encoding_rs::WINDOWS_1251.encode(message).2, "{}: {message}", info.code);
            let technical = ["mapping", "TOML", "[match]", "[table]"];
            let speaks = |text: &str| technical.iter().any(|word| text.contains(word));
            for words in [&info.bg, &info.en] {
                assert!(
                    info.who != Who::User || !speaks(words.message) && !speaks(words.repair),
                    "{}",
                    info.code
                );
            }
        }
    }
}
