//! Writer of newc archives, for host tools and tests.

use alloc::format;
use alloc::vec::Vec;

use super::{TRAILER, mode, padding};

/// Description of a member; times and owners are zero unless set, so that archives are
/// reproducible.
#[derive(Clone, Copy, Debug, Default)]
pub struct Member<'a> {
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u32,
    /// Inode number, for members that are hard links to one file; 0: a new number.
    pub ino: u32,
    /// Number of links; 0 means 1 (2 for a directory).
    pub nlink: u32,
    /// Device of a device node: major and minor number.
    pub rdev: (u32, u32),
    /// Content or target.
    pub body: &'a [u8],
}

/// Builds an archive in memory.
#[derive(Debug)]
pub struct Writer {
    archive: Vec<u8>,
    /// Last inode number that was assigned.
    next_ino: u32,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An empty archive.
    pub const fn new() -> Writer {
        // Above the small numbers that callers choose for hard links.
        Writer {
            archive: Vec::new(),
            next_ino: 0x1000_0000,
        }
    }

    /// Adds a directory with permission bits `permissions`.
    pub fn directory(&mut self, name: &[u8], permissions: u32) {
        self.member(
            name,
            &Member {
                mode: mode::DIRECTORY | permissions,
                ..Member::default()
            },
        );
    }

    /// Adds a regular file.
    pub fn file(&mut self, name: &[u8], permissions: u32, body: &[u8]) {
        self.member(
            name,
            &Member {
                mode: mode::FILE | permissions,
                body,
                ..Member::default()
            },
        );
    }

    /// Adds a symbolic link to `target`.
    pub fn symlink(&mut self, name: &[u8], target: &[u8]) {
        self.member(
            name,
            &Member {
                mode: mode::SYMLINK | 0o777,
                body: target,
                ..Member::default()
            },
        );
    }

    /// Adds a member of any type.
    ///
    /// # Panics
    /// If the body or the name is 4 GiB or longer: the fields have 32 bits.
    pub fn member(&mut self, name: &[u8], member: &Member<'_>) {
        let size = u32::try_from(member.body.len()).expect("a cpio member is below 4 GiB");
        let name_size = u32::try_from(name.len() + 1).expect("a cpio name is below 4 GiB");
        let ino = if member.ino != 0 {
            member.ino
        } else {
            self.next_ino += 1;
            self.next_ino
        };
        let least_links = if member.mode & mode::TYPE == mode::DIRECTORY {
            2
        } else {
            1
        };
        let fields = [
            ino,
            member.mode,
            member.uid,
            member.gid,
            member.nlink.max(least_links),
            member.mtime,
            size,
            0,
            0,
            member.rdev.0,
            member.rdev.1,
            name_size,
            0,
        ];
        self.archive.extend_from_slice(b"070701");
        for field in fields {
            self.archive
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.archive.extend_from_slice(name);
        self.archive.push(0);
        self.pad();
        self.archive.extend_from_slice(member.body);
        self.pad();
    }

    /// Ends the archive; returns its bytes, padded to 512-byte blocks as by cpio(1).
    pub fn finish(mut self) -> Vec<u8> {
        self.next_ino = 0;
        self.member(TRAILER, &Member::default());
        self.archive
            .resize(self.archive.len().next_multiple_of(512), 0);
        self.archive
    }

    fn pad(&mut self) {
        let size = self.archive.len() as u64;
        self.archive.resize((size + padding(size)) as usize, 0);
    }
}
