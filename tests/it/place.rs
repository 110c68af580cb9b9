//! One working place: a temporary folder with a configuration, and a sandbox of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use rxdrop::sandbox::{Options, Server, start};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::balance;

/// The registration number everything here is reported under.
pub(crate) const REGISTRATION: &str = "00112233445566778899AABBCCDDEEFF";

/// The secret everything here logs in with; nothing ever writes or tells it.
pub(crate) const SECRET: &str = "kq7-never-told-W2x";

/// A temporary folder, laid out as `rxdrop init` would, and its sandbox.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    server: Server,
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a flush to disk costs nothing, if there is such a place: what is tested ends with the process, not with
/// the power.
fn quick() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempfile_in(&memory).is_ok() { memory } else { std::env::temp_dir() }
}

/// What serves the sandboxes.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

impl Place {
    /// An empty place: folders, the cases' usual mapping, a configuration with `settings` in it.
    pub(crate) fn new(settings: &toml::Table) -> Self {
        Self::answering(settings, None)
    }

    /// The same; batches of more rows than `async_above` are answered later.
    pub(crate) fn answering(settings: &toml::Table, async_above: Option<usize>) -> Self {
        let dir = tempfile::Builder::new().prefix("rxdrop-it-").tempdir_in(quick()).unwrap();
        let mut options = Options::new(([127, 0, 0, 1], 0).into(), Arc::new(now));
        options.async_above = async_above.unwrap_or(options.async_above);
        options.secret = Some(SECRET.to_owned());
        let server = runtime().block_on(start(options)).unwrap();
        let place = Self { dir, server };
        std::fs::create_dir(place.path("drop")).unwrap();
        std::fs::create_dir(place.path("mappings")).unwrap();
        std::fs::copy(root().join("tests/cases/mapping.toml"), place.path("mappings/usual.toml")).unwrap();
        place.configure(settings);
        place
    }

    /// Writes the configuration: the usual one, with `settings` laid over it.
    pub(crate) fn configure(&self, settings: &toml::Table) {
        let usual = format!(
            r#"
            [log]
            level = "warn"
            [drop]
            folder = "drop"
            mappings = "mappings"
            settle = "0s"
            [destination.sespa]
            base_url = "{}"
            client_id = {{ value = "sandbox" }}
            client_secret = {{ value = "{SECRET}" }}
            actor_reg_no = {{ value = "{REGISTRATION}" }}
            submit_window_days = [{{ from = "2021-10-29", days = 36500 }}]
            reverse_window_days = [{{ from = "2021-10-29", days = 36500 }}]
            "#,
            self.server.base_url()
        );
        let mut config: toml::Table = toml::from_str(&usual).unwrap();
        lay_over(&mut config, settings);
        let drop = config.remove("drop").unwrap();
        config.insert("drop".to_owned(), toml::Value::Array(vec![drop]));
        let text = toml::to_string(&config).unwrap().replace("{sandbox}", &self.server.base_url());
        std::fs::write(self.path("rxdrop.toml"), text).unwrap();
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The program, ready to be started here.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        program(self.dir.path(), args)
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Where its sandbox listens.
    pub(crate) fn sandbox(&self) -> std::net::SocketAddr {
        self.server.addr
    }

    /// Sets the sandbox's faults.
    pub(crate) fn faults(&self, document: &str) {
        self.server.set_faults(document).unwrap();
    }

    /// The sandbox's books.
    pub(crate) fn books(&self) -> Value {
        serde_json::from_slice(&self.server.books().unwrap()).unwrap()
    }

    /// The sandbox's list of what it has.
    pub(crate) fn list(&self) -> String {
        self.server.list()
    }

    /// Somebody cancels a transaction in the portal.
    pub(crate) fn cancel(&self, id: u64) {
        assert!(self.server.cancel(id), "{id} is not registered");
    }

    /// A connection that reads the ledger beside the program.
    pub(crate) fn ledger(&self) -> Option<rusqlite::Connection> {
        let path = self.path("state/rxdrop.db");
        path.exists().then(|| rusqlite::Connection::open(path).unwrap())
    }
}

/// The program in a folder, without anything of the caller's environment that it might read.
pub(crate) fn program<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rxdrop"));
    command.args(args).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Under `faketime` only the calendar is moved: the kernel, which ends timed waits, knows nothing of a moved
    // monotonic clock, and `watch` would wait for as long as the clock was moved.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RXDROP_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a run of the program came to.
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Of a finished process; one that was killed has exit code -1.
    pub(crate) fn of(output: Output) -> Self {
        for told in [&output.stdout, &output.stderr] {
            assert_eq!(balance::secret(told), None, "{}", String::from_utf8_lossy(told));
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains(REGISTRATION), "a whole registration number: {stderr}");
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr,
        }
    }

    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The answer as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

fn lay_over(base: &mut toml::Table, over: &toml::Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) if !is_secret(over) => {
                lay_over(under, over);
            }
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

/// `{ env = … }` replaces `{ value = … }` as a whole.
fn is_secret(table: &toml::Table) -> bool {
    ["env", "file", "value"].iter().any(|key| table.contains_key(*key))
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    let mut text = String::new();
    sha2::Sha256::digest(bytes).iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
    text
}
