//! Tests of the line discipline. `tests/programs/tty_*.c` compare whole terminals with Linux's.

use alloc::vec::Vec;

use super::line::Line;
use super::termios::{Input, Local, Output, Termios, character as ch};
use crate::kernel_test;

/// A line discipline with Linux's initial settings and IUTF8.
fn line() -> Line {
    let mut termios = Termios::serial();
    termios.input |= Input::IUTF8;
    Line::new(termios)
}

/// Types `text` while bytes are accepted; returns the echo.
fn type_in(line: &mut Line, text: &[u8]) -> Vec<u8> {
    for &byte in text {
        if line.accepts() {
            line.type_in(byte);
        }
    }
    line.take_echo(usize::MAX)
}

/// A read of `size` bytes; `None` if it would wait.
fn read(line: &mut Line, size: usize) -> Option<Vec<u8>> {
    let mut bytes = alloc::vec![0; size];
    let readable = line.has_input();
    let (len, _) = line.take(&mut bytes);
    bytes.truncate(len);
    readable.then_some(bytes)
}

kernel_test!(
    fn lines_are_handed_on_whole() {
        let mut line = line();
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
        let mut line = line();
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
        // ^V takes the next byte literally; ^R reprints the line.
        assert_eq!(
            type_in(&mut line, b"\x16\x7f\x12\n"),
            b"^\x08^?^R\r\n^?\r\n"
        );
        assert_eq!(read(&mut line, 30).as_deref(), Some(&b"\x7f\n"[..]));
        // The width of a tab depends on the text before it.
        assert_eq!(
            type_in(&mut line, b"abc\t\x7f"),
            b"abc\t\x08\x08\x08\x08\x08"
        );
    }
);

kernel_test!(
    fn end_of_file_is_an_empty_line() {
        let mut line = line();
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
        let mut line = line();
        type_in(&mut line, b"before");
        let mut raw = *line.termios();
        raw.local -= Local::ICANON | Local::ECHO | Local::ISIG;
        raw.input -= Input::ICRNL;
        raw.characters[ch::VMIN] = 3;
        line.set(raw);
        assert_eq!(read(&mut line, 100).as_deref(), Some(&b"before"[..]));
        assert_eq!(type_in(&mut line, b"\r\x03"), b"");
        assert!(!line.is_readable());
        type_in(&mut line, b"\x7f");
        assert!(line.is_readable());
        assert_eq!(read(&mut line, 100).as_deref(), Some(&b"\r\x03\x7f"[..]));
    }
);

kernel_test!(
    fn an_interrupt_drops_the_line_and_too_much_is_dropped() {
        let mut line = line();
        assert_eq!(type_in(&mut line, b"abc\x03"), b"^C");
        type_in(&mut line, &[b'x'; 5000]);
        type_in(&mut line, b"\n");
        assert_eq!(read(&mut line, 6000).map(|bytes| bytes.len()), Some(4096));
        // Complete lines are never dropped: further input waits.
        type_in(&mut line, b"kept\n");
        type_in(&mut line, &[b'x'; 5000]);
        assert!(!line.accepts());
        assert_eq!(read(&mut line, 10).as_deref(), Some(&b"kept\n"[..]));
        assert!(line.accepts());
    }
);

kernel_test!(
    fn output_is_held_back_and_changed_as_asked() {
        let mut line = line();
        type_in(&mut line, b"\x13");
        assert!(line.is_stopped());
        assert_eq!(type_in(&mut line, b"x"), b"");
        assert_eq!(type_in(&mut line, b"\x11"), b"x");
        let mut termios = *line.termios();
        termios.output |= Output::XTABS | Output::OLCUC | Output::ONOCR;
        line.set(termios);
        let mut out = Vec::new();
        for &byte in b"\na\tb\r\r\n" {
            line.process_output(byte, &mut out);
        }
        assert_eq!(out, b"\r\nA       B\r\r\n");
    }
);
