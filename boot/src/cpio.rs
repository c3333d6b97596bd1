//! cpio archive ("newc" format, as an initramfs) with a single file, the command line.
//!
//! `BootInfo` has no field for the command line. Linux's boot loaders pass CPU microcode in the
//! same way: in an archive before the initramfs.

use core::fmt::{self, Write};

/// Name of the file with the command line, in the archive before the initramfs.
pub const CMDLINE_NAME: &str = "kernel/trident/cmdline";

/// Mode of the file: regular, readable by all.
const MODE: u32 = 0o100_444;
/// Bytes of a header, which the name follows.
const HEADER: usize = 110;

/// Size in bytes of an archive with a file of `size` bytes.
pub fn archive_size(size: usize) -> usize {
    let member = |name: &str, size: usize| {
        (HEADER + name.len() + 1).next_multiple_of(4) + size.next_multiple_of(4)
    };
    member(CMDLINE_NAME, size) + member(TRAILER, 0)
}

/// Name of the member that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// Writes the archive to the start of `out`, which is zeroed and at least [`archive_size`] bytes
/// long.
pub fn write_archive(out: &mut [u8], content: &[u8]) {
    let mut at = Cursor { out, at: 0 };
    at.member(CMDLINE_NAME, MODE, content);
    at.member(TRAILER, 0, &[]);
}

struct Cursor<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Writes a member: header and NUL-terminated name, then the content, each zero-padded to 4
    /// bytes.
    fn member(&mut self, name: &str, mode: u32, content: &[u8]) {
        let (size, name_size) = (content.len(), name.len() + 1);
        // inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name
        // size, checksum: only the "070702" format has that
        let fields = [0, mode as usize, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes(b"070701");
        for field in fields {
            // `write_str` never fails; `out` has the size given by `archive_size`.
            let _ = write!(self, "{field:08x}");
        }
        self.bytes(name.as_bytes());
        self.at = (self.at + 1).next_multiple_of(4);
        self.bytes(content);
        self.at = self.at.next_multiple_of(4);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..][..bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

impl Write for Cursor<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_cpio() {
        let mut out = vec![0; archive_size(5)];
        write_archive(&mut out, b"quiet");
        let text = String::from_utf8(out).unwrap();
        let header = "070701000000000000812400000000000000000000000100000000000000050000000000000000\
                      00000000000000000000001700000000kernel/trident/cmdline\0\0\0\0";
        assert_eq!(&text[..136], header);
        assert_eq!(&text[136..144], "quiet\0\0\0");
        assert!(text[144..].starts_with("070701") && text.ends_with("TRAILER!!!\0\0\0\0"));
    }

    #[test]
    fn the_size_is_exact() {
        for size in 0..9 {
            let mut out = vec![0; archive_size(size)];
            write_archive(&mut out, &vec![b'x'; size]);
            assert_eq!(out.len() % 4, 0);
            assert!(out.windows(10).any(|window| window == TRAILER.as_bytes()));
        }
    }
}
