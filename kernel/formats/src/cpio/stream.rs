//! Streaming parser of archives: input in pieces of any size, members passed to a [`Sink`].
//!
//! It buffers only a header and a name: a large file needs no second copy between the inflater and
//! the file system.

use alloc::vec::Vec;

use super::{Error, HEADER_SIZE, Header, Problem, TRAILER, add_to_sum, padding};

/// Consumer of an archive's members. For each: [`begin`](Sink::begin), any number of
/// [`data`](Sink::data), [`end`](Sink::end); after the last one [`trailer`](Sink::trailer).
pub trait Sink {
    /// Error of the consumer; it ends the stream.
    type Error;
    /// Start of a member. The name is as in the archive, without the NUL.
    fn begin(&mut self, header: &Header, name: &[u8]) -> Result<(), Self::Error>;
    /// The next bytes of the member's body.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// End of a member: the body is complete, and its checksum correct.
    fn end(&mut self) -> Result<(), Self::Error>;
    /// End of an archive: inode numbers in the next one are independent.
    fn trailer(&mut self);
}

/// Why a stream stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError<E> {
    /// The archive is damaged.
    Archive(Error),
    /// The sink returned an error.
    Sink(E),
}

/// Part of the archive that the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Zeros, then the header of another archive.
    Between,
    Header,
    Name,
    Body,
}

/// Parser of archives that arrive piece by piece.
pub struct Stream {
    part: Part,
    /// Number of bytes consumed.
    position: u64,
    /// Padding bytes to skip before `part`.
    skip: u64,
    /// Received bytes of the header or the name.
    collected: Vec<u8>,
    header: Header,
    /// Missing bytes of the body.
    left: u32,
    sum: u32,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    /// A stream at the start of an archive.
    pub fn new() -> Stream {
        Stream {
            part: Part::Between,
            position: 0,
            skip: 0,
            collected: Vec::new(),
            header: Header::default(),
            left: 0,
            sum: 0,
        }
    }

    /// Consumes the next piece; returns the number of bytes used. It is less than the piece's
    /// length only if bytes that are neither zero nor an archive follow a complete archive.
    pub fn push<S: Sink>(
        &mut self,
        piece: &[u8],
        sink: &mut S,
    ) -> Result<usize, StreamError<S::Error>> {
        let mut rest = piece;
        while !rest.is_empty() {
            let skipped = self.skip.min(rest.len() as u64);
            rest = self.consume(rest, skipped as usize).1;
            self.skip -= skipped;
            if rest.is_empty() {
                break;
            }
            rest = match self.part {
                Part::Between => {
                    let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
                    rest = self.consume(rest, zeros).1;
                    match rest.first() {
                        Some(b'0') if padding(self.position) == 0 => self.part = Part::Header,
                        Some(b'0') => return Err(self.problem(0, Problem::Padding)),
                        _ => break,
                    }
                    rest
                }
                Part::Header => self.header(rest)?,
                Part::Name => self.name(rest, sink)?,
                Part::Body => self.body(rest, sink)?,
            };
        }
        Ok(piece.len() - rest.len())
    }

    /// Checks that the stream may end here: not inside a member.
    pub fn finish(&self) -> Result<(), Error> {
        match self.part {
            Part::Between => Ok(()),
            _ => Err(Error {
                offset: self.position,
                problem: Problem::Truncated,
            }),
        }
    }

    /// Counts and splits off `size` bytes of `rest`.
    fn consume<'a>(&mut self, rest: &'a [u8], size: usize) -> (&'a [u8], &'a [u8]) {
        self.position += size as u64;
        rest.split_at(size)
    }

    /// Collects up to `size` bytes in total; true when they are complete.
    fn collect<'a>(&mut self, rest: &'a [u8], size: usize) -> (bool, &'a [u8]) {
        let missing = (size - self.collected.len()).min(rest.len());
        let (bytes, rest) = self.consume(rest, missing);
        self.collected.extend_from_slice(bytes);
        (self.collected.len() == size, rest)
    }

    fn header<'a, E>(&mut self, rest: &'a [u8]) -> Result<&'a [u8], StreamError<E>> {
        let (complete, rest) = self.collect(rest, HEADER_SIZE);
        if complete {
            let mut raw = [0; HEADER_SIZE];
            raw.copy_from_slice(&self.collected);
            let start = self.position - HEADER_SIZE as u64;
            self.header = Header::parse(&raw, start).map_err(StreamError::Archive)?;
            self.collected.clear();
            self.part = Part::Name;
        }
        Ok(rest)
    }

    fn name<'a, S: Sink>(
        &mut self,
        rest: &'a [u8],
        sink: &mut S,
    ) -> Result<&'a [u8], StreamError<S::Error>> {
        let (complete, rest) = self.collect(rest, self.header.name_size as usize);
        if !complete {
            return Ok(rest);
        }
        if self.collected.pop() != Some(0) {
            return Err(self.problem(self.header.name_size, Problem::Name));
        }
        self.skip = padding(self.position);
        if self.collected == TRAILER {
            self.part = Part::Between;
            sink.trailer();
        } else {
            self.part = Part::Body;
            self.left = self.header.size;
            self.sum = 0;
            sink.begin(&self.header, &self.collected)
                .map_err(StreamError::Sink)?;
        }
        self.collected.clear();
        // An empty body is complete without a further byte.
        if self.part == Part::Body && self.left == 0 {
            self.end_of_body(sink)?;
        }
        Ok(rest)
    }

    fn body<'a, S: Sink>(
        &mut self,
        rest: &'a [u8],
        sink: &mut S,
    ) -> Result<&'a [u8], StreamError<S::Error>> {
        let size = rest.len().min(self.left as usize);
        let (bytes, rest) = self.consume(rest, size);
        if size > 0 {
            self.left -= size as u32;
            if self.header.checksum.is_some() {
                self.sum = add_to_sum(self.sum, bytes);
            }
            sink.data(bytes).map_err(StreamError::Sink)?;
        }
        if self.left == 0 {
            self.end_of_body(sink)?;
        }
        Ok(rest)
    }

    fn end_of_body<S: Sink>(&mut self, sink: &mut S) -> Result<(), StreamError<S::Error>> {
        if self.header.checksum.is_some_and(|sum| sum != self.sum) {
            return Err(self.problem(self.header.size, Problem::Checksum));
        }
        self.part = Part::Header;
        self.skip += padding(self.position + self.skip);
        sink.end().map_err(StreamError::Sink)
    }

    /// A problem in the part of `size` bytes that was just consumed.
    fn problem<E>(&self, size: u32, problem: Problem) -> StreamError<E> {
        StreamError::Archive(Error {
            offset: self.position - u64::from(size),
            problem,
        })
    }
}
