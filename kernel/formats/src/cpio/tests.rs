//! Tests of the cpio parsers: valid, truncated and damaged archives.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// An archive with each type of member, and the same archive again after some zeros.
fn sample() -> Vec<u8> {
    let mut archive = Vec::new();
    for round in 0..2 {
        let mut writer = Writer::new();
        writer.directory(b".", 0o755);
        writer.file(b"a", 0o644, b"hello");
        let link = Member {
            mode: mode::FILE | 0o600,
            ino: 7,
            nlink: 2,
            ..Member::default()
        };
        writer.member(b"dir/one", &link);
        writer.member(
            b"dir/two",
            &Member {
                body: b"linked body",
                ..link
            },
        );
        writer.symlink(b"s", b"dir/two");
        let null = Member {
            mode: mode::CHARACTER | 0o666,
            rdev: (1, 3),
            ..Member::default()
        };
        writer.member(b"dev/null", &null);
        archive.extend_from_slice(&writer.finish());
        archive.resize(archive.len() + 4 * round + 512, 0);
    }
    archive
}

/// Records the members that a stream delivers.
#[derive(Default, Debug, PartialEq)]
struct Recorder {
    members: Vec<(String, u32, Vec<u8>)>,
    ended: usize,
    trailers: usize,
}

impl Sink for Recorder {
    type Error = ();

    fn begin(&mut self, header: &Header, name: &[u8]) -> Result<(), ()> {
        if name == b"refuse" {
            return Err(());
        }
        self.members.push((
            String::from_utf8_lossy(name).into(),
            header.mode,
            Vec::new(),
        ));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), ()> {
        assert!(!bytes.is_empty());
        self.members
            .last_mut()
            .ok_or(())?
            .2
            .extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), ()> {
        self.ended += 1;
        Ok(())
    }

    fn trailer(&mut self) {
        self.trailers += 1;
    }
}

#[test]
fn slice_and_stream_deliver_the_same() {
    let archive = sample();
    let all: Result<Vec<Entry<'_>>, Error> = entries(&archive).collect();
    let all = all.expect("the sample is well-formed");
    assert_eq!(all.len(), 12);
    assert_eq!(all[3].body, b"linked body");
    assert!(all[2].header.is_hard_link());
    assert_eq!(all[2].header.identity(), all[3].header.identity());
    assert_ne!(all[1].header.identity(), all[3].header.identity());
    assert_eq!(all[5].header.rdev, (1, 3));

    for size in [1, 2, 3, 7, 110, 512, archive.len()] {
        let (mut stream, mut recorder) = (Stream::new(), Recorder::default());
        for piece in archive.chunks(size) {
            assert_eq!(stream.push(piece, &mut recorder), Ok(piece.len()));
        }
        assert_eq!(stream.finish(), Ok(()));
        assert_eq!((recorder.trailers, recorder.ended), (2, all.len()));
        for (entry, (name, mode, body)) in all.iter().zip(&recorder.members) {
            assert_eq!((entry.name, entry.body), (name.as_bytes(), &body[..]));
            assert_eq!(entry.header.mode, *mode);
        }
    }
}

/// The error that both parsers end with.
fn error_of(archive: &[u8]) -> Option<Error> {
    let slice = entries(archive).find_map(Result::err);
    let (mut stream, mut recorder) = (Stream::new(), Recorder::default());
    let streamed = match stream.push(archive, &mut recorder) {
        Err(StreamError::Archive(error)) => Some(error),
        Err(StreamError::Sink(())) => None,
        Ok(_) => stream.finish().err(),
    };
    assert_eq!(slice, streamed);
    slice
}

#[test]
fn damage_is_located() {
    let archive = sample();
    assert_eq!(error_of(&archive), None);
    let damaged = |at: usize, byte: u8| {
        let mut copy = archive.clone();
        copy[at] = byte;
        error_of(&copy)
    };
    let problem = |offset, problem| Some(Error { offset, problem });
    assert_eq!(damaged(4, b'9'), problem(0, Problem::Magic));
    assert_eq!(damaged(6 + 8, b'g'), problem(14, Problem::Digits));
    assert_eq!(damaged(94, b'8'), problem(94, Problem::Name));
    assert_eq!(damaged(111, b'x'), problem(110, Problem::Name));
    assert_eq!(error_of(&archive[..200]), problem(200, Problem::Truncated));
    assert_eq!(error_of(b"0"), problem(1, Problem::Truncated));
    let mut shifted = archive.clone();
    shifted.insert(1500, 0);
    assert_eq!(shifted[1500], 0);
    assert!(matches!(
        error_of(&shifted),
        Some(Error {
            problem: Problem::Padding,
            ..
        })
    ));
}

#[test]
fn checksums_are_verified() {
    let mut writer = Writer::new();
    writer.file(b"a", 0o644, b"\x01\xff");
    let mut archive = writer.finish();
    archive[5] = b'2';
    archive[102..110].copy_from_slice(b"00000100");
    assert_eq!(error_of(&archive), None);
    archive[109] = b'1';
    assert_eq!(
        error_of(&archive),
        Some(Error {
            offset: 112,
            problem: Problem::Checksum
        })
    );
}

#[test]
fn long_targets_and_names_are_refused() {
    let mut writer = Writer::new();
    writer.symlink(b"s", &[b'x'; 4097]);
    assert_eq!(
        error_of(&writer.finish()),
        Some(Error {
            offset: 54,
            problem: Problem::Target
        })
    );
    let mut writer = Writer::new();
    writer.file(&[b'n'; 4096], 0, b"");
    assert_eq!(
        error_of(&writer.finish()),
        Some(Error {
            offset: 94,
            problem: Problem::Name
        })
    );
}

#[test]
fn a_stream_stops_at_other_bytes_and_at_an_error_of_its_sink() {
    let mut writer = Writer::new();
    writer.file(b"a", 0, b"");
    let mut archive = writer.finish();
    let size = archive.len();
    archive.extend_from_slice(b"\x1f\x8bmore");
    let (mut stream, mut recorder) = (Stream::new(), Recorder::default());
    assert_eq!(stream.push(&archive, &mut recorder), Ok(size));
    let mut writer = Writer::new();
    writer.file(b"refuse", 0, b"");
    assert_eq!(
        Stream::new().push(&writer.finish(), &mut recorder),
        Err(StreamError::Sink(()))
    );
}
