//! Strings, buffers and arrays, quoted as by strace.

use super::call::Call;
use super::text::Text;
use crate::mm::fallible::put;
use crate::usercopy::UserPtr;

/// Bytes of a string that are printed, at most (strace's `-s`).
pub const STRING_MAX: usize = 32;
/// Longest path in bytes, with its NUL (PATH_MAX).
const PATH_MAX: usize = 4096;
/// Elements of an array that are printed, at most.
pub const ARRAY_MAX: usize = 32;

/// Prints a pointer: `NULL` or hexadecimal.
pub fn address(out: &mut Text, address: u64) {
    if address == 0 {
        out.add("NULL");
    } else {
        put!(out, "{address:#x}");
    }
}

/// Prints a number as C's `%#x` does: 0 has no prefix.
pub fn hex(out: &mut Text, value: u64) {
    if value == 0 {
        out.add("0");
    } else {
        put!(out, "{value:#x}");
    }
}

/// Prints bytes with C's escapes; octal ones have three digits only before another octal digit.
pub fn escaped(out: &mut Text, bytes: &[u8]) {
    for (position, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\\' => put!(out, "\\{}", byte as char),
            b'\n' => out.add("\\n"),
            b'\r' => out.add("\\r"),
            b'\t' => out.add("\\t"),
            0x0b => out.add("\\v"),
            0x0c => out.add("\\f"),
            b' '..=b'~' => put!(out, "{}", byte as char),
            _ if matches!(bytes.get(position + 1), Some(b'0'..=b'7')) => put!(out, "\\{byte:03o}"),
            _ => put!(out, "\\{byte:o}"),
        }
    }
}

/// Prints a string in kernel memory, quoted and truncated.
pub fn quoted(out: &mut Text, text: &[u8]) {
    out.add("\"");
    escaped(out, &text[..text.len().min(STRING_MAX)]);
    out.add(if text.len() > STRING_MAX {
        "\"..."
    } else {
        "\""
    });
}

/// Prints `len` bytes of user memory, quoted and truncated.
pub fn buffer(out: &mut Text, at: u64, len: u64) {
    from_user(out, at, len, escaped);
}

/// Prints `len` bytes of user memory, truncated, each as `\x41`: for binary data.
pub fn hex_buffer(out: &mut Text, at: u64, len: u64) {
    from_user(out, at, len, |out, bytes| {
        bytes.iter().for_each(|byte| put!(out, "\\x{byte:02x}"));
    });
}

fn from_user(out: &mut Text, at: u64, len: u64, print: fn(&mut Text, &[u8])) {
    let mut bytes = [0; STRING_MAX];
    let shown = &mut bytes[..STRING_MAX.min(usize::try_from(len).unwrap_or(STRING_MAX))];
    if at == 0 || UserPtr::<u8>::new(at).read_into(shown).is_err() {
        return address(out, at);
    }
    out.add("\"");
    print(out, shown);
    out.add(if len > STRING_MAX as u64 {
        "\"..."
    } else {
        "\""
    });
}

/// Prints a NUL-terminated string in user memory, truncated after [`STRING_MAX`] bytes.
pub fn string(out: &mut Text, at: u64) {
    terminated(out, at, STRING_MAX);
}

/// Prints a path in user memory, truncated only beyond PATH_MAX (ENAMETOOLONG).
pub fn path(out: &mut Text, at: u64) {
    terminated(out, at, PATH_MAX - 1);
}

fn terminated(out: &mut Text, at: u64, max: usize) {
    let mut text = Text::new();
    let mut chunk = [0; 64];
    let mut done = 0;
    loop {
        let from = at.wrapping_add(done as u64);
        // Never across a page boundary: the string may end just before an unmapped page.
        let in_page = 4096 - (from % 4096) as usize;
        let wanted = chunk.len().min(in_page).min(max + 1 - done);
        let bytes = &mut chunk[..wanted];
        if at == 0 || UserPtr::<u8>::new(from).read_into(bytes).is_err() {
            return address(out, at);
        }
        let end = bytes.iter().position(|&byte| byte == 0);
        let len = end.unwrap_or(wanted).min(max - done);
        escaped(&mut text, &bytes[..len]);
        done += wanted;
        if end.is_some() || done > max {
            put!(
                out,
                "\"{}\"{}",
                text.as_str(),
                if end.is_some() { "" } else { "..." }
            );
            return;
        }
    }
}

/// Prints execve(2)'s argument strings.
pub fn argv(out: &mut Text, call: &Call, at: u64) {
    if call.read_word(at).is_none() || at == 0 {
        return address(out, at);
    }
    out.add("[");
    let mut slot = at;
    for count in 0.. {
        let separator = if count > 0 { ", " } else { "" };
        match call.read_word(slot) {
            Some(0) => break,
            Some(_) if count >= ARRAY_MAX => {
                put!(out, "{separator}...");
                break;
            }
            Some(pointer) => {
                out.add(separator);
                string(out, pointer);
            }
            None => {
                put!(out, "{separator}... /* {slot:#x} */");
                break;
            }
        }
        slot = slot.wrapping_add(call.word());
    }
    out.add("]");
}

/// Prints execve(2)'s environment: `0x7ffc12345678 /* 2 vars */`.
pub fn environment(out: &mut Text, call: &Call, at: u64) {
    address(out, at);
    if at == 0 || call.read_word(at).is_none() {
        return;
    }
    let mut count = 0;
    let mut slot = at;
    let unterminated = loop {
        match call.read_word(slot) {
            Some(0) => break "",
            Some(_) => count += 1,
            None => break ", unterminated",
        }
        slot = slot.wrapping_add(call.word());
    };
    put!(
        out,
        " /* {count} var{}{unterminated} */",
        if count == 1 { "" } else { "s" }
    );
}

/// Prints a struct iovec array of `count` elements, whose buffers hold at most `limit` bytes of
/// data together.
pub fn iovec(out: &mut Text, call: &Call, at: u64, count: u64, limit: u64) {
    let word = call.word();
    array(out, at, count, 2 * word, |out, element| {
        let (Some(base), Some(len)) = (
            call.read_word(element),
            call.read_word(element.wrapping_add(word)),
        ) else {
            return false;
        };
        let before = (element - at) / (2 * word);
        let used: u64 = (0..before)
            .map_while(|i| call.read_word(at + i * 2 * word + word))
            .sum();
        out.add("{iov_base=");
        buffer(out, base, len.min(limit.saturating_sub(used)));
        put!(out, ", iov_len={len}}}");
        true
    });
}

/// Prints an array of `count` elements of `size` bytes. `print` gets an element's address and
/// returns whether it could be read.
pub fn array(
    out: &mut Text,
    at: u64,
    count: u64,
    size: u64,
    print: impl Fn(&mut Text, u64) -> bool,
) {
    if at == 0 {
        return address(out, at);
    }
    let mut text = Text::new();
    for index in 0..count {
        let separator = if index > 0 { ", " } else { "" };
        if index >= ARRAY_MAX as u64 {
            put!(&mut text, "{separator}...");
            break;
        }
        let element = at.wrapping_add(index * size);
        let mut one = Text::new();
        if print(&mut one, element) {
            put!(&mut text, "{separator}{}", one.as_str());
        } else if index == 0 {
            return address(out, at);
        } else {
            put!(&mut text, "{separator}... /* {element:#x} */");
            break;
        }
    }
    put!(out, "[{}]", text.as_str());
}
