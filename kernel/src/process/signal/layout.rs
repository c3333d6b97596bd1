//! Layout of `siginfo_t` in user memory, 128 bytes in either width
//! (include/uapi/asm-generic/siginfo.h, include/linux/compat.h).
//!
//! ```text
//!               64-bit                                  32-bit
//!   0           si_signo, si_errno, si_code             the same
//!  16 or 12     the union: pid, uid, value (8) ...      the same with 4-byte longs and pointers
//! ```

use linux_raw_sys::general as linux;

use crate::abi::signal::{
    Fields, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGIO, SIGSEGV, SIGTRAP, SigInfo,
};

/// `siginfo_t` of 64-bit programs, as words.
pub type Info64 = [u64; 16];
/// `siginfo_t` of 32-bit programs, as words.
pub type Info32 = [u32; 32];

/// Two 32-bit fields side by side.
fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Converts to the layout of 64-bit programs.
pub fn to_64(info: &SigInfo) -> Info64 {
    let mut out = [0; 16];
    out[0] = pair(info.signo.into(), info.errno as u32);
    out[1] = u64::from(info.code as u32);
    let union = &mut out[2..6];
    match info.fields {
        Fields::Kill { pid, uid } => union[0] = pair(pid, uid),
        Fields::Queue { pid, uid, value } => {
            (union[0], union[1]) = (pair(pid, uid), value);
        }
        Fields::Timer { id, overrun, value } => {
            (union[0], union[1]) = (pair(id as u32, overrun as u32), value);
        }
        Fields::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => {
            union[0] = pair(pid, uid);
            union[1] = u64::from(status as u32);
            (union[2], union[3]) = (utime as u64, stime as u64);
        }
        Fields::Fault { addr, key } => (union[0], union[2]) = (addr, key.into()),
        Fields::Poll { band, fd } => {
            (union[0], union[1]) = (band as u64, u64::from(fd as u32));
        }
    }
    out
}

/// Converts to the layout of 32-bit programs.
pub fn to_32(info: &SigInfo) -> Info32 {
    let mut out = [0; 32];
    out[0] = info.signo.into();
    out[1] = info.errno as u32;
    out[2] = info.code as u32;
    let union = match info.fields {
        Fields::Kill { pid, uid } => [pid, uid, 0, 0, 0],
        Fields::Queue { pid, uid, value } => [pid, uid, value as u32, 0, 0],
        Fields::Timer { id, overrun, value } => [id as u32, overrun as u32, value as u32, 0, 0],
        Fields::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => [pid, uid, status as u32, utime as u32, stime as u32],
        Fields::Fault { addr, key } => [addr as u32, 0, key, 0, 0],
        Fields::Poll { band, fd } => [band as u32, fd as u32, 0, 0, 0],
    };
    out[3..8].copy_from_slice(&union);
    out
}

/// Converts the argument of a 64-bit program's rt_sigqueueinfo(2).
pub fn from_64(words: &Info64) -> SigInfo {
    let [head, code, a, b, c, d, ..] = *words;
    let (low, high) = (|word: u64| word as u32, |word: u64| (word >> 32) as u32);
    let (signo, code) = (low(head) as u8, low(code) as i32);
    let (pid, uid) = (low(a), high(a));
    let fields = match kind(signo, code) {
        UnionKind::Kill => Fields::Kill { pid, uid },
        UnionKind::Queue => Fields::Queue { pid, uid, value: b },
        UnionKind::Child => Fields::Child {
            pid,
            uid,
            status: low(b) as i32,
            utime: c as i64,
            stime: d as i64,
        },
        UnionKind::Fault => Fields::Fault {
            addr: a,
            key: low(c),
        },
        UnionKind::Poll => Fields::Poll {
            band: a as i64,
            fd: low(b) as i32,
        },
    };
    SigInfo {
        signo,
        errno: high(head) as i32,
        code,
        fields,
    }
}

/// Converts the argument of a 32-bit program's rt_sigqueueinfo(2).
pub fn from_32(words: &Info32) -> SigInfo {
    let [signo, errno, code, a, b, c, d, e, ..] = *words;
    let (signo, code) = (signo as u8, code as i32);
    let fields = match kind(signo, code) {
        UnionKind::Kill => Fields::Kill { pid: a, uid: b },
        UnionKind::Queue => Fields::Queue {
            pid: a,
            uid: b,
            value: c.into(),
        },
        UnionKind::Child => Fields::Child {
            pid: a,
            uid: b,
            status: c as i32,
            utime: d.into(),
            stime: e.into(),
        },
        UnionKind::Fault => Fields::Fault {
            addr: a.into(),
            key: c,
        },
        UnionKind::Poll => Fields::Poll {
            band: (a as i32).into(),
            fd: b as i32,
        },
    };
    SigInfo {
        signo,
        errno: errno as i32,
        code,
        fields,
    }
}

/// Form of the union. A signal that a program sends with SI_TIMER has the form of a queued one, and
/// affects no timer.
enum UnionKind {
    Kill,
    Queue,
    Child,
    Fault,
    Poll,
}

/// The union's form by number and code (siginfo_layout in kernel/signal.c).
fn kind(signo: u8, code: i32) -> UnionKind {
    const LAST_OF_POLL: i32 = 6;
    match code {
        1.. if code < linux::SI_KERNEL as i32 => match signo {
            SIGILL | SIGFPE | SIGSEGV | SIGBUS | SIGTRAP => UnionKind::Fault,
            SIGCHLD => UnionKind::Child,
            SIGIO => UnionKind::Poll,
            _ if code <= LAST_OF_POLL => UnionKind::Poll,
            _ => UnionKind::Kill,
        },
        linux::SI_SIGIO => UnionKind::Poll,
        _ if code < 0 => UnionKind::Queue,
        _ => UnionKind::Kill,
    }
}
