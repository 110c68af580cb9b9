//! Runs the program and measures it from outside. Times and memory of processes are read from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The program, as it is used.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rxdrop");

/// Time between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What one run took.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub wall: Duration,
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// Most memory it ever held, in KiB.
    pub peak_kib: u64,
    /// Processor time of each thread by its name, as far as it was seen.
    pub threads: BTreeMap<String, Duration>,
    pub code: Option<i32>,
}

/// A folder of the build's own for data too large to keep; made anew.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for the data");
    path
}

/// Runs the program in a folder.
pub fn run(folder: &Path, args: &[&str]) -> Run {
    let before = children_cpu();
    let began = Instant::now();
    let mut child = Command::new(PROGRAM)
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let (mut run, status) = watch(&mut child, began);
    run.cpu = children_cpu().saturating_sub(before);
    run.code = status.code();
    run
}

/// Waits for the process, and looks at it now and then from another thread: looking takes processor time too, and
/// what is measured must not lose it.
fn watch(child: &mut Child, began: Instant) -> (Run, ExitStatus) {
    let process = child.id();
    let (ended, end) = mpsc::channel();
    std::thread::scope(|scope| {
        let looks = scope.spawn(move || look_until(process, &end));
        let status = child.wait().expect("a child of ours");
        let wall = began.elapsed();
        drop(ended);
        let (peak_kib, threads) = looks.join().expect("a look");
        (Run { wall, peak_kib, threads, ..Run::default() }, status)
    })
}

/// Most memory, and the time of each thread by its name.
fn look_until(process: u32, end: &mpsc::Receiver<()>) -> (u64, BTreeMap<String, Duration>) {
    let (mut peak, mut threads) = (0, BTreeMap::new());
    loop {
        peak = peak.max(peak_kib(process));
        look_at_threads(process, &mut threads);
        if end.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Disconnected) {
            break;
        }
    }
    let mut named = BTreeMap::new();
    for (name, spent) in threads.into_values() {
        *named.entry(name).or_insert(Duration::ZERO) += spent;
    }
    (peak, named)
}

fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default()
}

/// Nanoseconds on a processor stand first in `schedstat`.
fn look_at_threads(process: u32, threads: &mut BTreeMap<String, (String, Duration)>) {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let spent = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        if let Some(spent) = spent.split(' ').next().and_then(|spent| spent.parse().ok()) {
            let id = task.file_name().to_string_lossy().into_owned();
            threads.insert(id, (name.trim().to_owned(), Duration::from_nanos(spent)));
        }
    }
}

/// Processor time of all children that ended. The kernel sums it exactly and shows it in hundredths of a second:
/// for short runs take the sum of many.
pub fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Milliseconds with one decimal.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Thousands a second.
pub fn rate(rows: u64, time: Duration) -> String {
    format!("{:.0} rows/s", rows as f64 / time.as_secs_f64())
}

/// MiB with one decimal.
pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
