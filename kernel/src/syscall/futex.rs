//! futex(2): the operations and their arguments. The work is in `process/futex/`; the newer calls,
//! one for each operation, are in `futex2.rs`.

use linux_raw_sys::general as linux;

use super::time::{Pair, read};
use crate::abi::errno::{Errno, SysResult};
use crate::process::futex::{self, ANY, Deadline, Word};
use crate::process::signal::restart;
use crate::time::as_nanos;
use crate::time::timer::Clock;
use crate::usercopy::UserPtr;

/// Flags that an interrupted FUTEX_WAIT saves for its restart, above the expected value.
const SHARED: u64 = 1 << 32;
const REALTIME: u64 = 1 << 33;

/// futex(2): executes an operation.
pub fn futex<P: Pair>(
    at: UserPtr<u32>,
    operation: u32,
    value: u32,
    fourth: u64,
    second: UserPtr<u32>,
    value3: u32,
) -> SysResult {
    let command = operation & !(linux::FUTEX_PRIVATE_FLAG | linux::FUTEX_CLOCK_REALTIME);
    let by_date = operation & linux::FUTEX_CLOCK_REALTIME != 0;
    let shared = operation & linux::FUTEX_PRIVATE_FLAG == 0;
    let deadline = deadline::<P>(command, by_date, UserPtr::new(fourth))?;
    let takes_clock = matches!(
        command,
        linux::FUTEX_WAIT_BITSET | linux::FUTEX_WAIT_REQUEUE_PI | linux::FUTEX_LOCK_PI2
    );
    if by_date && !takes_clock {
        return Err(Errno::ENOSYS);
    }
    let words = [at, second].map(|at| Word { at, shared });
    let [word, _] = words;
    let counts = [value as i32, fourth as i32];
    match command {
        linux::FUTEX_WAIT => wait(word, value, ANY, deadline),
        linux::FUTEX_WAIT_BITSET => wait(word, value, value3, deadline),
        linux::FUTEX_WAKE => futex::wake(word, counts[0], ANY),
        linux::FUTEX_WAKE_BITSET if value3 == 0 => Err(Errno::EINVAL),
        linux::FUTEX_WAKE_BITSET => futex::wake(word, counts[0], value3),
        linux::FUTEX_REQUEUE => futex::requeue(words, counts[0], counts[1], None),
        linux::FUTEX_CMP_REQUEUE => futex::requeue(words, counts[0], counts[1], Some(value3)),
        linux::FUTEX_WAKE_OP => futex::wake_op(words, counts, |old| wake_op(value3, old)),
        linux::FUTEX_LOCK_PI | linux::FUTEX_LOCK_PI2 => {
            restart_always(futex::lock_pi(word, deadline, false))
        }
        linux::FUTEX_TRYLOCK_PI => restart_always(futex::lock_pi(word, None, true)),
        linux::FUTEX_UNLOCK_PI => futex::unlock_pi(word).map(|()| 0),
        linux::FUTEX_WAIT_REQUEUE_PI => futex::wait_requeue_pi(words, value, deadline).map(|()| 0),
        linux::FUTEX_CMP_REQUEUE_PI => futex::requeue_pi(words, counts[0], counts[1], value3),
        _ => Err(Errno::ENOSYS),
    }
}

/// Deadline from the fourth argument of an operation that waits: relative for FUTEX_WAIT, absolute
/// for the others.
fn deadline<P: Pair>(command: u32, by_date: bool, at: UserPtr<P>) -> Result<Deadline, Errno> {
    let waits = matches!(
        command,
        linux::FUTEX_WAIT
            | linux::FUTEX_WAIT_BITSET
            | linux::FUTEX_LOCK_PI
            | linux::FUTEX_LOCK_PI2
            | linux::FUTEX_WAIT_REQUEUE_PI
    );
    if !waits || at.is_null() {
        return Ok(None);
    }
    let time = as_nanos(read(at)?);
    Ok(Some(if command == linux::FUTEX_WAIT {
        let clock = Clock::Monotonic;
        (clock, clock.now().saturating_add(time))
    } else if by_date || command == linux::FUTEX_LOCK_PI {
        (Clock::Realtime, time)
    } else {
        (Clock::Monotonic, time)
    }))
}

/// FUTEX_WAIT. A signal handler ends a wait with a deadline; a wait without one may restart
/// (SA_RESTART).
fn wait(word: Word, expected: u32, bits: u32, deadline: Deadline) -> SysResult {
    if bits == 0 {
        return Err(Errno::EINVAL);
    }
    match (futex::wait(word, expected, bits, deadline), deadline) {
        (Err(Errno::EINTR), None) => Err(Errno::ERESTARTSYS),
        (Err(Errno::EINTR), Some((clock, time))) => {
            let mut how = u64::from(expected);
            if word.shared {
                how |= SHARED;
            }
            if clock == Clock::Realtime {
                how |= REALTIME;
            }
            let with = [word.at.address(), how, time, bits.into()];
            Err(restart::later(restart_wait, with))
        }
        (result, _) => result.map(|()| 0),
    }
}

/// Restarts an interrupted wait with the same deadline.
fn restart_wait([at, how, time, bits]: [u64; 4]) -> SysResult {
    let word = Word {
        at: UserPtr::new(at),
        shared: how & SHARED != 0,
    };
    let clock = if how & REALTIME != 0 {
        Clock::Realtime
    } else {
        Clock::Monotonic
    };
    wait(word, how as u32, bits as u32, Some((clock, time)))
}

/// The wait for a PI lock restarts after every signal handler, with or without SA_RESTART.
fn restart_always(result: Result<(), Errno>) -> SysResult {
    match result {
        Err(Errno::EINTR) => Err(Errno::ERESTARTNOINTR),
        result => result.map(|()| 0),
    }
}

/// FUTEX_WAKE_OP's last argument, for a word of value `old`: the new value, and whether `old`
/// satisfies the comparison. As on Linux, an unknown comparison fails after the word has changed.
fn wake_op(how: u32, old: u32) -> (Option<u32>, Result<bool, Errno>) {
    // Operand and comparison value: twelve bits each, signed.
    let field = |shift: u32| ((how << (20 - shift)) as i32 >> 20) as u32;
    let mut operand = field(12);
    if how >> 28 & linux::FUTEX_OP_OPARG_SHIFT != 0 {
        operand = 1 << (operand & 31);
    }
    let new = match how >> 28 & 7 {
        linux::FUTEX_OP_SET => operand,
        linux::FUTEX_OP_ADD => old.wrapping_add(operand),
        linux::FUTEX_OP_OR => old | operand,
        linux::FUTEX_OP_ANDN => old & !operand,
        linux::FUTEX_OP_XOR => old ^ operand,
        _ => return (None, Err(Errno::ENOSYS)),
    };
    let (old, other) = (old as i32, field(0) as i32);
    let matches = match how >> 24 & 0xf {
        linux::FUTEX_OP_CMP_EQ => old == other,
        linux::FUTEX_OP_CMP_NE => old != other,
        linux::FUTEX_OP_CMP_LT => old < other,
        linux::FUTEX_OP_CMP_GE => old >= other,
        linux::FUTEX_OP_CMP_LE => old <= other,
        linux::FUTEX_OP_CMP_GT => old > other,
        _ => return (Some(new), Err(Errno::ENOSYS)),
    };
    (Some(new), Ok(matches))
}
