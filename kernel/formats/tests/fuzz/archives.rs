//! cpio archives and gzip members.

use std::fs;

use fastrand::Rng;
use formats::cpio::{self, Header, Sink, Stream, StreamError, Writer};
use formats::{gunzip, initramfs};

use crate::{damage, inputs, rng};

/// Counts members and bytes, and checks the order of the calls.
#[derive(Default)]
struct Counter {
    members: usize,
    bytes: u64,
    left: Option<u64>,
}

impl Sink for Counter {
    type Error = ();

    fn begin(&mut self, header: &Header, name: &[u8]) -> Result<(), ()> {
        assert!(self.left.is_none());
        assert_eq!(name.len() + 1, header.name_size as usize);
        self.left = Some(header.size.into());
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let left = self.left.expect("inside a member");
        self.left = Some(
            left.checked_sub(bytes.len() as u64)
                .expect("no more data than the header's size"),
        );
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<(), ()> {
        assert_eq!(self.left.take(), Some(0));
        self.members += 1;
        Ok(())
    }

    fn trailer(&mut self) {
        assert!(self.left.is_none());
    }
}

fn archive(rng: &mut Rng) -> Vec<u8> {
    let mut writer = Writer::new();
    for index in 0..rng.u8(1..6) {
        let name = [
            &b"dir/file"[..],
            &vec![b'x'; rng.usize(..9)],
            &[b'a' + index],
        ]
        .concat();
        let body = vec![index; rng.usize(..40)];
        match rng.u8(..4) {
            0 => writer.directory(&name, 0o755),
            1 => writer.symlink(&name, &body),
            _ => writer.file(&name, 0o644, &body),
        }
    }
    writer.finish()
}

#[test]
fn cpio_archives() {
    let mut rng = rng();
    let mut accepted = 0;
    for _ in 0..inputs() {
        let mut bytes = archive(&mut rng);
        let kept = bytes.len() - 512.min(bytes.len());
        bytes.truncate(kept.max(600));
        damage(&mut bytes, &mut rng);
        // A changed hexadecimal digit passes the first checks more often than random damage.
        let at = rng.usize(..bytes.len());
        bytes[at] = rng.choice(*b"0123456789abcdefF").unwrap_or(b'0');
        let mut walked = (0, 0);
        let mut slice_error = None;
        for entry in cpio::entries(&bytes) {
            match entry {
                Ok(entry) => walked = (walked.0 + 1, walked.1 + entry.body.len() as u64),
                Err(error) => slice_error = Some(error),
            }
        }
        // The stream parser must agree, whatever the size of the pieces.
        let (mut stream, mut counter) = (Stream::new(), Counter::default());
        let mut end = None;
        let size = rng.usize(1..200);
        for piece in bytes.chunks(size) {
            match stream.push(piece, &mut counter) {
                Ok(used) if used == piece.len() => {}
                Ok(_) => break,
                Err(StreamError::Archive(error)) => end = Some(error),
                Err(StreamError::Sink(())) => unreachable!("the counter never fails"),
            }
            if end.is_some() {
                break;
            }
        }
        assert_eq!(counter.members, walked.0);
        if slice_error.is_none() {
            assert_eq!((end, counter.bytes), (None, walked.1));
            accepted += 1;
        }
        let _ = initramfs::unpack(&mut &bytes[..], &mut Counter::default());
    }
    assert!(accepted > inputs() / 50, "{accepted} accepted");
}

#[test]
fn gzip_members() {
    let mut rng = rng();
    let original = fs::read("/proc/self/maps").unwrap_or_default();
    for _ in 0..inputs() / 10 {
        let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        bytes.extend_from_slice(&miniz_oxide::deflate::compress_to_vec(&original, 1));
        bytes.extend_from_slice(&[0; 8]);
        damage(&mut bytes, &mut rng);
        let mut size = 0;
        // A damaged member may inflate to more than the original, but only within DEFLATE's ratio.
        let _ = gunzip::member(&bytes, |piece: &[u8]| {
            size += piece.len();
            if size > bytes.len() * 1100 {
                Err(())
            } else {
                Ok(())
            }
        });
        assert!(size <= bytes.len() * 1100);
    }
}
