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

/// The archive of the tour of `make debug`.
pub fn tour_for_gdb() -> PathBuf {
    paths::target().join("tour-debug.cpio")
}

/// Packs the tour's archive.
pub fn pack_tour() -> Result<()> {
    pack(&tour(), |width| paths::program(width, "tour"))
}

/// Packs the archive of the tour of `make debug`.
pub fn pack_tour_for_gdb() -> Result<()> {
    pack(&tour_for_gdb(), paths::debug_tour)
}

/// Packs a tour's two halves, and a few files.
fn pack(archive: &Path, tour: impl Fn(u32) -> PathBuf) -> Result<()> {
    let mut files = base(Initramfs::new());
    for (width, place) in [(64, "/init"), (32, "/bin32/tour")] {
        let path = tour(width);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // gdb reads debug information from the build's files; the machine's memory needs none.
        files = files.executable(place, segments_only(&bytes));
    }
    write_if_changed(archive, &files.build())
}

/// Adds the files of every root file system of ours.
pub fn base(archive: Initramfs) -> Initramfs {
    archive
        .file("/etc/motd", MOTD)
        .file("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        .file("/etc/group", "root:x:0:\n")
        .dir("/tmp")
}

/// Path of the init that runs the user's program.
pub const PROGRAM_INIT: &str = "/trident/init";

/// The user's program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub bytes: Vec<u8>,
    /// Path of the dynamic linker that it asks for.
    pub interpreter: Option<String>,
}

impl Program {
    /// Reads the user's program, if it can run.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read PROGRAM={name}"))?;
        let interpreter =
            interpreter(&bytes).with_context(|| format!("PROGRAM={name} cannot run"))?;
        Ok(Self { bytes, interpreter })
    }
}

/// An archive of the init that runs the user's program by `request`, to which the program is to be
/// added. It can follow another archive, as nothing of it has a name that a root file system has.
pub fn around_program(request: Vec<u8>) -> Result<Initramfs> {
    let path = paths::program(64, "init");
    let init = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Initramfs::new()
        .executable(PROGRAM_INIT, segments_only(&init))
        .file("/trident/request", request))
}

/// Starts the shell in a new session with the console as its terminal. The shell's end ends the
/// machine with status 0, whatever the shell's was.
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
    base(Initramfs::new())
        .executable("/bin/busybox", program)
        .executable("/init", SHELL_INIT)
        .file("/etc/profile", PROFILE)
        .dir("/root")
        .dir("/sbin")
}

/// The dynamic linker that an x86 Linux program asks for; none where it is static. The error says
/// what the file is instead.
fn interpreter(bytes: &[u8]) -> Result<Option<String>> {
    if !bytes.starts_with(b"\x7fELF") {
        bail!("it is not an ELF file (a script needs its interpreter as the program)");
    }
    match bytes.get(4) {
        Some(&elf::ELFCLASS64) => interpreter_of::<elf::FileHeader64<object::Endianness>>(bytes),
        Some(&elf::ELFCLASS32) => interpreter_of::<elf::FileHeader32<object::Endianness>>(bytes),
        _ => bail!("it is a damaged ELF file"),
    }
}

fn interpreter_of<H: object::read::elf::FileHeader>(bytes: &[u8]) -> Result<Option<String>> {
    use object::read::elf::ProgramHeader;

    let file = ElfFile::<H>::parse(bytes).context("it is a damaged ELF file")?;
    let (header, endian) = (file.elf_header(), file.endian());
    let machine = header.e_machine(endian);
    if !matches!(machine, elf::EM_X86_64 | elf::EM_386) {
        bail!("it is not an x86 program (ELF machine {machine})");
    }
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        bail!("it is not linked: an object file or a core dump");
    }
    for segment in file.elf_program_headers() {
        let found = segment.interpreter(endian, bytes);
        if let Some(path) = found.context("it is a damaged ELF file")? {
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_file_is_reported() {
        let why = |bytes: &[u8]| format!("{:#}", interpreter(bytes).expect_err("wrong"));
        assert!(why(b"#!/bin/sh\n").contains("not an ELF file"));
        assert!(why(b"\x7fELF\x02\x01").contains("damaged"));
        assert!(why(b"").contains("not an ELF file"));
        let this = fs::read(std::env::current_exe().expect("a path")).expect("readable");
        if this.starts_with(b"\x7fELF") {
            let found = interpreter(&this).expect("a program");
            assert!(found.is_some_and(|path| path.contains("ld")));
        }
    }
}
