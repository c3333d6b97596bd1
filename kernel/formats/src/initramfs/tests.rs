//! Tests of an initramfs: consecutive archives, plain and compressed.

use alloc::vec::Vec;

use super::*;
use crate::cpio::{Header, Writer};
use crate::gunzip::tests::gzip;

/// Records the names; returns an error for one of them.
#[derive(Default)]
struct Names(Vec<Vec<u8>>);

impl Sink for Names {
    type Error = &'static str;

    fn begin(&mut self, _header: &Header, name: &[u8]) -> Result<(), &'static str> {
        self.0.push(name.to_vec());
        if name == b"full" {
            Err("no room")
        } else {
            Ok(())
        }
    }

    fn data(&mut self, _bytes: &[u8]) -> Result<(), &'static str> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), &'static str> {
        Ok(())
    }

    fn trailer(&mut self) {}
}

fn archive(name: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.file(name, 0o644, b"content");
    writer.finish()
}

fn names(image: &[u8]) -> (Vec<Vec<u8>>, Result<(), Error<&'static str>>) {
    let mut names = Names::default();
    let result = unpack(&mut &image[..], &mut names);
    (names.0, result)
}

#[test]
fn plain_and_gzip_in_any_order() {
    let both = [archive(b"two"), archive(b"three")].concat();
    let parts = [
        archive(b"one"),
        gzip(&both, false),
        [0; 9].to_vec(),
        gzip(&archive(b"four"), true),
    ];
    let (found, result) = names(&parts.concat());
    assert_eq!((found.len(), result), (4, Ok(())));
    assert_eq!(found, [&b"one"[..], b"two", b"three", b"four"]);
    assert_eq!(names(b""), (Vec::new(), Ok(())));
    assert_eq!(names(&[0; 100]), (Vec::new(), Ok(())));
}

#[test]
fn errors_keep_earlier_files() {
    let one = archive(b"one");
    let problem = |behind: &[u8]| {
        let (found, result) = names(&[&one, behind].concat());
        assert!(!found.is_empty());
        let error = result.expect_err("damaged");
        assert_eq!(error.offset, one.len());
        error.problem
    };
    assert_eq!(
        problem(b"\x28\xb5\x2f\xfd...."),
        Problem::Compression("zstd")
    );
    assert_eq!(problem(b"junk"), Problem::Compression("unknown"));
    assert_eq!(problem(&gzip(b"junk", false)), Problem::Junk);
    assert_eq!(
        problem(&gzip(&archive(b"full"), false)),
        Problem::Sink("no room")
    );
    let truncated = cpio::Error {
        offset: 200,
        problem: cpio::Problem::Truncated,
    };
    assert_eq!(
        problem(&gzip(&archive(b"xxxx")[..200], false)),
        Problem::Archive(truncated)
    );
    assert_eq!(
        problem(&gzip(&archive(b"x"), false)[..60]),
        Problem::Gzip(gunzip::Damage::Truncated)
    );
}

#[test]
fn a_plain_archive_begins_at_a_multiple_of_four() {
    let image = [&[0][..], &archive(b"one")].concat();
    let error = names(&image).1.expect_err("not aligned");
    assert_eq!(
        (error.offset, error.problem),
        (1, Problem::Compression("unknown"))
    );
}
