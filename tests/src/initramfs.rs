//! Packs a newc archive, the format of the kernel's initramfs.
//!
//! The format is that of Linux's `Documentation/driver-api/early-userspace/buffer-format.rst`:
//! a 110-byte header of ASCII hexadecimal fields, the name with its NUL, the data; name and
//! data each padded to four bytes; an entry named `TRAILER!!!` ends the archive.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// An archive under construction. Entries are kept sorted, so that a directory comes before its
/// entries and the same content gives the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Initramfs {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    mode: u32,
    data: Vec<u8>,
}

impl Initramfs {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory, and the directories above it.
    pub fn dir(mut self, path: &str) -> Self {
        self.insert(path, S_IFDIR | 0o755, Vec::new());
        self
    }

    /// Adds a plain file (mode 0644), and the directories above it.
    pub fn file(self, path: &str, data: impl Into<Vec<u8>>) -> Self {
        self.file_with_mode(path, 0o644, data)
    }

    /// Adds an executable file (mode 0755), and the directories above it.
    pub fn executable(self, path: &str, data: impl Into<Vec<u8>>) -> Self {
        self.file_with_mode(path, 0o755, data)
    }

    /// Adds a file with the given permission bits, and the directories above it.
    pub fn file_with_mode(mut self, path: &str, mode: u32, data: impl Into<Vec<u8>>) -> Self {
        self.insert(path, S_IFREG | mode & 0o7777, data.into());
        self
    }

    /// Adds a file of any kind (`mode` has its type bits too), and the directories above it.
    pub fn node(mut self, path: &str, mode: u32, data: impl Into<Vec<u8>>) -> Self {
        self.insert(path, mode, data.into());
        self
    }

    /// Adds an executable that is read from the host.
    pub fn executable_from(self, path: &str, host: &Path) -> io::Result<Self> {
        let data = fs::read(host).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", host.display()))
        })?;
        Ok(self.executable(path, data))
    }

    /// Adds a symbolic link, and the directories above it.
    pub fn symlink(mut self, path: &str, points_to: &str) -> Self {
        self.insert(path, S_IFLNK | 0o777, points_to.as_bytes().to_vec());
        self
    }

    /// The archive's bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        for (inode, (name, entry)) in (1..).zip(&self.entries) {
            append(&mut archive, inode, name, entry.mode, &entry.data);
        }
        append(&mut archive, 0, "TRAILER!!!", 0, &[]);
        archive
    }

    fn insert(&mut self, path: &str, mode: u32, data: Vec<u8>) {
        let name = path.trim_matches('/');
        if name.is_empty() {
            return;
        }
        for (slash, _) in name.match_indices('/') {
            let above = Entry {
                mode: S_IFDIR | 0o755,
                data: Vec::new(),
            };
            self.entries
                .entry(name[..slash].to_owned())
                .or_insert(above);
        }
        self.entries.insert(name.to_owned(), Entry { mode, data });
    }
}

/// An archive of one file, without the directories above it: it passes data to the kernel in front
/// of an initramfs.
pub fn lone_file(path: &str, data: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    append(&mut archive, 1, path, S_IFREG | 0o444, data);
    append(&mut archive, 0, "TRAILER!!!", 0, &[]);
    archive
}

/// Appends one entry: header, name, data.
fn append(archive: &mut Vec<u8>, inode: u32, name: &str, mode: u32, data: &[u8]) {
    let links = if mode & S_IFDIR == S_IFDIR { 2 } else { 1 };
    let fields: [u32; 13] = [
        inode,
        mode,
        0, // uid
        0, // gid
        links,
        0, // mtime
        data.len() as u32,
        0, // device, major and minor
        0,
        0, // device of a node, major and minor
        0,
        name.len() as u32 + 1,
        0, // checksum, unused in newc
    ];
    archive.extend_from_slice(b"070701");
    for field in fields {
        archive.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(data);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_archive_is_its_trailer() {
        let archive = Initramfs::new().build();
        assert!(archive.starts_with(b"070701"));
        assert_eq!(&archive[110..121], b"TRAILER!!!\0");
        assert_eq!(archive.len(), 124);
    }

    #[test]
    fn directories_come_before_their_files() {
        let archive = Initramfs::new().file("/etc/motd", "hi").build();
        let text = String::from_utf8_lossy(&archive);
        let directory = text.find("etc\0").expect("directory entry");
        let file = text.find("etc/motd\0").expect("file entry");
        assert!(directory < file);
        assert_eq!(archive.len() % 4, 0);
    }

    #[test]
    fn the_host_unpacks_what_is_packed() {
        let Some(listing) = list_with_host_cpio(
            &Initramfs::new()
                .executable("bin/true", vec![7; 1001])
                .symlink("init", "bin/true")
                .build(),
        ) else {
            return; // no cpio on this host
        };
        assert_eq!(
            listing.lines().collect::<Vec<_>>(),
            ["bin", "bin/true", "init"]
        );
    }

    fn list_with_host_cpio(archive: &[u8]) -> Option<String> {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut cpio = Command::new("cpio")
            .args(["-t", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        cpio.stdin.take()?.write_all(archive).ok()?;
        let output = cpio.wait_with_output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
