//! Printing of output arguments: the data that a call wrote.

use super::call::Call;
use super::commands;
use super::kinds::Arg;
use super::strings::{self, address};
use super::structs::{self, sized, whole};
use super::text::Text;
use crate::abi::errno::Errno;
use crate::mm::fallible::put;

/// Prints an output argument. The call succeeded, or the argument's kind is printed after a failure
/// too.
pub fn print(out: &mut Text, call: &Call, kinds: &[Arg], index: usize) {
    let value = call.args[index];
    let result = call.value();
    match kinds[index] {
        Arg::OutBuf => strings::buffer(out, value, result),
        Arg::OutRandom => strings::hex_buffer(out, value, result),
        Arg::OutPath => strings::buffer(out, value, result),
        Arg::OutCwd => strings::path(out, value),
        Arg::OutIovec => strings::iovec(out, call, value, call.args[index + 1], result),
        kind @ (Arg::OutDirents | Arg::OutDirents32) => {
            address(out, value);
            let length_at = if kind == Arg::OutDirents { 16 } else { 8 };
            let count = structs::file::count_entries(call, value, result, length_at);
            put!(
                out,
                " /* {count} entr{} */",
                if count == 1 { "y" } else { "ies" }
            );
        }
        Arg::OutAddr => sized(out, call, value, (8, 4), |out, fields| {
            out.add("[");
            address(out, fields.long());
            out.add("]");
        }),
        Arg::OutSockAddr => structs::net::returned(out, call, value, call.args[index + 1]),
        Arg::OutSockLen => structs::net::length(out, call, value),
        Arg::OutSockOpt => {
            let [_, level, option, ..] = call.args;
            let len = structs::net::read_int(call.args[index + 1]).unwrap_or(0);
            structs::net::option(out, call, level, option, value, len.into());
        }
        Arg::OutMsghdr => structs::net::msghdr(out, call, value, Some(result)),
        Arg::InMmsghdr => structs::net::mmsghdr(out, call, value, false),
        Arg::OutMmsghdr => structs::net::mmsghdr(out, call, value, true),
        Arg::OutInt => whole(out, call, value, 4, structs::tty::int),
        Arg::OutOffset | Arg::InOutOffset => whole(out, call, value, 8, |out, fields| {
            put!(out, "[{}]", fields.u64() as i64);
        }),
        Arg::OutPipe => whole(out, call, value, 8, |out, fields| {
            put!(out, "[{}, {}]", fields.i32(), fields.i32());
        }),
        Arg::OutGroups => structs::process::groups(out, call, value, result),
        Arg::OutCpus => match structs::file::fd_set(call, value, result * 8) {
            Some(set) if value != 0 => out.add(set.as_str()),
            _ => address(out, value),
        },
        // wait4(2) with WNOHANG found no child: nothing was written.
        Arg::OutStatus | Arg::Rusage if result == 0 && kinds.contains(&Arg::WaitFlags) => {
            address(out, value);
        }
        Arg::OutStatus => whole(out, call, value, 4, structs::process::wait_status),
        Arg::Rusage => sized(out, call, value, (144, 72), structs::process::rusage),
        Arg::Remaining | Arg::Remaining64 => {
            // Written only if a signal interrupted the sleep.
            if !interrupted(call) {
                address(out, value);
            } else if kinds[index] == Arg::Remaining {
                sized(out, call, value, (16, 8), structs::time::timespec);
            } else {
                whole(out, call, value, 16, structs::time::timespec64);
            }
        }
        Arg::CloneArgs => structs::process::clone3(out, call),
        Arg::CloneFlags => structs::process::clone(out, call),
        Arg::OutTime => sized(out, call, value, (8, 4), structs::time::time),
        Arg::OutTimespec => sized(out, call, value, (16, 8), structs::time::timespec),
        Arg::OutTimespec64 => whole(out, call, value, 16, structs::time::timespec64),
        Arg::OutTimeval => sized(out, call, value, (16, 8), structs::time::timeval),
        Arg::OutTimezone => whole(out, call, value, 8, structs::time::timezone),
        Arg::ItimerspecOut => sized(out, call, value, (32, 16), structs::time::itimerspec),
        Arg::ItimerspecOut64 => whole(out, call, value, 32, structs::time::itimerspec64),
        Arg::OutEpollEvents => structs::event::epoll_events(out, call, value, call.value()),
        Arg::ItimerOut => sized(out, call, value, (32, 16), structs::time::itimerval),
        Arg::RlimitOut => sized(out, call, value, (16, 8), structs::process::rlimit),
        Arg::Rlimit64Out => whole(out, call, value, 16, structs::process::rlimit64),
        Arg::SigactionOut => sized(out, call, value, (32, 20), structs::signal::sigaction),
        Arg::SigaltstackOut => sized(out, call, value, (24, 12), structs::signal::sigaltstack),
        Arg::OldSigactionOut => whole(out, call, value, 16, structs::signal::old_sigaction),
        Arg::OldSigsetOut => whole(out, call, value, 4, structs::signal::old_sigset),
        Arg::SiginfoOut => whole(out, call, value, 128, structs::signal::siginfo),
        Arg::SigsetOut => whole(out, call, value, 8, structs::signal::sigset),
        Arg::Stat => sized(out, call, value, (144, 96), structs::file::stat),
        Arg::Statfs => sized(out, call, value, (120, 64), structs::file::statfs),
        Arg::Statfs64 => whole(out, call, value, 84, structs::file::statfs64),
        Arg::Statx => whole(out, call, value, 256, structs::file::statx),
        Arg::Sysinfo => sized(out, call, value, (112, 64), structs::process::sysinfo),
        Arg::Tms => sized(out, call, value, (32, 16), structs::process::tms),
        Arg::Utsname => whole(out, call, value, 130, structs::process::utsname),
        Arg::FcntlValue => commands::fcntl(out, call, call.args[index - 1], value),
        Arg::IoctlValue => commands::ioctl(out, call, call.args[index - 1], value),
        Arg::PrctlValue => commands::prctl(out, call, call.args[0], index),
        Arg::ArchPrctlValue => commands::arch_prctl(out, call, call.args[0], value),
        Arg::SyslogBuf => commands::syslog_buffer(out, call, call.args[0], value),
        _ => address(out, value),
    }
}

/// Whether a signal interrupted the call.
fn interrupted(call: &Call) -> bool {
    matches!(
        call.outcome,
        Some(Err(Errno::EINTR | Errno::ERESTART_RESTARTBLOCK))
    )
}
