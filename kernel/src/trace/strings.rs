//! Strings, buffers and arrays of them, quoted as strace quotes.

use super::call::Call;
use super::text::Text;
use crate::mm::fallible::put;
use crate::usercopy::UserPtr;

/// Most bytes shown of a string (strace's `-s`).
pub const STRING_MAX: usize = 32;
/// Most bytes of a path (PATH_MAX).
const PATH_MAX: usize = 4096;
/// Most elements shown of an array.
pub const ARRAY_MAX: usize = 32;

/// A pointer: `NULL` or base 16.
pub fn address(out: &mut Text, address: u64) {
    if address == 0 {
        out.add("NULL")
    } else {
        put!(out, "{address:#x}")
    }
}

/// Base 16 as C's `%#x`: 0 is just that.
pub fn hex(out: &mut Text, value: u64) {
    if value == 0 {
        out.add("0")
    } else {
        put!(out, "{value:#x}")
    }
}

/// Adds the bytes, escaped: C's letters, else as few octal digits as are clear.
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

/// A string in the kernel's own memory, quoted and cut.
pub fn quoted(out: &mut Text, text: &[u8]) {
    out.add("\"");
    escaped(out, &text[..text.len().min(STRING_MAX)]);
    out.add(if text.len() > STRING_MAX {
        "\"..."
    } else {
        "\""
    });
}

/// `len` bytes at an address, quoted and cut.
pub fn buffer(out: &mut Text, at: u64, len: u64) {
    from_user(out, at, len, escaped);
}

/// The same in base 16 throughout, for what is never text.
pub fn hex_buffer(out: &mut Text, at: u64, len: u64) {
    from_user(out, at, len, |out, bytes| {
        bytes.iter().for_each(|byte| put!(out, "\\x{byte:02x}"))
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

/// A string that ends with a NUL, cut after [`STRING_MAX`] bytes.
pub fn string(out: &mut Text, at: u64) {
    terminated(out, at, STRING_MAX);
}

/// A path, cut only where Linux would refuse it.
pub fn path(out: &mut Text, at: u64) {
    terminated(out, at, PATH_MAX - 1);
}

fn terminated(out: &mut Text, at: u64, max: usize) {
    let mut text = Text::new();
    let mut chunk = [0; 64];
    let mut done = 0;
    loop {
        let from = at.wrapping_add(done as u64);
        // Never past a page's end: the string may end just before an unmapped one.
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

/// execve(2)'s strings.
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

/// execve(2)'s environment: `0x7ffc12345678 /* 2 vars */`.
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

/// A vector of buffers. `limit` is how many bytes of them there are, at most.
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

/// An array of `count` elements of `size` bytes. `print` says whether it could read one.
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
