//! The programs and files that the commands need, how to test for them, and their packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::paths;

/// A needed program or file.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Its description.
    pub what: &'static str,
    /// The test for its presence.
    pub test: Test,
    /// Debian's and Ubuntu's packages.
    pub debian: &'static str,
    /// Fedora's packages.
    pub fedora: &'static str,
    /// Arch's packages.
    pub arch: &'static str,
    /// Homebrew's packages.
    pub macos: &'static str,
}

/// A test for presence that asks no package manager.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// A program in PATH.
    Program(&'static str),
    /// Any one of these files.
    File(&'static [&'static str]),
    /// A busybox that is statically linked.
    StaticBusybox,
}

/// Needed to boot anything.
pub const RUN: &[Need] = &[
    Need {
        what: "QEMU for x86_64",
        test: Test::Program("qemu-system-x86_64"),
        debian: "qemu-system-x86",
        fedora: "qemu-system-x86-core",
        arch: "qemu-system-x86",
        macos: "qemu",
    },
    Need {
        what: "the boot ROMs of QEMU's network cards (plain `qemu-system-x86_64 -kernel` needs one)",
        test: Test::File(&[
            "/usr/lib/ipxe/qemu/efi-e1000.rom",
            "/usr/share/qemu/efi-e1000.rom",
            "/usr/share/ipxe/qemu/efi-e1000.rom",
            "/usr/share/ipxe.efi/8086100e.efi",
            "/opt/homebrew/share/qemu/efi-e1000.rom",
            "/usr/local/share/qemu/efi-e1000.rom",
        ]),
        debian: "ipxe-qemu",
        fedora: "ipxe-roms-qemu",
        arch: "qemu-system-x86-firmware",
        macos: "qemu",
    },
];

/// Needed for a GRUB image.
pub const ISO: &[Need] = &[
    Need {
        what: "grub-mkrescue",
        test: Test::Program("grub-mkrescue"),
        debian: "grub-common",
        fedora: "grub2-tools-extra",
        arch: "grub",
        macos: "i686-elf-grub",
    },
    Need {
        what: "GRUB for BIOS",
        test: Test::File(&["/usr/lib/grub/i386-pc/moddep.lst"]),
        debian: "grub-pc-bin",
        fedora: "grub2-pc-modules",
        arch: "grub",
        macos: "i686-elf-grub",
    },
    Need {
        what: "GRUB for UEFI",
        test: Test::File(&["/usr/lib/grub/x86_64-efi/moddep.lst"]),
        debian: "grub-efi-amd64-bin",
        fedora: "grub2-efi-x64-modules",
        arch: "grub",
        macos: "x86_64-elf-grub",
    },
    Need {
        what: "xorriso",
        test: Test::Program("xorriso"),
        debian: "xorriso",
        fedora: "xorriso",
        arch: "libisoburn",
        macos: "xorriso",
    },
    Need {
        what: "mtools",
        test: Test::Program("mformat"),
        debian: "mtools",
        fedora: "mtools",
        arch: "mtools",
        macos: "mtools",
    },
];

/// Needed to compile the programs of the labs' graders.
pub const GCC: &[Need] = &[Need {
    what: "a C compiler",
    test: Test::Program("gcc"),
    debian: "gcc libc6-dev",
    fedora: "gcc glibc-static",
    arch: "gcc",
    macos: "x86_64-elf-gcc",
}];

/// Needed to compile the C programs of the tests, beside [`GCC`].
pub const LIBRARIES: &[Need] = &[
    Need {
        what: "32-bit C libraries (gcc -m32 -static)",
        test: Test::File(&["/usr/lib32/libc.a", "/usr/lib/libc.a"]),
        debian: "gcc-multilib",
        fedora: "glibc-static.i686 glibc-devel.i686 libgcc.i686",
        arch: "lib32-glibc lib32-gcc-libs",
        macos: "(not available: use a Linux machine)",
    },
    Need {
        what: "musl's C compiler",
        test: Test::Program("musl-gcc"),
        debian: "musl-tools",
        fedora: "musl-gcc musl-libc-static",
        arch: "musl",
        macos: "(not available: use a Linux machine)",
    },
];

/// Needed by the cases only.
pub const CASES: &[Need] = &[
    Need {
        what: "a static busybox",
        test: Test::StaticBusybox,
        debian: "busybox-static",
        fedora: "busybox",
        arch: "busybox",
        macos: "(not available: use a Linux machine)",
    },
    Need {
        what: "strace",
        test: Test::Program("strace"),
        debian: "strace",
        fedora: "strace",
        arch: "strace",
        macos: "(not available: use a Linux machine)",
    },
    Need {
        what: "UEFI firmware for QEMU (OVMF)",
        test: Test::File(&[
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
            "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        ]),
        debian: "ovmf",
        fedora: "edk2-ovmf",
        arch: "edk2-ovmf",
        macos: "qemu",
    },
];

/// Needed to debug the kernel.
pub const GDB: &[Need] = &[Need {
    what: "gdb",
    test: Test::Program("gdb"),
    debian: "gdb",
    fedora: "gdb",
    arch: "gdb",
    macos: "x86_64-elf-gdb",
}];

/// Needed to go backwards in gdb.
pub const REPLAY: &[Need] = &[Need {
    what: "qemu-img",
    test: Test::Program("qemu-img"),
    debian: "qemu-utils",
    fedora: "qemu-img",
    arch: "qemu-img",
    macos: "qemu",
}];

/// Needed for the book on paper.
pub const BROWSER: &[Need] = &[Need {
    what: "Chromium",
    test: Test::Program("chromium"),
    debian: "chromium",
    fedora: "chromium",
    arch: "chromium",
    macos: "chromium",
}];

/// Each command of make with what it needs beside Rust. The commands install by this table, and
/// `make doctor` prints it.
pub const COMMANDS: &[(&str, &[&[Need]])] = &[
    ("run", &[RUN]),
    ("shell", &[RUN]),
    ("debug", &[RUN, GDB]),
    ("debug REPLAY=1", &[RUN, GDB, REPLAY]),
    ("gdbserver", &[RUN]),
    ("gdb", &[GDB]),
    ("bench", &[RUN, GCC, LIBRARIES]),
    ("bench-linux", &[RUN, GCC, LIBRARIES]),
    ("cost", &[RUN, GCC, LIBRARIES]),
    ("microscope", &[RUN, GCC, LIBRARIES]),
    ("book", &[RUN, GCC, LIBRARIES, GDB]),
    ("pdf", &[RUN, GCC, LIBRARIES, GDB, BROWSER]),
    ("iso", &[ISO]),
    ("transcripts", &[RUN, GCC, LIBRARIES]),
    ("soak", &[RUN, GCC, LIBRARIES]),
    ("grade", &[RUN, GCC]),
    ("grade-all", &[RUN, GCC]),
    ("test", &[RUN, ISO, GCC, LIBRARIES, CASES, GDB, REPLAY]),
];

/// What a command needs.
pub fn of(command: &str) -> impl Iterator<Item = &'static Need> {
    let lists = COMMANDS.iter().find(|(name, _)| *name == command);
    lists
        .into_iter()
        .flat_map(|(_, lists)| lists.iter().copied().flatten())
}

/// The commands that need something.
pub fn commands(need: &Need) -> Vec<&'static str> {
    let names = COMMANDS.iter().map(|(name, _)| *name);
    names
        .filter(|name| of(name).any(|other| other.what == need.what))
        .collect()
}

/// A distribution's toolchain with Rust's source (way 2 of [`crate::toolchain`]).
pub const RUST: Need = Need {
    what: "Rust for the targets x86_64-unknown-none and i686-unknown-linux-gnu",
    test: Test::File(&["/usr/lib/rustlib/src/rust/library/core/src/lib.rs"]),
    debian: "rustc-web cargo-web rust-web-src rust-web-llvm lld-22",
    fedora: "rust cargo rust-src lld",
    arch: "rust rust-src lld",
    macos: "rustup",
};

impl Need {
    /// Whether it is present.
    pub fn is_met(&self) -> bool {
        match self.test {
            Test::Program(name) => find_program(name).is_some(),
            Test::File(files) => files.iter().any(|file| Path::new(file).exists()),
            Test::StaticBusybox => static_busybox().is_some(),
        }
    }
}

/// The unmet ones of `needs`.
pub fn missing<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Vec<&'a Need> {
    needs.into_iter().filter(|need| !need.is_met()).collect()
}

/// A program's place in PATH, or in the directories of system programs that PATH may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let system = || {
        ["/usr/sbin", "/sbin"]
            .map(|directory| PathBuf::from(directory).join(name))
            .into_iter()
            .find(|file| file.is_file())
    };
    paths::in_path(name).or_else(system)
}

/// The host's busybox, where it is statically linked.
pub fn static_busybox() -> Option<PathBuf> {
    let busybox = find_program("busybox")?;
    let listing = Command::new("ldd")
        .arg(&busybox)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // ldd has an exit status other than 0 for a static program.
    (!listing.status.success()).then_some(busybox)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_needs_neither_grub_nor_firmware() {
        let is_package = |need: &Need, word| need.debian.contains(word);
        for command in ["run", "shell", "debug", "bench", "soak"] {
            assert!(
                of(command).any(|need| is_package(need, "qemu")),
                "{command}"
            );
            for word in ["grub", "xorriso", "ovmf"] {
                assert!(
                    !of(command).any(|need| is_package(need, word)),
                    "{command}: {word}"
                );
            }
        }
        assert!(of("iso").any(|need| is_package(need, "grub")));
    }

    #[test]
    fn every_command_of_the_table_is_one_of_make() {
        let makefile = harness::paths::root().join("Makefile");
        let makefile = std::fs::read_to_string(makefile).expect("the Makefile");
        for (name, _) in COMMANDS {
            assert!(makefile.contains(&format!("\n#   make {name} ")), "{name}");
        }
    }
}
