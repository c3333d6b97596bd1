//! Tests of the command line: quotes, words for init, kernel parameters.

use super::*;

fn words(list: &[Vec<u8>]) -> Vec<&str> {
    list.iter()
        .map(|word| core::str::from_utf8(word).expect("tests use UTF-8"))
        .collect()
}

#[test]
fn unknown_words_go_to_init() {
    let line = parse(b"  console=ttyS0 PATH=/bin single mod.param=1 TERM=vt100\tquiet\n");
    assert_eq!(words(&line.init_args), ["single"]);
    assert_eq!(words(&line.init_env), ["HOME=/", "TERM=vt100", "PATH=/bin"]);
    assert_eq!(words(&line.consoles), ["ttyS0"]);
    assert_eq!(line.loglevel, LOGLEVEL_QUIET);
}

#[test]
fn quotes_hold_words_together() {
    let line = parse(br#"A="x y" "B=p q" "plain word" C="open -- "#);
    assert_eq!(words(&line.init_env[2..]), ["A=x y", "B=p q", "C=open -- "]);
    assert_eq!(words(&line.init_args), ["plain word"]);
}

#[test]
fn words_after_two_dashes_are_arguments() {
    let line = parse(b"rdinit=/bin/sh -- -c \"echo quiet\" X=1 quiet a.b --");
    assert_eq!(line.rdinit.as_deref(), Some(&b"/bin/sh"[..]));
    assert_eq!(
        words(&line.init_args),
        ["-c", "echo quiet", "X=1", "quiet", "a.b", "--"]
    );
    assert_eq!(line.loglevel, LOGLEVEL_DEFAULT);
    assert_eq!(line.init_env.len(), 2);
}

#[test]
fn init_drops_the_arguments_before_it() {
    let line = parse(b"one init=/sbin/x two rdinit=/y three");
    assert_eq!(words(&line.init_args), ["three"]);
    assert_eq!(line.init.as_deref(), Some(&b"/sbin/x"[..]));
}

#[test]
fn dashes_equal_underscores() {
    let line = parse(b"no-timer-check NR-CPUS=2 nr-cpus=4 ignore-loglevel");
    assert!(line.init_args.is_empty());
    assert_eq!(words(&line.init_env[2..]), ["NR-CPUS=2"]);
}

#[test]
fn switches() {
    let line =
        parse(b"norandmaps nokaslr strace root=/dev/ram0 rw ro panic=-1 loglevel=0x3 debug=1");
    assert!(line.norandmaps && line.nokaslr && line.strace && line.clear_registers);
    assert!(!parse(b"clear_registers=off").clear_registers);
    assert_eq!(line.root.as_deref(), Some(&b"/dev/ram0"[..]));
    assert_eq!(line.read_only_root, Some(true));
    assert_eq!((line.panic_timeout, line.loglevel), (-1, LOGLEVEL_DEBUG));
    assert!(line.init_args.is_empty());
    let line = parse(b"panic=soon loglevel=9999 ro=1");
    assert_eq!((line.panic_timeout, line.loglevel), (0, LOGLEVEL_DEFAULT));
    assert_eq!(words(&line.init_env[2..]), ["ro=1"]);
}

#[test]
fn too_many_words_are_reported() {
    let mut text = Vec::new();
    for index in 0..MAX_INIT_ARGS {
        text.extend_from_slice(alloc::format!("a{index} V{index}=1 ").as_bytes());
    }
    let line = parse(&text[..text.len() - 6]);
    assert_eq!(line.init_args.len(), MAX_INIT_ARGS);
    assert_eq!(line.init_env.len(), MAX_INIT_ENVS + 1);
    assert_eq!(line.overflow, None);
    let line = parse(&text);
    assert_eq!(line.overflow.as_deref(), Some(&b"V31=1"[..]));
    text.extend_from_slice(b"again");
    assert_eq!(parse(&text[..]).overflow.as_deref(), Some(&b"V31=1"[..]));
}

#[test]
fn the_line_ends_at_nul_and_at_its_limit() {
    assert_eq!(words(&parse(b"a\0b").init_args), ["a"]);
    let long = [b'x'; 5000];
    assert_eq!(parse(&long).init_args[0].len(), MAX_LENGTH);
}

#[test]
fn odd_words() {
    let line = parse(b"=x =y=z a= \"\" \"");
    // A leading `=` is part of the name; the empty quoted word is an argument as in Linux.
    assert_eq!(words(&line.init_args), ["=x", "", ""]);
    assert_eq!(words(&line.init_env[2..]), ["=y=z", "a="]);
    for (text, value) in [
        ("12", Some(12)),
        ("010", Some(8)),
        ("-0x10", Some(-16)),
        ("0", Some(0)),
    ] {
        assert_eq!(integer(text.as_bytes()), value, "{text}");
    }
    for text in ["", "-", "+-1", "0x", "0x-1", "9", "09"] {
        assert_eq!(integer(text.as_bytes()).is_some(), text == "9", "{text}");
    }
}
