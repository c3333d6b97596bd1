//! The first line of a script: `#!`, the interpreter's path and an optional argument.
//!
//! As in Linux's `fs/binfmt_script.c`, only spaces and tabs are blanks (a carriage return is part
//! of the path), and a path that may be truncated is refused.

/// Size of the parsed head of a file (BINPRM_BUF_SIZE); a shorter file is padded with zeros.
pub const HEAD: usize = 256;

/// A parsed first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Path of the interpreter; empty if a NUL precedes it.
    pub interpreter: &'a [u8],
    /// The rest of the line, with the blanks inside; empty if a NUL follows the separating blanks.
    pub argument: Option<&'a [u8]>,
}

/// Parses the line; `None` if the file isn't a script or the interpreter's path may be truncated.
pub fn parse(head: &[u8; HEAD]) -> Option<Line<'_>> {
    if !head.starts_with(b"#!") {
        return None;
    }
    let stop = head.iter().position(|&byte| byte == b'\n' || byte == 0);
    let mut end = match stop.filter(|&at| head[at] == b'\n') {
        Some(newline) => newline,
        None => {
            // The line is longer than the head: the path must end inside it.
            let name = first(head, 2, HEAD - 1, |byte| !is_blank(byte))?;
            first(head, name, HEAD - 1, ends_word)?;
            HEAD - 1
        }
    };
    while is_blank(head[end - 1]) {
        end -= 1;
    }
    let name = first(head, 2, end, |byte| !is_blank(byte)).filter(|&name| name != end)?;
    let separator = first(head, name, end, ends_word);
    let argument = separator
        .filter(|&at| head[at] != 0)
        .and_then(|at| first(head, at, end, |byte| !is_blank(byte)));
    let name_end = separator.unwrap_or(end).min(end);
    Some(Line {
        interpreter: &head[name..name_end],
        argument: argument.map(|at| {
            let text = &head[at..end];
            let nul = text.iter().position(|&byte| byte == 0);
            &text[..nul.unwrap_or(text.len())]
        }),
    })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn ends_word(byte: u8) -> bool {
    is_blank(byte) || byte == 0
}

/// Index of the first byte in `from..=last` that matches `is`.
fn first(head: &[u8; HEAD], from: usize, last: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    (from..=last).find(|&at| is(head[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a file that begins with `text`.
    fn with<T>(text: &[u8], check: impl Fn(Option<Line<'_>>) -> T) -> T {
        let mut head = [0; HEAD];
        let len = text.len().min(HEAD);
        head[..len].copy_from_slice(&text[..len]);
        check(parse(&head))
    }

    #[test]
    fn lines() {
        type Row = (
            &'static [u8],
            Option<(&'static [u8], Option<&'static [u8]>)>,
        );
        let rows: [Row; 17] = [
            (b"", None),
            (b"#", None),
            (b" #!/x\n", None),
            (b"#!\n", None),
            (b"#! \t \n", None),
            (b"#!", Some((b"", None))),
            (b"#!/x", Some((b"/x", None))),
            (b"#!/x\n", Some((b"/x", None))),
            (b"#! \t/x \t\n", Some((b"/x", None))),
            (b"#!/x\r\n", Some((b"/x\r", None))),
            (b"#!/x a  b\t\n", Some((b"/x", Some(b"a  b")))),
            (b"#!/x\ta\r\nb", Some((b"/x", Some(b"a\r")))),
            (b"#!/x a", Some((b"/x", Some(b"a")))),
            (b"#!/x ", Some((b"/x", Some(b"")))),
            (b"#!/x\0y\n", Some((b"/x", None))),
            (b"#!/x a\0b\n", Some((b"/x", Some(b"a")))),
            (b"#!/x\x0b\x0c\n", Some((b"/x\x0b\x0c", None))),
        ];
        for (text, expected) in rows {
            with(text, |line| {
                let parsed = line.map(|line| (line.interpreter, line.argument));
                assert_eq!(parsed, expected, "{}", text.escape_ascii());
            });
        }
    }

    #[test]
    fn refuses_truncated_paths() {
        for length in HEAD - 4..HEAD + 4 {
            let mut text = [b'x'; HEAD + 4];
            text[..3].copy_from_slice(b"#!/");
            text[length] = b'\n';
            // The newline must be within the head.
            with(&text, |line| {
                let expected = (length < HEAD).then_some(length - 2);
                assert_eq!(line.map(|line| line.interpreter.len()), expected);
            });
            // An argument may be truncated.
            text[9] = b' ';
            with(&text, |line| {
                let line = line.expect("a whole path");
                assert_eq!(line.interpreter.len(), 7);
                let argument = line.argument.expect("an argument");
                assert_eq!(argument.len(), length.min(HEAD - 1) - 10);
            });
        }
        with(&[b"#!".as_slice(), &[b' '; HEAD]].concat(), |line| {
            assert_eq!(line, None);
        });
    }

    #[test]
    fn any_bytes() {
        let mut state = 1_u64;
        for _ in 0..200_000 {
            let mut head = *b"#!/xxxxx \t\0\n \t/y";
            let mut file = [0; HEAD];
            for byte in &mut head[2..] {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = b"/x \t\0\n"[(state >> 33) as usize % 6];
            }
            let at = (state >> 40) as usize % 2 * (HEAD - 16);
            file[..2].copy_from_slice(b"#!");
            file[at..at + 16].copy_from_slice(&head);
            if let Some(line) = parse(&file) {
                assert!(!line.interpreter.iter().any(|&byte| ends_word(byte)));
            }
        }
    }
}
