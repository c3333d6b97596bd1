//! Arguments of calls without a row in the tables: they fail with `ENOSYS`, but C libraries
//! make some of them at every start, and their lines should read like the others.

use super::kinds::Arg;

/// Six registers in base 16.
const RAW: &[Arg] = &[Arg::Hex; 6];

/// What a call's arguments are, by its name.
pub fn kinds(name: &str) -> &'static [Arg] {
    match name {
        "rseq" => &[Arg::Addr, Arg::Hex, Arg::UInt, Arg::Hex],
        "futex" => &[
            Arg::Addr,
            Arg::FutexOp,
            Arg::UInt,
            Arg::FutexTimeout,
            Arg::FutexValue,
            Arg::FutexValue,
        ],
        "get_robust_list" => &[Arg::Pid, Arg::Addr, Arg::Addr],
        "clone3" => &[Arg::Addr, Arg::Size],
        "mlock" | "munlock" => &[Arg::Addr, Arg::Size],
        "pause" => &[],
        "pipe" => &[Arg::OutPipe],
        "pipe2" => &[Arg::OutPipe, Arg::PipeFlags],
        "getrusage" => &[Arg::RusageWho, Arg::Rusage],
        "setpriority" => &[Arg::PriorityWhich, Arg::Int, Arg::Int],
        "times" => &[Arg::Tms],
        _ => RAW,
    }
}
