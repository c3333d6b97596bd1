//! Argument kinds of calls without a row in the tables, which fail with `ENOSYS`.

use super::kinds::Arg;

/// Six registers in hexadecimal.
const RAW: &[Arg] = &[Arg::Hex; 6];

/// Argument kinds of the call `name`; six hexadecimal registers for a call that is not in the list.
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
