//! adjtimex(2) and clock_adjtime(2): the state of the clock, which is never synchronised.
//!
//! Left out: adjustment of the clock (`EOPNOTSUPP`).

use vdso::reader::REALTIME;

use super::argument::Word;
use super::cpu_clock::cpu_time;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::capability::capable;
use crate::time;
use crate::usercopy::UserPtr;

/// `modes` of adjtime(3)'s query (ADJ_OFFSET_SS_READ).
const SINGLE_SHOT_READ: u32 = 0xa001;
/// Status: not synchronised (STA_UNSYNC).
const UNSYNC: i64 = 0x40;
/// Result for a clock that is not synchronised (TIME_ERROR).
const ERROR: usize = 5;
/// Largest error (NTP_PHASE_LIMIT), in microseconds.
const LIMIT: i64 = 16_000_000;
/// Frequency tolerance: 500 ppm, with 16 fractional bits (MAXFREQ_SCALED).
const TOLERANCE: i64 = 500 << 16;

/// Number of struct timex's fields, which have the same order in all layouts.
const FIELDS: usize = 21;

/// adjtimex(2): writes the clock's state to a struct timex, which has `N` words.
pub fn adjtimex<W: Word, const N: usize>(at: UserPtr<[W; N]>) -> SysResult {
    let mut words = at.read()?;
    // The first field is an int in every layout; padding may follow it.
    let modes = at.cast::<u32>().read()?;
    if modes != 0 && modes != SINGLE_SHOT_READ {
        return Err(if capable(Caps::SYS_TIME) {
            Errno::EOPNOTSUPP
        } else {
            Errno::EPERM
        });
    }
    let now = time::now(REALTIME as i32).unwrap_or_default();
    let mut fields = [0; FIELDS];
    fields[0] = modes.into();
    // maxerror, esterror, status, constant, precision (us), tolerance.
    fields[3..9].copy_from_slice(&[LIMIT, LIMIT, UNSYNC, 2, 1, TOLERANCE]);
    // time, and microseconds of a clock tick (USER_HZ).
    fields[9..12].copy_from_slice(&[now.seconds, i64::from(now.nanos / 1000), 10_000]);
    for (to, field) in words.iter_mut().zip(fields) {
        *to = W::truncate(field as u64);
    }
    at.write(words)?;
    Ok(ERROR)
}

/// Checks that a clock can be adjusted: CLOCK_REALTIME is the only one.
///
/// # Errors
/// `EOPNOTSUPP`; `EINVAL` for an unknown clock.
fn check_clock(id: i32) -> Result<(), Errno> {
    if id == REALTIME as i32 {
        Ok(())
    } else if time::now(id).is_some() || cpu_time(id).is_ok() {
        Err(Errno::EOPNOTSUPP)
    } else {
        Err(Errno::EINVAL)
    }
}

/// clock_adjtime(2), and i386's clock_adjtime64(2).
pub fn clock_adjtime<W: Word, const N: usize>(id: i32, at: UserPtr<[W; N]>) -> SysResult {
    check_clock(id).and_then(|()| adjtimex(at))
}
