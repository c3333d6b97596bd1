//! Cuts a command line into words, by the rules of Linux's `next_arg`.

use alloc::vec::Vec;

/// One word: `name`, or `name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub name: &'a [u8],
    pub value: Option<&'a [u8]>,
}

impl Word<'_> {
    /// The word in one piece, without the quotes that were taken off its value.
    pub fn joined(&self) -> Vec<u8> {
        let mut joined = self.name.to_vec();
        if let Some(value) = self.value {
            joined.push(b'=');
            joined.extend_from_slice(value);
        }
        joined
    }
}

/// Takes the first word off `text`, which begins with one, and the white space behind it.
pub(super) fn next(text: &[u8]) -> (Word<'_>, &[u8]) {
    let quoted = text.first() == Some(&b'"');
    let text = if quoted { &text[1..] } else { text };
    let mut in_quotes = quoted;
    let mut equals = None;
    let mut end = text.len();
    for (index, &byte) in text.iter().enumerate() {
        if is_space(byte) && !in_quotes {
            end = index;
            break;
        }
        // Not the first byte: a word that begins with `=` has no empty name.
        if byte == b'=' && index > 0 && equals.is_none() {
            equals = Some(index);
        }
        if byte == b'"' {
            in_quotes = !in_quotes;
        }
    }
    let rest = skip_spaces(&text[end..]);
    let mut word = &text[..end];
    if quoted {
        word = word.strip_suffix(b"\"").unwrap_or(word);
    }
    let Some(equals) = equals.filter(|&equals| equals < word.len()) else {
        return (
            Word {
                name: word,
                value: None,
            },
            rest,
        );
    };
    let mut value = &word[equals + 1..];
    if let Some(inner) = value.strip_prefix(b"\"") {
        value = inner.strip_suffix(b"\"").unwrap_or(inner);
    }
    (
        Word {
            name: &word[..equals],
            value: Some(value),
        },
        rest,
    )
}

/// `text` from its first byte that is no white space.
pub(super) fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| is_space(byte)).count();
    &text[spaces..]
}

/// The kernel's `isspace`: ASCII white space and Latin-1's no-break space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

/// True where two parameter names are the same, `-` and `_` being alike.
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    let dashes = |&byte: &u8| if byte == b'-' { b'_' } else { byte };
    one.iter().map(dashes).eq(other.iter().map(dashes))
}
