//! /proc/PID/limits: the resource limits as a table (fs/proc/base.c, proc_pid_limits).

use linux_raw_sys::general as linux;

use super::subject::Subject;
use crate::abi::limits::INFINITY;
use crate::mm::fallible::{Text, put};

/// Writes the text of the file.
pub(super) fn limits(subject: &Subject, text: &mut Text) {
    const NAMES: [(u32, &str, &str); 16] = [
        (linux::RLIMIT_CPU, "Max cpu time", "seconds"),
        (linux::RLIMIT_FSIZE, "Max file size", "bytes"),
        (linux::RLIMIT_DATA, "Max data size", "bytes"),
        (linux::RLIMIT_STACK, "Max stack size", "bytes"),
        (linux::RLIMIT_CORE, "Max core file size", "bytes"),
        (linux::RLIMIT_RSS, "Max resident set", "bytes"),
        (linux::RLIMIT_NPROC, "Max processes", "processes"),
        (linux::RLIMIT_NOFILE, "Max open files", "files"),
        (linux::RLIMIT_MEMLOCK, "Max locked memory", "bytes"),
        (linux::RLIMIT_AS, "Max address space", "bytes"),
        (linux::RLIMIT_LOCKS, "Max file locks", "locks"),
        (linux::RLIMIT_SIGPENDING, "Max pending signals", "signals"),
        (linux::RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"),
        (linux::RLIMIT_NICE, "Max nice priority", ""),
        (linux::RLIMIT_RTPRIO, "Max realtime priority", ""),
        (linux::RLIMIT_RTTIME, "Max realtime timeout", "us"),
    ];
    let limits = subject.process.limits();
    put!(
        text,
        "{:<26}{:<21}{:<21}{:<10}\n",
        "Limit",
        "Soft Limit",
        "Hard Limit",
        "Units"
    );
    for (resource, name, unit) in NAMES {
        let (soft, hard) = limits.0[resource as usize];
        text.push_left(name, 25);
        for limit in [soft, hard] {
            text.push_str(" ");
            if limit == INFINITY {
                text.push_left("unlimited", 20);
            } else {
                text.push_decimal_left(limit, 20);
            }
        }
        text.push_str(" ");
        text.push_left(unit, 10);
        text.push_str("\n");
    }
}
