//! Folder events. They only shorten the wait for the next listing: every way of watching loses events
//! (network shares give none, buffers overflow, a folder made anew is silent), so nothing depends on one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::{FileId, names};

/// Watches folders while it lives.
pub struct Wakers {
    watcher: Option<RecommendedWatcher>,
    /// Each folder with the identity it had when it was last to be watched; none while it is away.
    folders: BTreeMap<PathBuf, Option<FileId>>,
}

/// Calls `wake` (from another thread, often several times) whenever something happens in one of the
/// folders. Where watching is impossible, listing on a timer still finds everything.
pub fn wake_on_events(folders: &[PathBuf], wake: impl Fn() + Send + 'static) -> Wakers {
    let handler = move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, is_of_interest) {
            wake();
        }
    };
    let watcher = notify::recommended_watcher(handler).inspect_err(|error| {
        tracing::warn!(%error, "folder events are not available; the timer alone decides");
    });
    let folders = folders.iter().map(|folder| (folder.clone(), None)).collect();
    let mut wakers = Wakers { watcher: watcher.ok(), folders };
    wakers.rearm();
    wakers
}

impl Wakers {
    /// Watches again what vanished and came back. Call it with each listing; it costs a look at each
    /// folder.
    pub fn rearm(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for (folder, armed) in &mut self.folders {
            let now = std::fs::metadata(folder).ok().map(|metadata| FileId::of(&metadata));
            if now == *armed {
                continue;
            }
            if armed.take().is_some() {
                // It fails where the system dropped the watch together with the folder.
                let _ = watcher.unwatch(folder);
            }
            // Tried once: where it fails, it fails again, and the log is no place to say so each time.
            *armed = now;
            if now.is_some() {
                watch(watcher, folder);
            }
        }
    }
}

fn watch(watcher: &mut RecommendedWatcher, folder: &Path) {
    if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
        tracing::warn!(folder = %folder.display(), %error, "no events of this folder; the timer alone decides");
    }
}

/// Reading is no change (our own would wake us for ever), nor is what happens to names that are no inputs.
/// An event that lost others counts.
fn is_of_interest(event: &Event) -> bool {
    let is_read =
        matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
    let is_other = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| names::is_ignored(name) && !names::is_lock(name))
    };
    event.need_rescan() || !is_read && (event.paths.is_empty() || !event.paths.iter().all(is_other))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use notify::event::CreateKind;

    use super::*;

    /// Far longer than any event takes, so that only a missing one is felt.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn watched(folder: &Path) -> (Wakers, Receiver<()>) {
        let (sender, receiver) = channel();
        let wakers = wake_on_events(&[folder.to_owned()], move || {
            let _ = sender.send(());
        });
        (wakers, receiver)
    }

    #[test]
    fn a_dropped_file_wakes() {
        let dir = tempfile::tempdir().unwrap();
        let (_wakers, woken) = watched(dir.path());
        std::fs::File::create(dir.path().join("a.csv")).unwrap();
        woken.recv_timeout(PATIENCE).unwrap();
    }

    #[test]
    fn a_folder_that_comes_back_is_watched_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("drop");
        let (mut wakers, woken) = watched(&folder);
        std::fs::create_dir(&folder).unwrap();
        wakers.rearm();
        std::fs::rename(&folder, root.path().join("away")).unwrap();
        wakers.rearm();
        std::fs::create_dir(&folder).unwrap();
        wakers.rearm();
        while woken.try_recv().is_ok() {}
        std::fs::File::create(folder.join("a.csv")).unwrap();
        woken.recv_timeout(PATIENCE).unwrap();
    }

    #[test]
    fn our_own_reading_and_temporary_files_do_not_wake() {
        let event = |kind, name: &str| Event::new(kind).add_path(PathBuf::from(name));
        let created = EventKind::Create(CreateKind::File);
        assert!(is_of_interest(&event(created, "/drop/a.csv")));
        assert!(is_of_interest(&event(created, "/drop/~$a.xlsx")), "a lock file that goes ends the wait");
        assert!(!is_of_interest(&event(created, "/drop/a.csv.tmp")));
        assert!(!is_of_interest(&event(
            EventKind::Access(AccessKind::Open(AccessMode::Read)),
            "/drop/a.csv"
        )));
        assert!(is_of_interest(&event(
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            "/drop/a.csv"
        )));
        assert!(is_of_interest(&Event::new(EventKind::Other)), "nothing said of what it was");
    }
}
