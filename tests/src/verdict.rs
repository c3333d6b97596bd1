//! How a run ended.
//!
//! The kernel ends a run by writing to isa-debug-exit, which makes QEMU's exit status
//! `value << 1 | 1`; only the kernel's own three values are accepted. Status 0 is ambiguous: QEMU
//! returns it for a power-off and, under `-no-reboot`, for a triple fault too, so the reason is
//! taken from QEMU's SHUTDOWN event (see [`crate::qmp`]).

use std::fmt;
use std::process::ExitStatus;

/// QEMU's exit status when init exited with 0 (isa-debug-exit value 0x10).
pub const STATUS_PASS: i32 = 0x10 << 1 | 1;
/// QEMU's exit status when init failed or was killed (value 0x11).
pub const STATUS_INIT_FAILED: i32 = 0x11 << 1 | 1;
/// QEMU's exit status when the kernel panicked (value 0x12).
pub const STATUS_PANIC: i32 = 0x12 << 1 | 1;

/// How a run ended. Only [`Verdict::Pass`] is a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// init exited with status 0.
    Pass,
    /// init exited with another status, or by a signal.
    InitFailed,
    /// The kernel panicked.
    Panic,
    /// The guest powered itself off through ACPI.
    PowerOff,
    /// The guest was reset: a triple fault, unless it asked for the reset itself.
    Reset,
    /// The time limit passed.
    Timeout,
    /// The user ended QEMU at its terminal (Ctrl-A X).
    Quit,
    /// QEMU could not start, or ended in a way that no guest can cause.
    Qemu(String),
}

impl Verdict {
    /// Reads the verdict from QEMU's exit status and the reason of its last SHUTDOWN event.
    pub fn read(status: ExitStatus, shutdown_reason: Option<&str>) -> Self {
        match (status.code(), shutdown_reason) {
            (Some(STATUS_PASS), _) => Self::Pass,
            (Some(STATUS_INIT_FAILED), _) => Self::InitFailed,
            (Some(STATUS_PANIC), _) => Self::Panic,
            (Some(0), Some("guest-shutdown")) => Self::PowerOff,
            (Some(0), Some("guest-reset")) => Self::Reset,
            (Some(0), Some("host-qmp-quit")) => Self::Quit,
            (Some(0), reason) => Self::Qemu(format!(
                "QEMU ended with status 0, shutdown reason {reason:?}"
            )),
            (Some(code), _) => Self::Qemu(format!("QEMU ended with status {code}")),
            (None, _) => Self::Qemu(format!("QEMU was killed: {status}")),
        }
    }

    /// The exit status that a command which boots a machine gives to its shell.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Pass | Self::PowerOff | Self::Quit => 0,
            Self::InitFailed => 1,
            Self::Panic => 122,
            Self::Reset => 123,
            Self::Timeout => 124,
            Self::Qemu(_) => 125,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("init exited with status 0"),
            Self::InitFailed => f.write_str("init failed (its status or signal is in the log)"),
            Self::Panic => f.write_str("the kernel panicked"),
            Self::PowerOff => f.write_str("the machine powered itself off"),
            Self::Reset => f.write_str("the machine was reset (a triple fault?)"),
            Self::Timeout => f.write_str("the time limit passed"),
            Self::Quit => f.write_str("QEMU was ended from its terminal"),
            Self::Qemu(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn exited(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    #[test]
    fn only_the_kernels_own_value_passes() {
        for code in 0..=255 {
            let passed = Verdict::read(exited(code), Some("guest-reset")) == Verdict::Pass;
            assert_eq!(passed, code == 33, "status {code}");
        }
        assert_ne!(Verdict::read(ExitStatus::from_raw(9), None), Verdict::Pass);
    }

    #[test]
    fn a_triple_fault_is_not_a_power_off() {
        assert_eq!(
            Verdict::read(exited(0), Some("guest-shutdown")),
            Verdict::PowerOff
        );
        assert_eq!(
            Verdict::read(exited(0), Some("guest-reset")),
            Verdict::Reset
        );
        assert!(matches!(Verdict::read(exited(0), None), Verdict::Qemu(_)));
    }
}
