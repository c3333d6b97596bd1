//! An initramfs as boot loaders hand it over: archives one after the other, each plain or gzip.
//!
//! Zero bytes may lie between them. As in Linux, an error leaves what was unpacked before it.

use crate::cpio::{self, Sink, Stream, StreamError};
use crate::gunzip;

/// Why unpacking stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<E> {
    /// An archive is damaged; the offset in here counts from the start of its part, inflated.
    Archive(cpio::Error),
    /// A gzip member is damaged.
    Gzip(gunzip::Damage),
    /// Compressed in a way other than gzip; its name, or "unknown".
    Compression(&'static str),
    /// Something other than an archive follows inside a gzip member.
    Junk,
    /// The sink refused.
    Sink(E),
}

/// A [`Problem`] and the byte of the initramfs at which the part it is in begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error<E> {
    /// Start of the archive or the compressed member.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem<E>,
}

/// Unpacks everything in `image` into `sink`.
pub fn unpack<S: Sink>(image: &[u8], sink: &mut S) -> Result<(), Error<S::Error>> {
    let mut at = 0;
    while at < image.len() {
        let rest = &image[at..];
        let located = |problem| Error {
            offset: at,
            problem,
        };
        at += match rest[0] {
            0 => rest.iter().take_while(|&&byte| byte == 0).count(),
            b'0' if at % 4 == 0 => plain(rest, sink).map_err(located)?,
            _ if rest.starts_with(&gunzip::MAGIC) => compressed(rest, sink).map_err(located)?,
            _ => return Err(located(Problem::Compression(compression(rest)))),
        };
    }
    Ok(())
}

/// Unpacks plain archives up to their end or the first byte of something else.
fn plain<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<usize, Problem<S::Error>> {
    let mut stream = Stream::new();
    let used = stream.push(bytes, sink).map_err(problem)?;
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

/// Names the compression by its magic, so that the message can say what to do instead.
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
