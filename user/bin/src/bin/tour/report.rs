//! The 32-bit half's report to the 64-bit one: the figures that only the 32-bit half can measure.
//!
//! Lines of `name value` in a small file: the plainest thing that two processes can share.

use core::ffi::CStr;

/// Where the figures are left.
pub const FILE: &CStr = c"/tmp/tour32";
/// The names of the cost of `getpid` through `__kernel_vsyscall`, by the instruction behind it,
/// and how the table calls each.
pub const VSYSCALL: [(&str, &str); 3] = [
    ("sysenter", "getpid, SYSENTER, 32-bit program"),
    ("syscall32", "getpid, SYSCALL, 32-bit program"),
    ("plain", "getpid, __kernel_vsyscall, 32-bit"),
];
/// The name of the cost of `getpid` by `INT 0x80`.
pub const INT80: &str = "int80";
/// The name of the cost of the vDSO's `clock_gettime`.
pub const VDSO: &str = "vdso";

/// A failure of the tour: what was expected and didn't happen.
pub type Failure = &'static str;
