//! Boots Trident in QEMU from the host, and reports how the run ended.
//!
//! `tests/cases/` (the cases themselves) and `xtask` use the harness (`make run` is a machine with
//! a terminal instead of a time limit). Read [`vm`] next: a [`Vm`] describes one machine,
//! [`Vm::run`] boots it and returns an [`Outcome`].
//!
//! | file | subject |
//! |---|---|
//! | [`vm`] | one machine: memory, CPU, initramfs, command line; its run |
//! | [`verdict`] | how a run ended, by exit status and shutdown reason |
//! | [`qmp`] | asks QEMU why it shut down |
//! | [`initramfs`] | packs newc archives |
//! | [`programs`] | C programs compiled by the host's compilers |
//! | [`oracle`] | the same program run on the host's own Linux |
//! | [`pty`] | a command on a pseudo-terminal |
//! | [`debian`] | the root file system of Debian's packages |
//! | [`case`] | a test case, and how a module lists its own |
//! | [`firmware`] | boot information for the loader, made by hand |
//! | [`gdb`] | access to a running machine: registers, memory, breakpoints |
//! | [`chromium`] | a browser under a test's control |
//! | [`iso`] | a bootable CD image with GRUB on it |
//! | [`stock`] | a disk image with the stock `bootloader` crate on it |
//! | [`host`] | the rate of the host's TSC |
//! | [`pauses`] | the TSC's rate on a host that stops the machine |
//! | [`transcripts`] | commands that show system calls on Linux, typed in Trident |
//! | [`paths`] | paths of the repository and of the build's files |

#![forbid(unsafe_code)]

pub mod beginning;
pub mod case;
pub mod child;
pub mod chromium;
pub mod debian;
pub mod firmware;
pub mod gdb;
pub mod host;
pub mod initramfs;
pub mod iso;
pub mod oracle;
pub mod paths;
pub mod pauses;
pub mod programs;
pub mod pty;
pub mod qmp;
pub mod stock;
pub mod token;
pub mod transcripts;
pub mod verdict;
pub mod vm;

pub use case::Case;
pub use initramfs::Initramfs;
pub use verdict::Verdict;
pub use vm::{Dialogue, Outcome, Partner, Vm};
