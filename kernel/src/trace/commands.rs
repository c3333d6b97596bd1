//! Arguments whose type depends on the call's command: fcntl(2), ioctl(2), prctl(2),
//! arch_prctl(2), futex(2), syslog(2).

use linux_raw_sys::{general as linux, ioctl, prctl};

use super::call::Call;
use super::names::{self, file, process, signal, tty};
use super::strings::{address, buffer, hex, string};
use super::structs::{self, file as files};
use super::text::Text;
use crate::mm::fallible::put;

/// Whether an argument is printed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not printed.
    Absent,
    /// Printed before the call.
    Input,
    /// Printed after the call.
    Output,
}

/// Form of fcntl(2)'s third argument.
pub fn fcntl_form(command: u64) -> Form {
    match command as u32 {
        linux::F_GETFD
        | linux::F_GETFL
        | linux::F_GETOWN
        | linux::F_GETSIG
        | linux::F_GETLEASE
        | linux::F_GETPIPE_SZ
        | linux::F_GET_SEALS => Form::Absent,
        linux::F_GETLK | linux::F_OFD_GETLK | F_GETLK64 => Form::Output,
        _ => Form::Input,
    }
}

/// i386's lock commands with 64-bit offsets (include/uapi/asm-generic/fcntl.h).
const F_GETLK64: u32 = 12;
const F_SETLKW64: u32 = 14;

/// Prints fcntl(2)'s third argument.
pub fn fcntl(out: &mut Text, call: &Call, command: u64, value: u64) {
    let command = command as u32;
    match command {
        linux::F_SETFD => names::flags(out, value, &[(1, "FD_CLOEXEC")], "FD_???"),
        linux::F_SETFL => file::open_flags(out, value),
        linux::F_DUPFD | linux::F_DUPFD_CLOEXEC | linux::F_SETPIPE_SZ => {
            put!(out, "{}", value as i32);
        }
        linux::F_SETOWN => put!(out, "{}", value as i32),
        linux::F_GETLK | linux::F_SETLK | linux::F_SETLKW => {
            structs::sized(out, call, value, (32, 16), files::flock);
        }
        linux::F_OFD_GETLK..=linux::F_OFD_SETLKW | F_GETLK64..=F_SETLKW64 => {
            structs::sized(
                out,
                call,
                value,
                (32, 24),
                if call.wide {
                    files::flock
                } else {
                    files::flock64
                },
            );
        }
        _ => hex(out, value),
    }
}

/// Form of ioctl(2)'s third argument.
pub fn ioctl_form(command: u64) -> Form {
    match command as u32 {
        ioctl::TCGETS
        | ioctl::TCGETS2
        | ioctl::TCGETA
        | ioctl::TIOCGWINSZ
        | ioctl::TIOCGPGRP
        | ioctl::TIOCGSID
        | ioctl::TIOCGPTN
        | ioctl::TIOCGETD
        | ioctl::TIOCGDEV
        | ioctl::TIOCGEXCL
        | ioctl::TIOCGSOFTCAR
        | ioctl::FIONREAD
        | ioctl::TIOCOUTQ => Form::Output,
        ioctl::TIOCNOTTY
        | ioctl::TIOCEXCL
        | ioctl::TIOCNXCL
        | ioctl::TIOCSBRK
        | ioctl::TIOCCBRK
        | ioctl::TIOCVHANGUP
        | ioctl::FIOCLEX
        | ioctl::FIONCLEX => Form::Absent,
        _ => Form::Input,
    }
}

/// Prints ioctl(2)'s third argument.
pub fn ioctl(out: &mut Text, call: &Call, command: u64, value: u64) {
    match command as u32 {
        ioctl::TCGETS | ioctl::TCSETS | ioctl::TCSETSW | ioctl::TCSETSF => {
            structs::whole(out, call, value, 36, structs::tty::termios);
        }
        ioctl::TCGETS2 | ioctl::TCSETS2 | ioctl::TCSETSW2 | ioctl::TCSETSF2 => {
            structs::whole(out, call, value, 44, structs::tty::termios);
        }
        ioctl::TCGETA | ioctl::TCSETA | ioctl::TCSETAW | ioctl::TCSETAF => {
            structs::whole(out, call, value, 18, structs::tty::termio);
        }
        ioctl::TIOCGWINSZ | ioctl::TIOCSWINSZ => {
            structs::whole(out, call, value, 8, structs::tty::winsize);
        }
        ioctl::TIOCGPGRP
        | ioctl::TIOCSPGRP
        | ioctl::TIOCGSID
        | ioctl::TIOCGPTN
        | ioctl::TIOCSPTLCK
        | ioctl::TIOCPKT
        | ioctl::TIOCGETD
        | ioctl::TIOCSETD
        | ioctl::TIOCGDEV
        | ioctl::TIOCGEXCL
        | ioctl::TIOCGSOFTCAR
        | ioctl::TIOCSSOFTCAR
        | ioctl::FIONREAD
        | ioctl::TIOCOUTQ
        | ioctl::FIONBIO => structs::whole(out, call, value, 4, structs::tty::int),
        ioctl::TIOCSCTTY | ioctl::TCSBRK | ioctl::TCSBRKP => put!(out, "{}", value as i32),
        ioctl::TCFLSH => terminal_constant(out, value, tty::QUEUES),
        ioctl::TCXONC => terminal_constant(out, value, tty::FLOWS),
        _ => hex(out, value),
    }
}

/// Prints a terminal constant by its name in `table`, or as `0x9 /* TC??? */`.
fn terminal_constant(out: &mut Text, value: u64, table: &[names::Name]) {
    match names::lookup(value, table) {
        Some(name) => out.add(name),
        None => {
            hex(out, value);
            out.add(" /* TC??? */");
        }
    }
}

/// Prints ioctl(2)'s command: its name, or its fields as `_IOC(...)`.
pub fn ioctl_command(out: &mut Text, command: u64) {
    if let Some(name) = names::lookup(command, tty::IOCTLS) {
        return out.add(name);
    }
    let direction = match command >> 30 & 3 {
        0 => "_IOC_NONE",
        1 => "_IOC_WRITE",
        2 => "_IOC_READ",
        _ => "_IOC_READ|_IOC_WRITE",
    };
    put!(out, "_IOC({direction}, ");
    for (part, end) in [
        (command >> 8 & 0xff, ", "),
        (command & 0xff, ", "),
        (command >> 16 & 0x3fff, ")"),
    ] {
        hex(out, part);
        out.add(end);
    }
}

/// Form of prctl(2)'s arguments after the option, whose `index` starts at 1.
pub fn prctl_form(option: u64, index: usize) -> Form {
    let used = match option as u32 {
        prctl::PR_GET_DUMPABLE
        | prctl::PR_GET_KEEPCAPS
        | prctl::PR_GET_SECCOMP
        | prctl::PR_GET_SECUREBITS
        | prctl::PR_GET_TIMERSLACK => 0,
        prctl::PR_GET_NAME if index == 1 => return Form::Output,
        prctl::PR_SET_PDEATHSIG
        | prctl::PR_SET_DUMPABLE
        | prctl::PR_SET_KEEPCAPS
        | prctl::PR_SET_NAME
        | prctl::PR_GET_NAME
        | prctl::PR_CAPBSET_READ
        | prctl::PR_CAPBSET_DROP
        | prctl::PR_SET_TIMERSLACK
        | prctl::PR_SET_CHILD_SUBREAPER => 1,
        _ => 4,
    };
    if index <= used {
        Form::Input
    } else {
        Form::Absent
    }
}

/// Prints an argument of prctl(2).
pub fn prctl(out: &mut Text, call: &Call, option: u64, index: usize) {
    let value = call.args[index];
    match option as u32 {
        prctl::PR_SET_NAME | prctl::PR_GET_NAME => string(out, value),
        prctl::PR_SET_PDEATHSIG => signal::name(out, value),
        prctl::PR_SET_DUMPABLE => names::name(out, value, process::DUMPABLE, "SUID_DUMP_???"),
        prctl::PR_CAPBSET_READ | prctl::PR_CAPBSET_DROP => structs::process::capability(out, value),
        prctl::PR_SET_KEEPCAPS
        | prctl::PR_SET_TIMERSLACK
        | prctl::PR_SET_CHILD_SUBREAPER
        | prctl::PR_SET_NO_NEW_PRIVS
        | prctl::PR_GET_NO_NEW_PRIVS => put!(out, "{value}"),
        _ => hex(out, value),
    }
}

/// Form of arch_prctl(2)'s second argument.
pub fn arch_prctl_form(code: u64) -> Form {
    match code {
        0x1003 | 0x1004 | 0x1021 | 0x1022 => Form::Output,
        0x1011 => Form::Absent,
        _ => Form::Input,
    }
}

/// Prints arch_prctl(2)'s second argument.
pub fn arch_prctl(out: &mut Text, call: &Call, code: u64, value: u64) {
    match call.fields(value, 8) {
        Some(mut fields) if arch_prctl_form(code) == Form::Output => {
            put!(out, "[{:#x}]", fields.u64());
        }
        _ if code == 0x1012 => put!(out, "{}", value as i32),
        _ => address(out, value),
    }
}

/// FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
const FUTEX_FLAGS: u64 = 128 | 256;

/// Prints futex(2)'s operation: `FUTEX_WAIT_PRIVATE`.
pub fn futex_op(out: &mut Text, operation: u64) {
    match names::lookup(operation & !FUTEX_FLAGS, process::FUTEX) {
        Some(name) => out.add(name),
        None => put!(out, "{:#x} /* FUTEX_??? */", operation & !FUTEX_FLAGS),
    }
    if operation & 128 != 0 {
        out.add("_PRIVATE");
    }
    if operation & 256 != 0 {
        out.add("|FUTEX_CLOCK_REALTIME");
    }
}

/// Form of futex(2)'s fourth to sixth arguments, whose `index` starts at 3.
pub fn futex_form(operation: u64, index: usize) -> Form {
    let used = match (operation & !FUTEX_FLAGS) as u32 {
        linux::FUTEX_WAIT | linux::FUTEX_LOCK_PI | linux::FUTEX_LOCK_PI2 => 3,
        linux::FUTEX_WAKE | linux::FUTEX_FD | linux::FUTEX_UNLOCK_PI | linux::FUTEX_TRYLOCK_PI => 2,
        linux::FUTEX_REQUEUE => 4,
        _ => 5,
    };
    if index <= used {
        Form::Input
    } else {
        Form::Absent
    }
}

/// Whether futex(2)'s fourth argument is a timeout.
pub fn futex_has_timeout(operation: u64) -> bool {
    matches!(
        (operation & !FUTEX_FLAGS) as u32,
        linux::FUTEX_WAIT
            | linux::FUTEX_LOCK_PI
            | linux::FUTEX_LOCK_PI2
            | linux::FUTEX_WAIT_BITSET
            | linux::FUTEX_WAIT_REQUEUE_PI
    )
}

/// Form of syslog(2)'s buffer and length.
pub fn syslog_form(action: u64, index: usize) -> Form {
    match action {
        2..=4 if index == 1 => Form::Output,
        2..=4 => Form::Input,
        8 => Form::Input,
        _ => Form::Absent,
    }
}

/// Prints syslog(2)'s buffer.
pub fn syslog_buffer(out: &mut Text, call: &Call, action: u64, value: u64) {
    if matches!(action, 2..=4) {
        buffer(out, value, call.value());
    } else {
        address(out, value);
    }
}
