//! Boots Trident in QEMU from the host, and says how the run ended.
//!
//! The harness is the ground under `tests/cases/` (the cases themselves) and under `xtask`
//! (`make run` is a machine with a terminal instead of a time limit). Read [`vm`] next: a
//! [`Vm`] describes one machine, [`Vm::run`] boots it and returns an [`Outcome`].
//!
//! | file | subject |
//! |---|---|
//! | [`vm`] | one machine: memory, CPU, initramfs, command line; its run |
//! | [`verdict`] | how a run ended, told apart by exit status and shutdown reason |
//! | [`qmp`] | asks QEMU why it shut down |
//! | [`initramfs`] | packs newc archives |
//! | [`programs`] | C programs compiled by the host's compilers |
//! | [`oracle`] | the same program run by the host's own Linux |
//! | [`pty`] | a command at a terminal of its own |
//! | [`debian`] | the root file system of Debian's packages |
//! | [`case`] | a test case, and how a module lists its own |
//! | [`firmware`] | what firmware leaves for the loader, made by hand |
//! | [`gdb`] | looks into a running machine: registers, memory, breakpoints |
//! | [`iso`] | a bootable CD image with GRUB on it |
//! | [`stock`] | a disk image with the stock `bootloader` crate on it |
//! | [`pauses`] | the TSC's rate on a host that stops the machine |
//! | [`transcripts`] | what a reader types on Linux, typed in Trident |
//! | [`paths`] | where things lie in the repository |

pub mod beginning;
pub mod case;
pub mod child;
pub mod debian;
pub mod firmware;
pub mod gdb;
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
