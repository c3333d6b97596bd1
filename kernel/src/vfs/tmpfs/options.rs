//! Mount options of tmpfs (tmpfs(5)): `size=`, `nr_blocks=`, `nr_inodes=`, `mode=`, `uid=`, `gid=`.
//!
//! `huge=` and `mpol=` are accepted and ignored.

use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::frame;

/// Parsed options; `None` for one not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Page limit; 0 is unlimited.
    pub pages: Option<u64>,
    /// File limit; 0 is unlimited.
    pub inodes: Option<u64>,
    /// Permissions of the root directory.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl Options {
    /// Parses `name=value,...`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown option or an invalid value.
    pub fn parse(text: &[u8]) -> Result<Self, Errno> {
        let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        let mut options = Self::default();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let number = |radix| u32::from_str_radix(value, radix).map_err(|_| Errno::EINVAL);
            match name {
                "size" => options.pages = Some(size(value)?.div_ceil(PAGE_SIZE)),
                "nr_blocks" => options.pages = Some(amount(value)?),
                "nr_inodes" => options.inodes = Some(amount(value)?),
                "mode" => options.mode = Some(number(8)? & 0o7777),
                "uid" => options.uid = Some(number(10)?),
                "gid" => options.gid = Some(number(10)?),
                "huge" | "mpol" | "inode32" | "inode64" | "noswap" => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }
}

/// A number with one of the suffixes k, m, g.
fn amount(text: &str) -> Result<u64, Errno> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(Errno::EINVAL),
    };
    let number: u64 = digits.parse().map_err(|_| Errno::EINVAL)?;
    number.checked_mul(1 << shift).ok_or(Errno::EINVAL)
}

/// A size in bytes, or in percent of RAM.
fn size(text: &str) -> Result<u64, Errno> {
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: u64 = percent.parse().map_err(|_| Errno::EINVAL)?;
            let (_, total) = frame::statistics();
            (total * PAGE_SIZE / 100)
                .checked_mul(percent)
                .ok_or(Errno::EINVAL)
        }
        None => amount(text),
    }
}
