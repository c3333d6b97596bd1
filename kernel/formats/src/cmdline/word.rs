//! Splits a command line into words, by the rules of Linux's `next_arg`.

use alloc::vec::Vec;

/// One word: `name`, or `name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub name: &'a [u8],
    pub value: Option<&'a [u8]>,
}

impl Word<'_> {
    /// The word as `name` or `name=value`, without the value's quotes.
    pub fn joined(&self) -> Vec<u8> {
        let mut joined = self.name.to_vec();
        if let Some(value) = self.value {
            joined.push(b'=');
            joined.extend_from_slice(value);
        }
        joined
    }
}

/// Splits the first word off `text`, which begins with one; returns the word, and the text after
/// the following white space.
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

/// `text` without leading white space.
pub(super) fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| is_space(byte)).count();
    &text[spaces..]
}

/// The kernel's `isspace`: ASCII white space and Latin-1's no-break space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

/// Whether two parameter names are equal, with `-` equal to `_`.
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    let dashes = |&byte: &u8| if byte == b'-' { b'_' } else { byte };
    one.iter().map(dashes).eq(other.iter().map(dashes))
}
