//! Random command lines made of known parameters.

use formats::cmdline;

use crate::{damage, inputs, rng};

#[test]
fn command_lines() {
    let parts = [
        "quiet",
        "rdinit=/bin/sh",
        "init",
        "--",
        "\"",
        "=",
        " ",
        "\t",
        "PATH=/bin",
        "a.b=c",
        "panic=-5",
        "x y",
        "\0",
        "loglevel=",
        "console=ttyS0",
        "-",
        "_",
        "\u{a0}",
        "norandmaps",
        "0x7fffffff",
        "panic=",
        "é",
    ];
    let mut rng = rng();
    for _ in 0..inputs() {
        let mut line = Vec::new();
        for _ in 0..rng.usize(1..60) {
            line.extend_from_slice(parts[rng.usize(..parts.len())].as_bytes());
            if rng.bool() {
                line.push(b' ');
            }
        }
        damage(&mut line, &mut rng);
        let result = cmdline::parse(&line);
        assert!(result.init_args.len() <= cmdline::MAX_INIT_ARGS);
        assert!(result.init_env.len() <= cmdline::MAX_INIT_ENVS + 1);
        assert!(
            result
                .init_env
                .iter()
                .all(|variable| variable.contains(&b'='))
        );
        let strings = result
            .init_args
            .iter()
            .chain(&result.init_env)
            .chain(&result.consoles);
        let size: usize = strings.clone().map(Vec::len).sum();
        assert!(size <= line.len() + b"HOME=/TERM=linux".len());
        assert!(strings.into_iter().all(|string| !string.contains(&0)));
        // `--` and the words after it affect only init's arguments.
        let again = [&line[..], b" -- quiet X=1 strace"].concat();
        let open_quote = line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        if !open_quote && !line.contains(&0) && again.len() < cmdline::MAX_LENGTH {
            let again = cmdline::parse(&again);
            assert_eq!(
                (again.loglevel, again.strace, &again.init_env),
                (result.loglevel, result.strace, &result.init_env)
            );
        }
    }
}
