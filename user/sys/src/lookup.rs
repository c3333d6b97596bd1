//! Symbol lookup in an ELF image, by either of its hash tables.
//!
//! Each table has its own function, so that a test can check both. Sources: the gABI for `DT_HASH`;
//! binutils for the layout of `DT_GNU_HASH`.

use crate::elf_image::{Image, read};

impl Image {
    /// The address of symbol `index` if its name and version match; an empty version matches any.
    fn matches(&self, index: usize, name: &str, version: &str) -> Option<usize> {
        let right = self.symbol_name(index) == name
            && (version.is_empty() || self.symbol_version(index) == version);
        if right {
            self.symbol_address(index)
        } else {
            None
        }
    }

    /// Whether the image has the System V hash table.
    pub fn has_hash(&self) -> bool {
        self.hash != 0
    }

    /// Whether the image has the GNU hash table.
    pub fn has_gnu_hash(&self) -> bool {
        self.gnu_hash != 0
    }

    /// Looks up `name` by `DT_HASH`.
    pub fn lookup_hash(&self, name: &str, version: &str) -> Option<usize> {
        if self.hash == 0 {
            return None;
        }
        // SAFETY: the table is bucket count, chain count, buckets, chains, all u32; index 0 ends a
        // chain, and every index is below the chain count.
        let word = |index: usize| unsafe { read::<u32>(self.hash + 4 * index) } as usize;
        let buckets = word(0).max(1);
        let mut index = word(2 + hash(name) as usize % buckets);
        while index != 0 {
            if let Some(address) = self.matches(index, name, version) {
                return Some(address);
            }
            index = word(2 + buckets + index);
        }
        None
    }

    /// Looks up `name` by `DT_GNU_HASH`.
    pub fn lookup_gnu_hash(&self, name: &str, version: &str) -> Option<usize> {
        if self.gnu_hash == 0 {
            return None;
        }
        const BITS: usize = usize::BITS as usize;
        // SAFETY: four u32 (bucket count, first symbol, filter words, filter shift), the filter in
        // machine words, buckets and hash values in u32: all within the table for these indices.
        let word = |address: usize| unsafe { read::<u32>(address) } as usize;
        let (buckets, first) = (word(self.gnu_hash).max(1), word(self.gnu_hash + 4));
        let (filter_words, shift) = (word(self.gnu_hash + 8).max(1), word(self.gnu_hash + 12));
        let hash = gnu_hash(name) as usize;

        let filter = self.gnu_hash + 16;
        // SAFETY: one word of the filter, whose size is in the table.
        let bits: usize = unsafe { read(filter + hash / BITS % filter_words * size_of::<usize>()) };
        let both = (bits >> (hash % BITS)) & (bits >> ((hash >> shift) % BITS));
        if both & 1 == 0 {
            return None;
        }
        let bucket_table = filter + filter_words * size_of::<usize>();
        let values = bucket_table + 4 * buckets;
        let mut index = word(bucket_table + 4 * (hash % buckets));
        while index >= first.max(1) {
            let value = word(values + 4 * (index - first));
            if value | 1 == hash | 1
                && let Some(address) = self.matches(index, name, version)
            {
                return Some(address);
            }
            if value & 1 != 0 {
                return None; // the lowest bit marks the end of a chain
            }
            index += 1;
        }
        None
    }
}

/// The gABI's hash of a symbol name.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ high >> 24) & !high
    })
}

/// The GNU hash of a symbol name.
fn gnu_hash(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::{gnu_hash, hash};

    // Values of the gABI's and binutils' hash functions.
    #[test]
    fn hashes() {
        assert_eq!(
            [hash(""), hash("printf"), hash("syscall")],
            [0, 0x077905a6, 0x0b09985c]
        );
        assert_eq!(
            [gnu_hash(""), gnu_hash("printf"), gnu_hash("syscall")],
            [5381, 0x156b2bb8, 0xbac212a0]
        );
    }

    // Names long enough that the hash folds back its top bits.
    #[test]
    fn long_names() {
        assert_eq!(hash("flapenguin.me"), 0x03987915);
        assert_eq!(gnu_hash("flapenguin.me"), 0x8ae9f18e);
    }
}
