//! The line discipline, byte by byte.

use alloc::vec::Vec;

use super::line::Line;
use super::termios::{Termios, character as ch, input, local};
use crate::kernel_test;

/// Types `text`; returns what is echoed.
fn type_in(line: &mut Line, text: &[u8]) -> Vec<u8> {
    let mut echo = Vec::new();
    for &byte in text {
        line.typed(byte, &mut echo);
    }
    echo
}

/// One read of `size` bytes; nothing if it would wait.
fn read(line: &mut Line, size: usize) -> Option<Vec<u8>> {
    let mut bytes = alloc::vec![0; size];
    let readable = line.is_readable(size);
    let len = line.take(&mut bytes);
    bytes.truncate(len);
    readable.then_some(bytes)
}

kernel_test!(
    fn lines_are_handed_on_whole() {
        let mut line = Line::new();
        assert_eq!(type_in(&mut line, b"one"), b"one");
        assert_eq!(read(&mut line, 10), None);
        assert_eq!(type_in(&mut line, b"\rtwo\n"), b"\r\ntwo\r\n");
        assert_eq!(read(&mut line, 2).as_deref(), Some(&b"on"[..]));
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b"e\n"[..]));
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b"two\n"[..]));
        assert_eq!(read(&mut line, 10), None);
    }
);

kernel_test!(
    fn editing_echoes_what_a_terminal_needs() {
        let mut line = Line::new();
        assert_eq!(type_in(&mut line, b"ab\x7f"), b"ab\x08 \x08");
        assert_eq!(type_in(&mut line, b"\x01\x7f"), b"^A\x08 \x08\x08 \x08");
        assert_eq!(
            type_in(&mut line, "é\x7f".as_bytes()),
            "é\x08 \x08".as_bytes()
        );
        assert_eq!(
            type_in(&mut line, b" two words \x17x\n").last(),
            Some(&b'\n')
        );
        assert_eq!(read(&mut line, 30).as_deref(), Some(&b"a two x\n"[..]));
        type_in(&mut line, b"all of it\x15\x7f\x7fnew\n");
        assert_eq!(read(&mut line, 30).as_deref(), Some(&b"new\n"[..]));
        // ^V takes the next byte as it is; ^R shows the line again.
        assert_eq!(
            type_in(&mut line, b"\x16\x7f\x12\n"),
            b"^\x08^?^R\r\n^?\r\n"
        );
        assert_eq!(read(&mut line, 30).as_deref(), Some(&b"\x7f\n"[..]));
    }
);

kernel_test!(
    fn end_of_file_is_an_empty_line() {
        let mut line = Line::new();
        type_in(&mut line, b"part\x04");
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b"part"[..]));
        assert_eq!(read(&mut line, 10), None);
        type_in(&mut line, b"\x04\x04x\n");
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b""[..]));
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b""[..]));
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b"x\n"[..]));
    }
);

kernel_test!(
    fn without_canonical_mode_bytes_come_at_once() {
        let mut line = Line::new();
        type_in(&mut line, b"before");
        let mut raw = Termios::standard();
        raw.local &= !(local::ICANON | local::ECHO | local::ISIG);
        raw.input &= !input::ICRNL;
        raw.characters[ch::VMIN] = 3;
        line.set(raw);
        assert_eq!(read(&mut line, 100).as_deref(), Some(&b"before"[..]));
        assert_eq!(type_in(&mut line, b"\r\x03"), b"");
        assert!(!line.is_readable(100) && line.is_readable(2));
        type_in(&mut line, b"\x7f");
        assert_eq!(read(&mut line, 100).as_deref(), Some(&b"\r\x03\x7f"[..]));
        raw.characters[ch::VMIN] = 0;
        line.set(raw);
        assert_eq!(read(&mut line, 100).as_deref(), Some(&b""[..]));
    }
);

kernel_test!(
    fn an_interrupt_drops_the_line_and_too_much_is_dropped() {
        let mut line = Line::new();
        assert_eq!(type_in(&mut line, b"abc\x03"), b"abc^C");
        type_in(&mut line, &[b'x'; 5000]);
        type_in(&mut line, b"\n");
        assert_eq!(read(&mut line, 6000).map(|bytes| bytes.len()), Some(4096));
    }
);
