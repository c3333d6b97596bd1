//! Printing of one argument, by its kind.
//!
//! An input is printed before the call, an output after it: the data that the call wrote, or the
//! address if the call failed. Some arguments are not printed.

use linux_raw_sys::general as linux;

use super::call::Call;
use super::commands::{self, Form};
use super::kinds::Arg;
use super::strings::{self, address};
use super::structs::{self, sized, whole};
use super::text::Text;
use super::{output, scalar};
use crate::mm::fallible::put;

/// Whether an argument is printed, as an input or as an output.
fn form(call: &Call, kinds: &[Arg], index: usize) -> Form {
    let args = &call.args;
    let input_if = |present: bool| if present { Form::Input } else { Form::Absent };
    match kinds[index] {
        Arg::Skip | Arg::Half => Form::Absent,
        Arg::OpenMode => {
            let temporary = linux::O_TMPFILE & !linux::O_DIRECTORY;
            input_if(args[index - 1] & u64::from(linux::O_CREAT | temporary) != 0)
        }
        Arg::MremapAddr => input_if(
            args[index - 1] & u64::from(linux::MREMAP_FIXED | linux::MREMAP_DONTUNMAP) != 0,
        ),
        Arg::MknodDev => input_if(matches!(args[index - 1] & 0o170_000, 0o020_000 | 0o060_000)),
        Arg::FcntlValue => commands::fcntl_form(args[index - 1]),
        Arg::IoctlValue => commands::ioctl_form(args[index - 1]),
        Arg::PrctlValue => commands::prctl_form(args[0], index),
        Arg::ArchPrctlValue => commands::arch_prctl_form(args[0]),
        Arg::FutexTimeout | Arg::FutexTimeout64 | Arg::FutexValue => {
            commands::futex_form(args[1], index)
        }
        Arg::SyslogBuf | Arg::SyslogSize => commands::syslog_form(args[0], index),
        Arg::CloneFlags
            if args[0] & u64::from(linux::CLONE_PARENT_SETTID | linux::CLONE_PIDFD) != 0 =>
        {
            Form::Output
        }
        Arg::InOutOffset if args[index] != 0 => Form::Output,
        Arg::CloneArgs
        | Arg::OutAddr
        | Arg::OutBuf
        | Arg::OutCpus
        | Arg::OutCwd
        | Arg::OutDirents
        | Arg::OutDirents32
        | Arg::OutEpollEvents
        | Arg::OutGroups
        | Arg::OutInt
        | Arg::OutIovec
        | Arg::OutOffset
        | Arg::OutPath
        | Arg::OutPipe
        | Arg::OutRandom
        | Arg::OutMmsghdr
        | Arg::OutMsghdr
        | Arg::OutSockAddr
        | Arg::OutSockLen
        | Arg::OutSockOpt
        | Arg::InMmsghdr
        | Arg::OutStatus
        | Arg::OutTime
        | Arg::OutTimespec
        | Arg::OutTimespec64
        | Arg::OutTimeval
        | Arg::OutTimezone
        | Arg::Remaining
        | Arg::Remaining64
        | Arg::RlimitOut
        | Arg::Rlimit64Out
        | Arg::Rusage
        | Arg::SigactionOut
        | Arg::SigaltstackOut
        | Arg::OldSigactionOut
        | Arg::OldSigsetOut
        | Arg::SiginfoOut
        | Arg::SigsetOut
        | Arg::ItimerOut
        | Arg::ItimerspecOut
        | Arg::ItimerspecOut64
        | Arg::Stat
        | Arg::Statfs
        | Arg::Statfs64
        | Arg::Statx
        | Arg::Sysinfo
        | Arg::Tms
        | Arg::Utsname => Form::Output,
        _ => Form::Input,
    }
}

/// Whether an argument is printed at all.
pub fn is_shown(call: &Call, kinds: &[Arg], index: usize) -> bool {
    form(call, kinds, index) != Form::Absent
}

/// Whether an argument is printed after the call only.
pub fn is_output(call: &Call, kinds: &[Arg], index: usize) -> bool {
    form(call, kinds, index) == Form::Output
}

/// Prints an argument. For an output, `call` holds the call's outcome.
pub fn print(out: &mut Text, call: &Call, kinds: &[Arg], index: usize) {
    let value = call.args[index];
    if is_output(call, kinds, index) {
        let even_if_failed = matches!(
            kinds[index],
            Arg::Remaining
                | Arg::Remaining64
                | Arg::CloneFlags
                | Arg::CloneArgs
                | Arg::OutMsghdr
                | Arg::OutSockLen
        );
        return if call.failed() && !even_if_failed {
            address(out, value);
        } else {
            output::print(out, call, kinds, index);
        };
    }
    let next = call.args.get(index + 1).copied().unwrap_or(0);
    match kinds[index] {
        Arg::InBuf => strings::buffer(out, value, next),
        Arg::SockAddr | Arg::SendAddr => structs::net::sockaddr(out, value, next),
        Arg::InMsghdr => structs::net::msghdr(out, call, value, None),
        Arg::InSockOpt => {
            let [_, level, option, ..] = call.args;
            structs::net::option(out, call, level, option, value, next);
        }
        Arg::InIovec => strings::iovec(out, call, value, next, u64::MAX),
        Arg::Path => strings::path(out, value),
        Arg::Str => strings::string(out, value),
        Arg::Argv => strings::argv(out, call, value),
        Arg::Envp => strings::environment(out, call, value),
        Arg::PollFds => structs::file::poll_fds(out, call, value, next),
        Arg::InCpus => {
            match structs::file::fd_set(call, value, call.args[index - 1].saturating_mul(8)) {
                Some(set) if value != 0 => out.add(set.as_str()),
                _ => address(out, value),
            }
        }
        Arg::InGroups => structs::process::groups(out, call, value, call.args[index - 1]),
        Arg::SelectFds => match structs::file::fd_set(call, value, call.args[0]) {
            Some(set) if value != 0 => out.add(set.as_str()),
            _ => address(out, value),
        },
        Arg::CloneFlags => structs::process::clone(out, call),
        Arg::FcntlValue => commands::fcntl(out, call, call.args[index - 1], value),
        Arg::IoctlValue => commands::ioctl(out, call, call.args[index - 1], value),
        Arg::PrctlValue => commands::prctl(out, call, call.args[0], index),
        Arg::ArchPrctlValue => commands::arch_prctl(out, call, call.args[0], value),
        Arg::SyslogBuf => commands::syslog_buffer(out, call, call.args[0], value),
        Arg::FutexTimeout if commands::futex_has_timeout(call.args[1]) => {
            sized(out, call, value, (16, 8), structs::time::timespec);
        }
        Arg::EpollEventIn if call.args[1] == u64::from(linux::EPOLL_CTL_DEL) => address(out, value),
        Arg::EpollEventIn => whole(out, call, value, 12, structs::event::epoll_event),
        Arg::SigeventIn => whole(out, call, value, 64, structs::event::sigevent),
        Arg::ItimerspecIn => sized(out, call, value, (32, 16), structs::time::itimerspec),
        Arg::ItimerspecIn64 => whole(out, call, value, 32, structs::time::itimerspec64),
        Arg::FutexTimeout64 if commands::futex_has_timeout(call.args[1]) => {
            whole(out, call, value, 16, structs::time::timespec64);
        }
        Arg::InInt => whole(out, call, value, 4, structs::tty::int),
        Arg::ItimerIn => sized(out, call, value, (32, 16), structs::time::itimerval),
        Arg::RlimitIn => sized(out, call, value, (16, 8), structs::process::rlimit),
        Arg::Rlimit64In => whole(out, call, value, 16, structs::process::rlimit64),
        Arg::SigactionIn => sized(out, call, value, (32, 20), structs::signal::sigaction),
        Arg::SigaltstackIn => sized(out, call, value, (24, 12), structs::signal::sigaltstack),
        Arg::OldSigactionIn => whole(out, call, value, 16, structs::signal::old_sigaction),
        Arg::OldSigsetIn => whole(out, call, value, 4, structs::signal::old_sigset),
        Arg::SigFrame => structs::signal::frame(out, call),
        Arg::SiginfoIn => whole(out, call, value, 128, structs::signal::siginfo),
        Arg::SigsetIn => whole(out, call, value, 8, structs::signal::sigset),
        Arg::SpliceOffset => whole(out, call, value, 8, |out, fields| {
            put!(out, "[{}]", fields.u64() as i64);
        }),
        Arg::Timespec => sized(out, call, value, (16, 8), structs::time::timespec),
        Arg::Timespec64 => whole(out, call, value, 16, structs::time::timespec64),
        Arg::Timeval => sized(out, call, value, (16, 8), structs::time::timeval),
        Arg::Times => sized(out, call, value, (32, 16), structs::time::times),
        Arg::Times64 => whole(out, call, value, 32, structs::time::times64),
        Arg::Utimbuf => sized(out, call, value, (16, 8), structs::time::utimbuf),
        Arg::Utimes => sized(out, call, value, (32, 16), structs::time::utimes),
        Arg::OldMmap => whole(out, call, value, 24, structs::process::old_mmap),
        Arg::LdtDesc if !matches!(call.args[0] as u32, 1 | 0x11) => address(out, value),
        Arg::UserDesc | Arg::LdtDesc => whole(out, call, value, 16, structs::process::user_desc),
        Arg::OffsetLow => put!(out, "{}", (next << 32 | value) as i64),
        Arg::OffsetHigh => put!(out, "{}", (value << 32 | next) as i64),
        kind => scalar::print(out, call, kind, value),
    }
}
