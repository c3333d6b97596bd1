//! An initramfs as boot loaders pass it: consecutive archives, each plain or gzip.
//!
//! Zero bytes may separate them. As in Linux, files unpacked before an error remain.

use crate::cpio::{self, Sink, Stream, StreamError};
use crate::gunzip;

/// Reason why unpacking stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<E> {
    /// An archive is damaged; this offset counts from the start of its part, inflated.
    Archive(cpio::Error),
    /// A gzip member is damaged.
    Gzip(gunzip::Damage),
    /// A compression other than gzip: its name, or "unknown".
    Compression(&'static str),
    /// Bytes other than an archive inside a gzip member.
    Junk,
    /// The sink returned an error.
    Sink(E),
    /// No memory for inflating.
    Memory,
}

/// A [`Problem`], and the offset of its part in the initramfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error<E> {
    /// Start of the archive or the compressed member, in bytes.
    pub offset: usize,
    /// The error.
    pub problem: Problem<E>,
}

/// Memory with an initramfs. Unpacked parts may be freed before the rest is unpacked, so that
/// memory need not hold the archive and all files at once.
pub trait Source {
    /// The bytes from `at` on, which have not been released.
    fn bytes(&self, at: usize) -> &[u8];

    /// The bytes before `end` are no longer needed: the source may free them.
    fn release(&mut self, end: usize);
}

impl Source for &[u8] {
    fn bytes(&self, at: usize) -> &[u8] {
        &self[at..]
    }

    fn release(&mut self, _end: usize) {}
}

/// Number of bytes of a plain archive between two releases.
const PIECE: usize = 1 << 20;

/// Unpacks all archives in `image` into `sink`.
pub fn unpack<I: Source, S: Sink>(image: &mut I, sink: &mut S) -> Result<(), Error<S::Error>> {
    let mut at = 0;
    loop {
        let rest = image.bytes(at);
        let located = |problem| Error {
            offset: at,
            problem,
        };
        at += match rest.first() {
            None => return Ok(()),
            Some(0) => rest.iter().take_while(|&&byte| byte == 0).count(),
            Some(b'0') if at % 4 == 0 => plain(image, at, sink).map_err(located)?,
            _ if rest.starts_with(&gunzip::MAGIC) => compressed(rest, sink).map_err(located)?,
            _ => return Err(located(Problem::Compression(compression(rest)))),
        };
        image.release(at);
    }
}

/// Unpacks plain archives from `start` up to their end or the first byte of something else.
fn plain<I: Source, S: Sink>(
    image: &mut I,
    start: usize,
    sink: &mut S,
) -> Result<usize, Problem<S::Error>> {
    let mut stream = Stream::new();
    let mut used = 0;
    loop {
        let rest = image.bytes(start + used);
        let piece = &rest[..rest.len().min(PIECE)];
        let taken = stream.push(piece, sink).map_err(problem)?;
        let over = taken < piece.len() || piece.is_empty();
        used += taken;
        image.release(start + used);
        if over {
            break;
        }
    }
    stream.finish().map_err(Problem::Archive)?;
    Ok(used)
}

/// Unpacks the archives in one gzip member.
fn compressed<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<usize, Problem<S::Error>> {
    let mut stream = Stream::new();
    let used = gunzip::member(bytes, |piece| match stream.push(piece, sink) {
        Ok(used) if used == piece.len() => Ok(()),
        Ok(_) => Err(Problem::Junk),
        Err(error) => Err(problem(error)),
    })
    .map_err(|error| match error {
        gunzip::Error::Consumer(problem) => problem,
        gunzip::Error::Damaged(damage) => Problem::Gzip(damage),
        gunzip::Error::Memory => Problem::Memory,
    })?;
    stream.finish().map_err(Problem::Archive)?;
    Ok(used)
}

fn problem<E>(error: StreamError<E>) -> Problem<E> {
    match error {
        StreamError::Archive(error) => Problem::Archive(error),
        StreamError::Sink(error) => Problem::Sink(error),
    }
}

/// Name of a compression by its magic, for the error message.
fn compression(bytes: &[u8]) -> &'static str {
    let known: [(&[u8], &str); 6] = [
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x5d\0\0", "lzma"),
        (b"\x89LZO", "lzo"),
        (b"\x02\x21\x4c\x18", "lz4"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ];
    known
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map_or("unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests;
