//! Packs the initramfs archives: the tour's, and one around a user's program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use harness::{Initramfs, paths};
use object::elf;
use object::read::elf::ElfFile;

use super::strip::segments_only;
use super::write_if_changed;

/// What `cat /etc/motd` prints in Trident.
const MOTD: &str = "Welcome to Trident: one kernel, three doors.\n";

/// The tour's archive.
pub fn tour() -> PathBuf {
    paths::target().join("tour.cpio")
}

/// Packs the tour's archive: its two halves, and a few files.
pub fn pack_tour() -> Result<()> {
    let mut files = base();
    for (width, place) in [(64, "/init"), (32, "/bin32/tour")] {
        let path = paths::program(width, "tour");
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // gdb reads debug information from the build's files; the machine's memory needs none.
        files = files.executable(place, segments_only(&bytes));
    }
    write_if_changed(&tour(), &files.build())
}

/// The files of every archive of ours.
fn base() -> Initramfs {
    Initramfs::new()
        .file("/etc/motd", MOTD)
        .file("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        .file("/etc/group", "root:x:0:\n")
        .dir("/tmp")
}

/// Path of the init that runs the user's program.
pub const PROGRAM_INIT: &str = "/sbin/init";

/// Reads the user's program, if it can run.
pub fn read_program(program: &Path) -> Result<Vec<u8>> {
    let bytes =
        fs::read(program).with_context(|| format!("cannot read PROGRAM={}", program.display()))?;
    check_static(&bytes).with_context(|| format!("PROGRAM={} cannot run", program.display()))?;
    Ok(bytes)
}

/// An archive of the user's program and the init that runs it by `request`.
pub fn around(program: &Path, request: Vec<u8>) -> Result<Initramfs> {
    let path = paths::program(64, "init");
    let init = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(base()
        .executable(PROGRAM_INIT, segments_only(&init))
        .file("/sbin/init.run", request)
        .executable(&place(program), read_program(program)?))
}

/// Starts the shell in a new session with the console as its terminal. The shell's end ends the machine
/// with status 0, whatever the shell's was.
const SHELL_INIT: &str = r#"#!/bin/busybox sh
export HOME=/root TERM="${TERM:-linux}" PATH=/sbin:/bin
/bin/busybox --install -s /bin
tty=/dev/ttyS0
[ -c $tty ] || tty=/dev/console
[ -z "$LINES" ] || stty rows "$LINES" cols "$COLUMNS" <$tty
cat /etc/motd
cd $HOME
setsid -c sh -l <$tty >$tty 2>&1
exit 0
"#;

/// The shell's startup file. busybox's shell prefers its own applets to the programs in PATH.
const PROFILE: &str = "export PS1='trident:\\w\\$ '
alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'
";

/// Whether the kernel accepts this as an initramfs: newc, plain or gzip.
pub fn is_archive(bytes: &[u8]) -> bool {
    // Zeros may be before an archive and between two.
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    [&b"070701"[..], b"070702", b"\x1f\x8b"]
        .iter()
        .any(|magic| bytes[start..].starts_with(magic))
}

/// An archive with a shell on the console, around a static busybox.
pub fn around_busybox(program: Vec<u8>) -> Initramfs {
    base()
        .executable("/bin/busybox", program)
        .executable("/init", SHELL_INIT)
        .file("/etc/profile", PROFILE)
        .dir("/root")
        .dir("/sbin")
}

/// Path of the user's program in its archive.
pub fn place(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    format!("/{name}")
}

/// Whether this is a static x86 Linux program; the error says what it is instead.
fn check_static(bytes: &[u8]) -> Result<()> {
    if !bytes.starts_with(b"\x7fELF") {
        bail!("it is not an ELF file (a script needs its interpreter as the program)");
    }
    let interpreted = match bytes.get(4) {
        Some(&elf::ELFCLASS64) => has_interpreter::<elf::FileHeader64<object::Endianness>>(bytes),
        Some(&elf::ELFCLASS32) => has_interpreter::<elf::FileHeader32<object::Endianness>>(bytes),
        _ => bail!("it is a damaged ELF file"),
    }?;
    if interpreted {
        bail!("it is dynamically linked: link it with -static");
    }
    Ok(())
}

fn has_interpreter<H: object::read::elf::FileHeader>(bytes: &[u8]) -> Result<bool> {
    use object::read::elf::ProgramHeader;

    let file = ElfFile::<H>::parse(bytes).context("it is a damaged ELF file")?;
    let machine = file.elf_header().e_machine(file.endian());
    if !matches!(machine, elf::EM_X86_64 | elf::EM_386) {
        bail!("it is not an x86 program (ELF machine {machine})");
    }
    Ok(file
        .elf_program_headers()
        .iter()
        .any(|p| p.p_type(file.endian()) == elf::PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_file_is_reported() {
        let why = |bytes: &[u8]| format!("{:#}", check_static(bytes).expect_err("wrong"));
        assert!(why(b"#!/bin/sh\n").contains("not an ELF file"));
        assert!(why(b"\x7fELF\x02\x01").contains("damaged"));
        assert!(why(b"").contains("not an ELF file"));
        let this = fs::read(std::env::current_exe().expect("a path")).expect("readable");
        if this.starts_with(b"\x7fELF") {
            assert!(why(&this).contains("dynamically linked"));
        }
    }
}
