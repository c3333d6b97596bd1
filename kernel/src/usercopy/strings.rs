//! NUL-terminated strings in user memory.

use alloc::vec::Vec;

use super::UserPtr;
use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, fallible};

impl UserPtr<u8> {
    /// Reads a short string into `out`; returns its length without the NUL. `None` if `out` would
    /// cross a page boundary in user memory or holds no NUL.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read_short_cstr(self, out: &mut [u8; 64]) -> Result<Option<usize>, Errno> {
        let in_page = (PAGE_SIZE - self.0 % PAGE_SIZE) as usize;
        if in_page < out.len() {
            return Ok(None);
        }
        self.read_into(out)?;
        Ok(first_nul(out))
    }

    /// Reads a string; the result excludes the NUL.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`; `ENAMETOOLONG` if there is no NUL in the first `max` bytes.
    pub fn read_cstr(self, max: usize) -> Result<Vec<u8>, Errno> {
        let mut text = Vec::new();
        let mut buffer = [0; 64];
        // ANCHOR: read-cstr
        while text.len() < max {
            let at = self.byte_add(text.len() as u64);
            // Never across a page boundary: the string may end just before an unmapped page.
            let in_page = (PAGE_SIZE - at.0 % PAGE_SIZE) as usize;
            let wanted = in_page.min(buffer.len()).min(max - text.len());
            let chunk = &mut buffer[..wanted];
            at.read_into(chunk)?;
            match chunk.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    fallible::extend_from_slice(&mut text, &chunk[..end])?;
                    return Ok(text);
                }
                None => fallible::extend_from_slice(&mut text, chunk)?,
            }
        }
        // ANCHOR_END: read-cstr
        Err(Errno::ENAMETOOLONG)
    }
}

/// Index of the first NUL.
#[inline]
pub fn first_nul(bytes: &[u8]) -> Option<usize> {
    // Eight bytes at a time: the lowest bit set marks the first zero byte.
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte == 0)?;
    Some(words.len() * 8 + at)
}
