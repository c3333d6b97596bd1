//! Iterator over consecutive archives in memory, without allocation.

use super::{Error, HEADER_SIZE, Header, Problem, TRAILER, add_to_sum, padding};

/// One member of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The header.
    pub header: Header,
    /// The name as in the archive, without the NUL.
    pub name: &'a [u8],
    /// The body: the content of a file, or the target of a symlink.
    pub body: &'a [u8],
}

/// Iterates over the members of all archives in `archives`, without trailers.
///
/// The iteration ends after an error: the start of the next member is unknown. Bytes that are
/// neither zero nor an archive (a compressed part, for example) are a [`Problem::Magic`].
pub const fn entries(archives: &[u8]) -> Entries<'_> {
    Entries {
        archives,
        at: 0,
        between: true,
        over: false,
    }
}

/// See [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    archives: &'a [u8],
    /// Position of the next header or the zeros before it; never past the end.
    at: usize,
    /// True at the start and after a trailer, where zeros or the end may follow.
    between: bool,
    over: bool,
}

impl<'a> Entries<'a> {
    /// Takes the next `size` bytes.
    fn take(&mut self, size: usize) -> Result<&'a [u8], Error> {
        let rest = &self.archives[self.at..];
        if rest.len() < size {
            let offset = self.archives.len() as u64;
            return Err(Error {
                offset,
                problem: Problem::Truncated,
            });
        }
        self.at += size;
        Ok(&rest[..size])
    }

    fn skip_padding(&mut self) {
        let padding = padding(self.at as u64) as usize;
        self.at = self.archives.len().min(self.at + padding);
    }

    fn member(&mut self) -> Result<Entry<'a>, Error> {
        let start = self.at as u64;
        if self.between && padding(start) != 0 {
            return Err(Error {
                offset: start,
                problem: Problem::Padding,
            });
        }
        let mut raw = [0; HEADER_SIZE];
        raw.copy_from_slice(self.take(HEADER_SIZE)?);
        let header = Header::parse(&raw, start)?;

        let problem = Error {
            offset: self.at as u64,
            problem: Problem::Name,
        };
        let name = self
            .take(header.name_size as usize)?
            .strip_suffix(b"\0")
            .ok_or(problem)?;
        self.skip_padding();

        let problem = Error {
            offset: self.at as u64,
            problem: Problem::Checksum,
        };
        let body = self.take(header.size as usize)?;
        self.skip_padding();
        if header
            .checksum
            .is_some_and(|sum| sum != add_to_sum(0, body))
        {
            return Err(problem);
        }
        Ok(Entry { header, name, body })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            if self.between {
                let zeros = self.archives[self.at..]
                    .iter()
                    .take_while(|&&byte| byte == 0)
                    .count();
                self.at += zeros;
                if self.at == self.archives.len() {
                    self.over = true;
                    break;
                }
            }
            let member = self.member();
            self.between = matches!(&member, Ok(entry) if entry.name == TRAILER);
            if !self.between {
                self.over = member.is_err();
                return Some(member);
            }
        }
        None
    }
}
