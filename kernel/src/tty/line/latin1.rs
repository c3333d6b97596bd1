//! Letters as Linux's terminals know them: Latin-1's, whatever the characters are encoded in
//! (lib/ctype.c).

/// Lower case; 0xdf has no upper case, but is changed as if it had.
const fn is_lower(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff)
}

const fn is_upper(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde)
}

/// IUCLC: upper case becomes lower case.
pub const fn lower(byte: u8) -> u8 {
    if is_upper(byte) { byte + 0x20 } else { byte }
}

/// OLCUC: lower case becomes upper case.
pub const fn upper(byte: u8) -> u8 {
    if is_lower(byte) { byte - 0x20 } else { byte }
}

/// Whether VWERASE takes it for a part of a word.
pub const fn is_word(byte: u8) -> bool {
    is_lower(byte) || is_upper(byte) || byte.is_ascii_digit() || byte == b'_'
}
