//! The boot image as a drop-in for a Linux kernel: the same initramfs archives, the same command
//! line.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, busybox, compile};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases, token};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    cases![
        a_compressed_archive,
        several_archives_one_after_another,
        a_compressed_archive_after_a_plain_one,
        damaged_archives_panic,
        rdinit_names_the_program,
        words_are_distributed_as_on_linux,
        quoted_words_stay_together,
        dev_and_proc_are_mounted_at_boot,
        dev_and_proc_can_be_mounted_again,
        a_long_command_line,
    ]
}

/// An archive whose init prints its arguments and environment.
fn show() -> Result<Initramfs> {
    Ok(Initramfs::new().executable_from("/init", &compile("show", Compiler::Glibc64)?)?)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start gzip")?;
    let mut pipe = gzip.stdin.take().context("no pipe")?;
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&bytes));
    let output = gzip.wait_with_output()?;
    ensure!(writer.join().is_ok_and(|written| written.is_ok()) && output.status.success());
    Ok(output.stdout)
}

fn boot(initrd: Vec<u8>, words: &str) -> Result<Outcome> {
    let outcome = Vm::new().initrd(initrd).append(words).run()?;
    outcome.expect(Verdict::Pass)?;
    Ok(outcome)
}

fn a_compressed_archive() -> Result<()> {
    let token = token::random();
    let files = show()?.file("/etc/motd", format!("{token}\n"));
    boot(gzip(&files.build())?, "quiet")?.contains(&format!("motd [{token}]"))?;
    Ok(())
}

fn several_archives_one_after_another() -> Result<()> {
    let (first, second) = (token::random(), token::random());
    let mut bytes = show()?.file("/etc/motd", format!("{first}\n")).build();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    // A later archive's file replaces an earlier one's.
    bytes.extend(
        Initramfs::new()
            .file("/etc/motd", format!("{second}\n"))
            .build(),
    );
    boot(bytes, "quiet")?
        .contains(&format!("motd [{second}]"))?
        .lacks(&first)?;
    Ok(())
}

fn a_compressed_archive_after_a_plain_one() -> Result<()> {
    let token = token::random();
    let mut bytes = Initramfs::new().file("/early/note", "x").build();
    bytes.extend(gzip(
        &show()?.file("/etc/motd", format!("{token}\n")).build(),
    )?);
    boot(bytes, "quiet")?.contains(&format!("motd [{token}]"))?;
    Ok(())
}

fn damaged_archives_panic() -> Result<()> {
    let whole = show()?.build();
    let packed = gzip(&whole)?;
    let damaged = [
        whole[..whole.len() / 3].to_vec(),
        packed[..packed.len() / 2].to_vec(),
        vec![0; 4096],
        b"070701nonsense".to_vec(),
    ];
    for bytes in damaged {
        // No complete init can be unpacked: the kernel must panic.
        Vm::new().initrd(bytes).run()?.expect(Verdict::Panic)?;
    }
    Ok(())
}

fn rdinit_names_the_program() -> Result<()> {
    let token = token::random();
    let files = Initramfs::new()
        .executable_from("/deep/down/hello", &compile("hello", Compiler::Musl64)?)?;
    let words = format!("quiet rdinit=/deep/down/hello -- {token}");
    boot(files.build(), &words)?.contains(&format!("Hello, {token}!"))?;
    Ok(())
}

fn words_are_distributed_as_on_linux() -> Result<()> {
    let words = "console=ttyS0 quiet panic=-1 word NAME=value module.option=1 -- x y=z";
    let outcome = boot(show()?.build(), words)?;
    let shown: Vec<&str> = lines_of(&outcome, "argument");
    // As on Linux: unknown words go to init, before those after `--`; words with a dot are a
    // module's parameters.
    ensure!(
        shown == ["/init", "word", "x", "y=z"],
        "{shown:?}{}",
        outcome.transcript()
    );
    let shown = lines_of(&outcome, "environment");
    ensure!(shown == ["HOME=/", "TERM=linux", "NAME=value"], "{shown:?}");
    Ok(())
}

fn quoted_words_stay_together() -> Result<()> {
    let outcome = boot(
        show()?.build(),
        "quiet NAME=\"two words\" -- plain \"one two\"",
    )?;
    outcome
        .contains("environment [NAME=two words]")?
        .contains("argument [one two]")?;
    Ok(())
}

fn lines_of<'a>(outcome: &'a Outcome, kind: &str) -> Vec<&'a str> {
    let shown = |line: &'a str| {
        line.strip_prefix(kind)?
            .strip_prefix(" [")?
            .strip_suffix(']')
    };
    outcome.serial.lines().filter_map(shown).collect()
}

fn dev_and_proc_are_mounted_at_boot() -> Result<()> {
    let files = Initramfs::new().executable_from("/bin/busybox", &busybox()?)?;
    let boot = |words: &str| {
        boot(
            files.build(),
            &format!("quiet rdinit=/bin/busybox -- {words}"),
        )
    };
    let devices = boot("ls -1 /dev")?;
    for name in [
        "console", "full", "null", "random", "tty", "urandom", "zero",
    ] {
        ensure!(
            devices.serial.lines().any(|line| line.trim() == name),
            "no {name}"
        );
    }
    boot("cat /proc/self/cmdline /proc/version")?
        .contains("/bin/busybox\0cat\0")?
        .contains("Linux version")?;
    boot("cat /proc/cpuinfo /proc/uptime")?.contains("model name")?;
    Ok(())
}

fn dev_and_proc_can_be_mounted_again() -> Result<()> {
    let files = Initramfs::new()
        .executable_from("/bin/busybox", &busybox()?)?
        .dir("/proc")
        .dir("/dev");
    for (kind, place) in [("proc", "/proc"), ("devtmpfs", "/dev")] {
        let words = format!("quiet rdinit=/bin/busybox -- mount -t {kind} none {place}");
        boot(files.build(), &words)?;
    }
    Ok(())
}

fn a_long_command_line() -> Result<()> {
    // Linux's limits are 2048 bytes and 32 words for init.
    let words: Vec<String> = (0..30).map(|index| format!("{index:060}")).collect();
    let outcome = boot(show()?.build(), &format!("quiet -- {}", words.join(" ")))?;
    ensure!(
        lines_of(&outcome, "argument")[1..] == words,
        "{}",
        outcome.transcript()
    );
    Ok(())
}
