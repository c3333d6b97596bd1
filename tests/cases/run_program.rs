//! `make run PROGRAM=` from a shell: pipes, exit statuses, signals, a terminal.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Dialogue, cases, paths, pty};
use tempfile::TempDir;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    cases![
        make_passes_input_output_and_status,
        every_byte_goes_through,
        slow_input_arrives_whole,
        exits_with_the_programs_status,
        signals_kill_as_on_linux,
        its_parent_is_init,
        machine_endings_are_distinguished,
        a_program_at_a_terminal,
        files_go_in_and_come_back,
        what_a_killed_program_left_comes_back,
        a_dynamic_program_has_the_hosts_libraries,
        the_printed_command_line_boots,
        wrong_values_are_refused_with_the_list,
    ]
}

fn program() -> Result<PathBuf> {
    compile("child", Compiler::Glibc64)
}

/// The xtask binary: `XTASK`, set by the xtask that runs these cases, or the latest build.
pub fn xtask() -> Result<Command> {
    let by_cargo = || {
        let triples = std::fs::read_dir(paths::target()).ok()?.flatten();
        let places = triples.map(|entry| entry.path().join("debug/xtask"));
        places
            .filter(|path| path.is_file())
            .max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok())
    };
    let path = std::env::var_os("XTASK")
        .map(PathBuf::from)
        .or_else(by_cargo);
    let mut command = Command::new(path.context("xtask is not built")?);
    command.current_dir(paths::root()).env_remove("LIMIT");
    Ok(command)
}

/// `xtask run` of the program with these arguments, on the boot image as built.
fn run(args: &str) -> Result<Command> {
    run_for("120", args)
}

/// [`run`] with a time limit in seconds.
fn run_for(limit: &str, args: &str) -> Result<Command> {
    let mut command = xtask()?;
    command.args(["run", "--built", "--limit", limit, "--args", args]);
    command.arg("--program").arg(program()?);
    Ok(command)
}

/// Runs `command` with `input`, written by a thread.
fn with_input(mut command: Command, input: Vec<u8>) -> Result<Output> {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut pipe = child.stdin.take().context("piped")?;
    // Fails if the program ends before it has read everything.
    let writer = thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output()?;
    let _ = writer.join();
    Ok(output)
}

/// Runs the program without input; returns its output, standard error and exit status.
fn ended(args: &str) -> Result<(String, String, Option<i32>)> {
    let output = with_input(run(args)?, Vec::new())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    ))
}

/// The whole chain once: make, cargo, the build, QEMU.
fn make_passes_input_output_and_status() -> Result<()> {
    let program = program()?;
    let shell = |script: &str| {
        Command::new("sh")
            .args(["-c", script])
            .arg(&program)
            .current_dir(paths::root())
            .output()
    };
    let make = "make --no-print-directory run PROGRAM=\"$0\"";
    let output = shell(&format!("printf 'one\\ntwo\\n' | {make} ARGS=copy"))?;
    ensure!(
        output.stdout == b"one\ntwo\n" && output.status.success(),
        "{output:?}"
    );
    let output = shell(&format!("{make} ARGS='exit 3' </dev/null"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.contains("exited with status 3"), "{output:?}");
    ensure!(
        output.status.code() == Some(2) && output.stdout.is_empty(),
        "{output:?}"
    );
    Ok(())
}

/// A megabyte of bytes of every value, first those that a terminal would interpret.
fn every_byte_goes_through() -> Result<()> {
    let mut input = b"\x03\x04\x1a\0\xff\r\n\n\x01x\x11\x13\x1e\x1f\x10\x7f".to_vec();
    let mut random = fastrand::Rng::with_seed(7);
    input.extend(std::iter::repeat_with(|| random.u8(..)).take(1 << 20));
    let output = with_input(run("copy")?, input.clone())?;
    ensure!(output.status.success(), "{:?}", output.status);
    ensure!(
        output.stdout == input,
        "{} of {} bytes arrived, the first difference is at {:?}; standard error: {}",
        output.stdout.len(),
        input.len(),
        output.stdout.iter().zip(&input).position(|(a, b)| a != b),
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(output.stderr.is_empty(), "{output:?}");
    Ok(())
}

/// Each piece of slow input arrives before the next one is written.
fn slow_input_arrives_whole() -> Result<()> {
    let mut command = run("copy")?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut to = child.stdin.take().context("piped")?;
    let mut from = child.stdout.take().context("piped")?;
    for word in [&b"first"[..], b"second\n", b"\x04"] {
        to.write_all(word)?;
        let mut back = vec![0; word.len()];
        std::io::Read::read_exact(&mut from, &mut back)?;
        ensure!(back == word, "{back:?} for {word:?}");
    }
    drop(to);
    ensure!(child.wait()?.success());
    Ok(())
}

fn exits_with_the_programs_status() -> Result<()> {
    for status in [1, 3, 42, 127, 255] {
        let (output, said, code) = ended(&format!("exit {status}"))?;
        ensure!(
            code == Some(status) && output.is_empty(),
            "{status}: {code:?} {output:?} {said}"
        );
        ensure!(
            said.ends_with(&format!("child.glibc64 exited with status {status}\n")),
            "{said}"
        );
    }
    let (output, said, code) = ended("exit 0")?;
    ensure!(
        code == Some(0) && output.is_empty() && said.is_empty(),
        "{said}"
    );
    Ok(())
}

fn signals_kill_as_on_linux() -> Result<()> {
    for (how, signal, name) in [
        ("assert", 6, "SIGABRT"),
        ("null", 11, "SIGSEGV"),
        ("pipe", 13, "SIGPIPE"),
        ("alarm", 14, "SIGALRM"),
        ("raise 15", 15, "SIGTERM"),
        ("raise 2", 2, "SIGINT"),
        ("raise 9", 9, "SIGKILL"),
    ] {
        let (_, said, code) = ended(how)?;
        let words = format!("was ended by signal {signal} ({name})\n");
        ensure!(
            code == Some(128 + signal) && said.ends_with(&words),
            "{how}: {code:?} {said}"
        );
    }
    let (_, said, _) = ended("assert")?;
    ensure!(said.contains("Assertion `number != 0' failed"), "{said}");
    Ok(())
}

fn its_parent_is_init() -> Result<()> {
    let (output, said, code) = ended("place 'a b' c")?;
    let expected = "own parent: 1, own group: 1, foreground: 0\nterminals: 0 0 0\n\
        argument: [a b]\nargument: [c]\n";
    ensure!(
        output == expected && said == "an error\n" && code == Some(0),
        "{output}{said}"
    );
    let (output, _, code) = ended("orphan")?;
    ensure!(
        output == "the parent goes\nthe orphan is init's\n" && code == Some(5),
        "{output}"
    );
    let (output, ..) = ended("dead")?;
    ensure!(output == "dead: 0\n", "{output}");
    // The kernel's log goes to standard error, only with --verbose.
    let mut command = run("place")?;
    command.arg("--verbose").arg("--append=-- further");
    let output = with_input(command, Vec::new())?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(printed.ends_with("\nargument: [further]\n"), "{printed}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("Command line: "),
        "{output:?}"
    );
    Ok(())
}

fn machine_endings_are_distinguished() -> Result<()> {
    let (_, said, code) = ended("power_off")?;
    ensure!(
        code == Some(0) && said.contains("powered the machine off"),
        "{code:?} {said}"
    );
    let (_, said, code) = ended("restart")?;
    ensure!(
        code == Some(123) && said.contains("the machine was reset"),
        "{code:?} {said}"
    );
    let output = with_input(run_for("5", "hang")?, Vec::new())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.contains("the time limit passed"), "{said}");
    ensure!(
        output.status.code() == Some(124) && output.stdout == b"it hangs\n",
        "{output:?}"
    );
    Ok(())
}

fn a_program_at_a_terminal() -> Result<()> {
    let begins = "Ctrl-A X ends QEMU.\r\n";
    let dialogue = Dialogue::new().on(begins, "");
    let (status, shown) = pty::talk(&run("place")?, dialogue)?;
    ensure!(status.success(), "{shown}");
    let expected = "own parent: 1, own group: 1, foreground: 1\r\nterminals: 1 1 1\r\nan error\r\n";
    ensure!(shown.ends_with(expected), "{shown:?}");
    // Ctrl-C goes to the guest.
    let dialogue = Dialogue::new().on("it hangs\r\n", "\x03").on("^C", "");
    let (status, shown) = pty::talk(&run("hang")?, dialogue)?;
    ensure!(status.code() == Some(130), "{status:?} {shown:?}");
    ensure!(
        shown.ends_with("was ended by signal 2 (SIGINT)\r\n"),
        "{shown:?}"
    );
    // Early input is not lost; Ctrl-Z does nothing without a shell.
    let dialogue = Dialogue::new()
        .on(begins, "early\r")
        .on("early\r\nearly\r\n", "\x1alate\r")
        .on("late\r\nlate\r\n", "\x04");
    let (status, shown) = pty::talk(&run("copy")?, dialogue)?;
    ensure!(status.success(), "{status:?} {shown:?}");
    let dialogue = Dialogue::new().on("it hangs\r\n", "\x01x");
    let (status, shown) = pty::talk(&run("hang")?, dialogue)?;
    ensure!(status.code() == Some(125), "{status:?} {shown:?}");
    // Redirected output has no CR before LF.
    let mut shell = Command::new("sh");
    let run = run("place")?;
    shell
        .args(["-c", "\"$@\" | od -An -c", "sh"])
        .arg(run.get_program());
    shell.args(run.get_args()).current_dir(paths::root());
    let (_, shown) = pty::talk(&shell, Dialogue::new())?;
    let words: String = shown.split_whitespace().collect();
    // Standard error goes to the terminal, whatever column the cursor is in.
    let words = words.replace("anerror", "");
    ensure!(words.ends_with("terminals:101\\n"), "{shown:?}");
    Ok(())
}

/// A directory with the files that the program finds: `data.txt`, `tree/changed`, `tree/same`.
fn input_files(data: &[u8]) -> Result<TempDir> {
    let place = TempDir::new()?;
    fs::create_dir(place.path().join("tree"))?;
    let files: [(&str, &[u8]); 3] = [
        ("data.txt", data),
        ("tree/changed", b"old\n"),
        ("tree/same", b"same\n"),
    ];
    for (name, text) in files {
        fs::write(place.path().join(name), text)?;
    }
    Ok(place)
}

/// Runs `args` with the files of `place`, and its directory `out`; checks that what the program
/// left is there.
fn with_files(limit: &str, args: &str, place: &Path, data: &[u8]) -> Result<Output> {
    let mut command = run_for(limit, args)?;
    let out = place.join("out");
    let name = place.display();
    command
        .arg("--files")
        .arg(format!("{name}/data.txt {name}/tree/"));
    command.arg("--out").arg(&out);
    let output = with_input(command, Vec::new())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let read = |path: &str| fs::read(out.join(path)).with_context(|| format!("{path}: {said}"));
    ensure!(read("made/deep/copy")? == [data, b"a line more\n"].concat());
    ensure!(read("tree/changed")? == b"old\na line more\n");
    let mode = fs::metadata(out.join("made/deep/copy"))?
        .permissions()
        .mode();
    ensure!(mode & 0o777 == 0o640, "{mode:o}");
    ensure!(fs::read_link(out.join("made/link"))? == Path::new("deep/copy"));
    // What was there before and is the same.
    ensure!(!out.join("data.txt").exists() && !out.join("tree/same").exists());
    ensure!(!out.join("child.glibc64").exists());
    ensure!(said.contains("3 new or changed files in OUT="), "{said}");
    // The host's own files are as they were.
    ensure!(fs::read(place.join("tree/changed"))? == b"old\n");
    Ok(output)
}

fn files_go_in_and_come_back() -> Result<()> {
    let mut random = fastrand::Rng::with_seed(9);
    let data: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
        .take(200_001)
        .collect();
    let place = input_files(&data)?;
    let output = with_files("120", "leave", place.path(), &data)?;
    ensure!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    // Again, over the files of the first run; a directory in the way of one loses nothing.
    fs::remove_file(place.path().join("out/tree/changed"))?;
    fs::create_dir(place.path().join("out/tree/changed"))?;
    let refused =
        with_files("120", "leave", place.path(), &data).expect_err("a directory is there");
    let said = format!("{refused:?}");
    ensure!(
        said.contains("a directory of the host has this name"),
        "{said}"
    );
    ensure!(said.contains("The archive is kept: "), "{said}");
    Ok(())
}

fn what_a_killed_program_left_comes_back() -> Result<()> {
    let place = input_files(b"data")?;
    let output = with_files("4", "leave_and_hang", place.path(), b"data")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.contains("the time limit passed before"), "{said}");
    ensure!(output.status.code() == Some(124), "{output:?}");
    Ok(())
}

fn a_dynamic_program_has_the_hosts_libraries() -> Result<()> {
    let program = compile("child", Compiler::Dynamic64)?;
    let mut command = xtask()?;
    command.args([
        "run",
        "--built",
        "--limit",
        "120",
        "--args",
        "exit 7",
        "--program",
    ]);
    let output = with_input(
        {
            command.arg(program);
            command
        },
        Vec::new(),
    )?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(7), "{output:?}");
    ensure!(
        said.contains("child.dynamic64 is dynamically linked: this host's ")
            && said.contains("libc.so.6")
            && said.contains(" go along"),
        "{said}"
    );
    Ok(())
}

fn the_printed_command_line_boots() -> Result<()> {
    let mut command = run("place 'a b'")?;
    let output = command.arg("--dry-run").output()?;
    let line = String::from_utf8(output.stdout)?;
    ensure!(
        line.starts_with("qemu-system-x86_64 ") && line.lines().count() == 1,
        "{line}"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(paths::root());
    let (_, shown) = pty::talk(&shell, Dialogue::new())?;
    ensure!(
        shown.contains("terminals: 1 1 1\r") && shown.contains("argument: [a b]\r"),
        "{shown:?}"
    );
    Ok(())
}

fn wrong_values_are_refused_with_the_list() -> Result<()> {
    for (option, value, said) in [
        ("--smp", "9", "SMP=9: 1 to 4"),
        ("--mem", "abc", "MEM=abc: 4M to 8G"),
        ("--mem", "1M", "MEM=1M: 4M to 8G"),
        ("--machine", "x", "MACHINE=x: one of pc, q35, microvm"),
        ("--accel", "x", "ACCEL=x: one of tcg, kvm"),
        (
            "--cpu",
            "nonsense",
            "CPU=nonsense: QEMU has no such model. Tried here: max, ",
        ),
        ("--smp", "x", "SMP=x: 1 to 4"),
        ("--limit", "soon", "LIMIT=soon: a number of seconds"),
        ("--initrd", "x", "PROGRAM and INITRD are both set"),
        ("--rootfs", "x", "ROOTFS=x: debian, or leave it out"),
        ("--files", "nowhere", "FILES: cannot read nowhere"),
        ("--files", "'open", "FILES: a quote is not closed"),
        ("--files", "/dev/null", "FILES: /dev/null is neither a file"),
        (
            "--files",
            "Makefile tests/../Makefile user/bin/src/lib.rs user/sys/src/lib.rs",
            "have the same name",
        ),
        ("--out", "Makefile", "OUT=Makefile is not a directory"),
        ("--append", "rdinit=/x", "APPEND names an init"),
        ("--args", "'open", "ARGS: a quote is not closed"),
    ] {
        let mut command = xtask()?;
        command
            .args(["run", "--built", option, value, "--program"])
            .arg(program()?);
        let output = with_input(command, Vec::new())?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(
            text.contains(said) && output.status.code() == Some(1),
            "{option} {value}: {text}"
        );
    }
    let refused = [
        ("--files", "Makefile", "FILES goes with PROGRAM"),
        ("--out", "target", "OUT goes with PROGRAM"),
        ("--program", "/nowhere", "cannot read PROGRAM=/nowhere"),
        ("--program", "Makefile", "it is not an ELF file"),
        (
            "--initrd",
            "Makefile",
            "INITRD=Makefile is not an initramfs",
        ),
    ];
    for (option, value, said) in refused {
        let output = xtask()?.args(["run", "--built", option, value]).output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(
            text.contains(said) && output.status.code() == Some(1),
            "{option} {value}: {text}"
        );
    }
    let make = Command::new("make")
        .args(["run", "PROGAM=x"])
        .current_dir(paths::root())
        .output()?;
    let text = String::from_utf8_lossy(&make.stderr);
    ensure!(
        text.contains("Unknown: PROGAM. The variables are ACCEL CPU"),
        "{text}"
    );
    ensure!(make.status.code() == Some(2), "{make:?}");
    Ok(())
}
