//! Letters of Latin-1, which Linux's terminals use with any encoding (lib/ctype.c).

/// Lower case. 0xdf has no upper case, but OLCUC changes it too, as on Linux.
const fn is_lower(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff)
}

const fn is_upper(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde)
}

/// Upper case to lower case (IUCLC).
pub const fn lower(byte: u8) -> u8 {
    if is_upper(byte) { byte + 0x20 } else { byte }
}

/// Lower case to upper case (OLCUC).
pub const fn upper(byte: u8) -> u8 {
    if is_lower(byte) { byte - 0x20 } else { byte }
}

/// Whether VWERASE treats the byte as part of a word.
pub const fn is_word(byte: u8) -> bool {
    is_lower(byte) || is_upper(byte) || byte.is_ascii_digit() || byte == b'_'
}
