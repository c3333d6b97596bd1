//! The 32-bit half's report to the 64-bit half: the costs that only the 32-bit half can measure, as
//! a small file with lines of `name value`.

use core::ffi::CStr;

/// Path of the report.
pub const FILE: &CStr = c"/tmp/tour32";
/// `getpid` through `__kernel_vsyscall`, for each instruction it may use: the name in the report
/// and the label in the table.
pub const VSYSCALL: [(&str, &str); 3] = [
    ("sysenter", "getpid, SYSENTER, 32-bit program"),
    ("syscall32", "getpid, SYSCALL, 32-bit program"),
    ("plain", "getpid, __kernel_vsyscall, 32-bit"),
];
/// Name of `getpid` by `INT 0x80` in the report.
pub const INT80: &str = "int80";
/// Name of the vDSO's `clock_gettime` in the report.
pub const VDSO: &str = "vdso";

/// Description of a failure.
pub type Failure = &'static str;
