//! Files: C programs compared with the host, the formats of an initramfs, a full memory, and the
//! terminal's line editing.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use formats::cpio::{Member, Writer, mode};
use harness::programs::{Compiler, busybox, compile_with};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases, oracle};

use crate::on_linux::{prints_as_recorded, prints_the_same};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        gzip_initramfs,
        plain_and_gzip_in_one_initramfs,
        hard_links_devices_and_symlinks_in_paths,
        damaged_initramfs_still_boots,
        an_initramfs_without_directories,
        an_unpacked_archive_is_freed,
        full_memory_is_enospc,
        typed_lines_are_edited,
    ];
    let programs = [
        "fs_paths",
        "fs_files",
        "fs_dirs",
        "fs_attrs",
        "fs_atimes",
        "fs_names",
        "fs_perms",
        "fs_devices",
        "fs_pipes",
        "fs_fifo",
        "fs_locks",
        "fs_mounts",
        "fs_tmpfs",
        "fs_modern",
        "procfs",
        "sock_stream",
        "sock_messages",
        "sock_signals",
    ];
    // The compiler options of a 32-bit program decide which calls it makes.
    let wide: &[&str] = &["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"];
    let ways = [
        (Compiler::Glibc64, &[][..]),
        (Compiler::Musl64, &[]),
        (Compiler::Glibc32, &[]),
        (Compiler::Glibc32, wide),
    ];
    cases.push(Case::new("big_directory", || {
        prints_the_same("big_directory", Compiler::Glibc64, "", Vm::new())
    }));
    for program in programs {
        cases.extend(ways.map(|(compiler, options)| {
            let suffix = if options.is_empty() { "" } else { "_wide" };
            let name = format!("{program}::{}{suffix}", compiler.name());
            Case::new(name, move || same_as_on_linux(program, compiler, options))
        }));
    }
    cases.push(Case::new("smaps", || {
        prints_as_recorded("smaps", Compiler::Glibc64, "smaps", Vm::new())
    }));
    cases.push(Case::new("padded_times", || {
        same_as_on_linux("padded_times", Compiler::Glibc32, &[])
    }));
    cases.push(Case::new("uptime", || {
        same_as_on_linux("uptime", Compiler::Glibc64, &[])
    }));
    cases
}

/// A C program has the same exit status and the same output, line by line, as on the host.
fn same_as_on_linux(name: &str, compiler: Compiler, options: &[&str]) -> Result<()> {
    if !oracle::compares_as_root(name) {
        return Ok(());
    }
    let program = compile_with(name, compiler, options)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let outcome = Vm::new().initramfs(&files).append("quiet").run()?;
    outcome.expect(Verdict::Pass)?;
    let answer = oracle::ask(&program, &[])?;
    ensure!(
        answer.status == Some(0),
        "the host's run failed: {answer:?}"
    );
    let serial = outcome.serial.replace('\r', "");
    for (number, expected) in answer.stdout.lines().enumerate() {
        ensure!(
            serial.lines().any(|line| line == expected),
            "line {} of the host's output is missing: {expected}\n{}",
            number + 1,
            outcome.transcript()
        );
    }
    outcome.contains(answer.stdout.trim_end())?;
    Ok(())
}

/// A machine whose /init is a shell script, with `files`.
fn script(files: Initramfs, text: &str) -> Result<Vm> {
    let text = format!("#!/bin/busybox sh\n{text}\n");
    let files = files
        .executable_from("/bin/busybox", &busybox()?)?
        .executable("/init", text);
    Ok(Vm::new().initramfs(&files).append("quiet"))
}

/// Compresses with the host's gzip.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip is needed for this case")?;
    let mut input = child.stdin.take().context("a pipe")?;
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output()?;
    writer.join().ok().context("the writer panicked")??;
    ensure!(output.status.success(), "gzip failed");
    Ok(output.stdout)
}

/// An archive with busybox and one file.
fn with_busybox(path: &str, content: &str) -> Result<Initramfs> {
    let files = Initramfs::new().executable_from("/bin/busybox", &busybox()?)?;
    Ok(files.file(path, content))
}

/// Boots the archive with `cat PATH` as init.
fn cat(initrd: Vec<u8>, path: &str) -> Result<Outcome> {
    let words = format!("quiet rdinit=/bin/busybox -- cat {path}");
    Vm::new().initrd(initrd).append(words).run()
}

fn gzip_initramfs() -> Result<()> {
    let archive = gzip(&with_busybox("/etc/motd", "came compressed\n")?.build())?;
    cat(archive, "/etc/motd")?
        .expect(Verdict::Pass)?
        .contains("came compressed\n")?;
    Ok(())
}

fn plain_and_gzip_in_one_initramfs() -> Result<()> {
    let first = with_busybox("/a", "plain\n")?.file("/b", "old\n").build();
    let second = gzip(&Initramfs::new().file("/b", "new\n").build())?;
    let third = Initramfs::new().file("/c", "last\n").build();
    // An archive after a compressed one starts at a multiple of four, after zeros.
    let mut all = [first, second].concat();
    all.resize(all.len().next_multiple_of(512) + 512, 0);
    all.extend(third);
    cat(all, "/a /b /c")?
        .expect(Verdict::Pass)?
        .contains("plain\nnew\nlast\n")?;
    Ok(())
}

fn hard_links_devices_and_symlinks_in_paths() -> Result<()> {
    let mut writer = Writer::new();
    writer.directory(b"usr/bin", 0o755);
    writer.symlink(b"bin", b"usr/bin");
    let program = std::fs::read(busybox()?)?;
    writer.file(b"bin/busybox", 0o755, &program);
    let link = Member {
        mode: mode::FILE | 0o640,
        ino: 5,
        nlink: 3,
        ..Member::default()
    };
    writer.member(b"one", &link);
    writer.member(b"../../two", &link);
    writer.member(
        b"/deep/er/three",
        &Member {
            body: b"shared\n",
            ..link
        },
    );
    let zero = Member {
        mode: mode::CHARACTER | 0o600,
        rdev: (1, 5),
        ..Member::default()
    };
    writer.member(b"my/zero", &zero);
    let text = "#!/bin/busybox sh\nbusybox stat -c '%n %h %a %F' /one /two /deep/er/three /my/zero\n\
                busybox cat /one\nbusybox head -c 5 /my/zero > /five\nbusybox wc -c < /five\n";
    writer.file(b"init", 0o755, text.as_bytes());
    Vm::new()
        .initrd(writer.finish())
        .append("quiet PATH=/usr/bin")
        .run()?
        .expect(Verdict::Pass)?
        .contains("/one 3 640 regular file\n/two 3 640 regular file\n")?
        .contains("/deep/er/three 3 640 regular file\n/my/zero 1 600 character special file\n")?
        .contains("shared\n5\n")?;
    Ok(())
}

fn damaged_initramfs_still_boots() -> Result<()> {
    let mut archive = with_busybox("/a", "whole\n")?.build();
    archive.extend_from_slice(b"\x28\xb5\x2f\xfd and so on");
    let words = "rdinit=/bin/busybox -- cat /a";
    Vm::new()
        .initrd(archive)
        .append(words)
        .run()?
        .expect(Verdict::Pass)?
        .contains("whole\n")?
        .contains("zstd")?;
    Ok(())
}

fn an_initramfs_without_directories() -> Result<()> {
    let text = "set -e\nmount -t proc proc /proc\nmount -t devtmpfs dev /dev\nmkdir /sys /t\n\
                mount -t sysfs sysfs /sys\nmount -t tmpfs none /t\necho mounted > /t/x\ncat /t/x\n\
                head -c 3 /dev/zero > /three\nwc -c < /three\ntest -r /proc/self/maps\numount /t\ntest ! -e /t/x\n\
                echo all there";
    script(Initramfs::new(), &with_applets(text))?
        .run()?
        .expect(Verdict::Pass)?
        .contains("mounted\n3\nall there\n")?;
    Ok(())
}

/// The archive's memory is freed while it is unpacked: files and archive together exceed the
/// machine's memory.
fn an_unpacked_archive_is_freed() -> Result<()> {
    let files = with_busybox("/last", "all of it\n")?;
    let files = (0..40).fold(files, |files, number| {
        files.file(&format!("/part{number}"), vec![number; 1 << 20])
    });
    let words = "quiet rdinit=/bin/busybox -- cat /last";
    Vm::new()
        .initramfs(&files)
        .memory("64M")
        .append(words)
        .run()?
        .expect(Verdict::Pass)?
        .contains("all of it\n")?;
    Ok(())
}

/// Defines names such as `cat` as busybox's applets.
fn with_applets(script: &str) -> String {
    format!("PATH=/bin\n/bin/busybox --install -s /bin\n{script}")
}

fn full_memory_is_enospc() -> Result<()> {
    let text = with_applets(
        "dd if=/dev/zero of=/big bs=64k 2>&1\nls -l /big > /dev/null || exit 1\nrm /big\n\
         dd if=/dev/zero of=/big bs=1k count=2000 2>/dev/null && echo room again",
    );
    script(Initramfs::new(), &text)?
        .memory("48M")
        .run()?
        .expect(Verdict::Pass)?
        .contains("No space left on device")?
        .contains("room again\n")?;
    Ok(())
}

fn typed_lines_are_edited() -> Result<()> {
    // Input before the kernel enables the port may be lost; ^U discards the rest of it.
    let mut typed = vec![0x15; 40];
    typed.extend_from_slice(b"wrogn\x7f\x7fng wo\x17word\r\x04");
    let text = "read line\necho \"line [$line]\"\nread line || echo end of file";
    script(Initramfs::new(), text)?
        .input(typed)
        .run()?
        .expect(Verdict::Pass)?
        .contains("line [wrong word]\n")?
        .contains("end of file\n")?;
    Ok(())
}
