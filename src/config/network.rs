//! Whether a path lies on another machine. `SQLite`'s write-ahead log needs shared memory and locks
//! of one host (<https://www.sqlite.org/wal.html>), so a ledger must not.

use std::path::{Path, PathBuf};

/// File systems that reach over a network.
const NETWORK_KINDS: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.rclone",
    "davfs",
    "fuse.davfs",
    "fuse.s3fs",
    "fuse.curlftpfs",
    "fuse.vmhgfs-fuse",
    "vboxsf",
    "beegfs",
];

/// Whether a path lies on a network share: a UNC name (`\\server\share`), or under a network mount
/// where the system lists its mounts in `/proc/mounts`. The path need not exist.
pub fn is_network_path(path: &Path) -> bool {
    let whole = real(path);
    // A mapped drive letter of Windows shows what it stands for once its links are followed.
    if is_unc(path) || is_unc(&whole) {
        return true;
    }
    let Ok(mounts) = std::fs::read_to_string("/proc/mounts") else { return false };
    is_under_network_mount(&mounts, &whole)
}

fn is_unc(path: &Path) -> bool {
    let text = path.to_string_lossy();
    // `\\?\C:\…` and `\\.\C:\…` are local disks.
    let local = (text.starts_with(r"\\?\") && !text.starts_with(r"\\?\UNC\")) || text.starts_with(r"\\.\");
    text.starts_with(r"\\") && !local
}

/// The path with the links of its existing part followed.
fn real(path: &Path) -> PathBuf {
    for part in path.ancestors() {
        if let Ok(real) = part.canonicalize() {
            return path.strip_prefix(part).map_or_else(|_| real.clone(), |rest| real.join(rest));
        }
    }
    path.to_path_buf()
}

/// Decides by the mount that holds the path: the longest mount point, of equals the last mounted.
fn is_under_network_mount(mounts: &str, path: &Path) -> bool {
    let holds = |line: &str| {
        let mut parts = line.split(' ').skip(1);
        let point = PathBuf::from(plain(parts.next()?));
        let kind = parts.next()?.to_owned();
        path.starts_with(&point).then(|| (point.components().count(), kind))
    };
    let holder = mounts.lines().filter_map(holds).max_by_key(|(depth, _)| *depth);
    holder.is_some_and(|(_, kind)| NETWORK_KINDS.contains(&kind.as_str()))
}

/// A mount point without the octal escapes of `/proc/mounts`.
fn plain(point: &str) -> String {
    point.replace(r"\040", " ").replace(r"\011", "\t").replace(r"\012", "\n").replace(r"\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "/dev/sda1 / ext4 rw 0 0\n\
        //srv/share /mnt/my\\040share cifs rw 0 0\n\
        srv:/home /home nfs4 rw 0 0\n\
        /dev/sdb1 /home/local ext4 rw 0 0\n";

    #[test]
    fn the_mount_that_holds_the_path_decides() {
        let network = |path: &str| is_under_network_mount(MOUNTS, Path::new(path));
        assert!(network("/mnt/my share/rxdrop/state.db"));
        assert!(network("/home/anna/state.db"));
        assert!(!network("/home/local/state.db"), "a local disk mounted below a share");
        assert!(!network("/homes/state.db"), "names are compared whole");
        assert!(!network("/var/lib/rxdrop/state.db"));
    }

    #[test]
    fn unc_names_are_shares_on_every_system() {
        assert!(is_network_path(Path::new(r"\\server\share\rxdrop.db")));
        assert!(is_network_path(Path::new(r"\\?\UNC\server\share\rxdrop.db")));
        assert!(!is_network_path(Path::new(r"\\?\C:\rxdrop\rxdrop.db")), "a long name of a local disk");
        assert!(!is_network_path(&std::env::temp_dir().join("not-there/rxdrop.db")));
    }
}
