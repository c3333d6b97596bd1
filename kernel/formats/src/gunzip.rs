//! gzip decompression (RFC 1952) in a window of 32 KiB.
//!
//! The inflated bytes go to the consumer piece by piece, never as a whole: an initramfs would
//! otherwise need its memory twice. `miniz_oxide` inflates; this module checks header and trailer.

use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// First two bytes of a member.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Maximum distance of a deflate copy, in bytes.
const WINDOW: usize = 32 * 1024;

/// Error in a gzip member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Not a gzip header, a wrong header checksum, or reserved flags.
    Header,
    /// The input ends inside the member.
    Truncated,
    /// The compressed data is damaged.
    Data,
    /// The CRC or the length of the inflated bytes differs from the trailer's.
    Checksum,
}

/// Reason why inflating stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The member is damaged.
    Damaged(Damage),
    /// The consumer returned an error.
    Consumer(E),
    /// No memory for the window.
    Memory,
}

impl<E> From<Damage> for Error<E> {
    fn from(damage: Damage) -> Self {
        Error::Damaged(damage)
    }
}

/// Inflates the member at the start of `input`, and passes its content to `consumer` in pieces of
/// up to 32 KiB. Returns the member's length in `input`.
pub fn member<E>(
    input: &[u8],
    mut consumer: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<usize, Error<E>> {
    let mut at = header_size(input)?;
    let mut inflaters = with_room(1)?;
    inflaters.push(DecompressorOxide::new());
    let inflater = &mut inflaters[0];
    let mut window = with_room(WINDOW)?;
    window.resize(WINDOW, 0);
    let mut window_at = 0;
    let mut crc = crc32fast::Hasher::new();
    let mut size = 0u32;

    loop {
        // No flags: raw deflate, complete input, a window that wraps around.
        let (status, taken, made) = decompress(inflater, &input[at..], &mut window, window_at, 0);
        at += taken;
        let piece = &window[window_at..window_at + made];
        crc.update(piece);
        size = size.wrapping_add(made as u32);
        consumer(piece).map_err(Error::Consumer)?;
        window_at = (window_at + made) % WINDOW;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => {
                return Err(Damage::Truncated.into());
            }
            _ => return Err(Damage::Data.into()),
        }
    }

    let trailer: &[u8; 8] = input[at..].first_chunk().ok_or(Damage::Truncated)?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    let expected = (
        u32::from_le_bytes([c0, c1, c2, c3]),
        u32::from_le_bytes([s0, s1, s2, s3]),
    );
    if expected != (crc.finalize(), size) {
        return Err(Damage::Checksum.into());
    }
    Ok(at + trailer.len())
}

/// An empty vector with capacity for `count` elements.
fn with_room<T, E>(count: usize) -> Result<Vec<T>, Error<E>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(count).map_err(|_| Error::Memory)?;
    Ok(vec)
}

/// Length of the header: ten bytes and up to four optional fields.
fn header_size(input: &[u8]) -> Result<usize, Damage> {
    const HEADER_CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;
    const DEFLATE: u8 = 8;

    let fixed: &[u8; 10] = input.first_chunk().ok_or(Damage::Truncated)?;
    let flags = fixed[3];
    if fixed[..2] != MAGIC || fixed[2] != DEFLATE || flags & RESERVED != 0 {
        return Err(Damage::Header);
    }
    let mut at = fixed.len();
    if flags & EXTRA != 0 {
        let size: &[u8; 2] = input[at..].first_chunk().ok_or(Damage::Truncated)?;
        at += size.len() + usize::from(u16::from_le_bytes(*size));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let rest = input.get(at..).ok_or(Damage::Truncated)?;
            at += rest
                .iter()
                .position(|&byte| byte == 0)
                .ok_or(Damage::Truncated)?
                + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        let covered = input.get(..at).ok_or(Damage::Truncated)?;
        let stored: &[u8; 2] = input[at..].first_chunk().ok_or(Damage::Truncated)?;
        if u32::from(u16::from_le_bytes(*stored)) != crc32fast::hash(covered) & 0xffff {
            return Err(Damage::Header);
        }
        at += stored.len();
    }
    if at > input.len() {
        Err(Damage::Truncated)
    } else {
        Ok(at)
    }
}

#[cfg(test)]
pub(crate) mod tests;
