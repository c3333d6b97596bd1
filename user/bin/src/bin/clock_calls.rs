//! The time system calls: their errors, and the minimum duration of sleeps. Expected: exit 0.
//! (`vdso_calls` compares them with the vDSO.)
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ptr;

use programs::check::Checks;
use sys::numbers::{self, ABSENT, Call};
use sys::{Door, Env, call};

sys::entry!(run);

const NANOSLEEP: Call = Call {
    x86_64: 35,
    i386: 162,
};
const SETTIMEOFDAY: Call = Call {
    x86_64: 164,
    i386: 79,
};
const CLOCK_SETTIME: Call = Call {
    x86_64: 227,
    i386: 264,
};
const CLOCK_NANOSLEEP: Call = Call {
    x86_64: 230,
    i386: 267,
};
const CLOCK_NANOSLEEP64: Call = Call {
    x86_64: ABSENT,
    i386: 407,
};

const EFAULT: isize = -14;
const EINVAL: isize = -22;
const EOPNOTSUPP: isize = -95;

const TIMER_ABSTIME: usize = 1;
const REALTIME: usize = 0;
const MONOTONIC: usize = 1;
/// The clocks that clock_nanosleep supports: REALTIME, MONOTONIC, BOOTTIME, TAI.
const SLEEPING: [usize; 4] = [0, 1, 7, 11];
/// The clocks it doesn't: the thread's CPU time, MONOTONIC_RAW and the two coarse ones.
const SLEEPLESS: [usize; 4] = [3, 4, 5, 6];
/// Invalid clock ids.
const NONE: [usize; 4] = [10, 12, 99, i32::MAX as usize];
/// An address that no program can access.
const BAD: usize = usize::MAX - 0xfff;
/// Two and a half ticks, in nanoseconds.
const SHORT: isize = 25_000_000;

/// struct timespec in this program's width.
type Timespec = [isize; 2];

fn run(_: &Env) -> i32 {
    let mut checks = Checks::default();
    reading(&mut checks);
    setting(&mut checks);
    refused_sleeps(&mut checks);
    sleeping(&mut checks);
    if Door::NATIVE.number(CLOCK_NANOSLEEP64) != ABSENT {
        wide_sleep(&mut checks);
    }
    checks.status()
}

fn enter(which: Call, args: [usize; 4]) -> isize {
    let [a, b, c, d] = args;
    // SAFETY: the addresses are null, invalid, or those of variables that the call may write.
    unsafe { call(Door::NATIVE, Door::NATIVE.number(which), [a, b, c, d, 0, 0]) }
}

fn address<T>(value: &T) -> usize {
    ptr::from_ref(value) as usize
}

fn nanoseconds([seconds, nanos]: Timespec) -> i64 {
    seconds as i64 * 1_000_000_000 + nanos as i64
}

fn now(id: usize) -> Timespec {
    let mut time: Timespec = [0; 2];
    enter(
        numbers::CLOCK_GETTIME,
        [id, ptr::from_mut(&mut time) as usize, 0, 0],
    );
    time
}

fn reading(checks: &mut Checks) {
    for id in NONE {
        for which in [numbers::CLOCK_GETTIME, numbers::CLOCK_GETRES] {
            checks.equal(
                enter(which, [id, BAD, 0, 0]),
                EINVAL,
                format_args!("clock {id}"),
            );
        }
        checks.equal(
            enter(numbers::CLOCK_GETRES, [id, 0, 0, 0]),
            EINVAL,
            format_args!("clock {id}"),
        );
    }
    for bad in [BAD, 8] {
        for id in [0, 1, 2, 3, 4, 5, 6, 7, 11] {
            for which in [numbers::CLOCK_GETTIME, numbers::CLOCK_GETRES] {
                checks.equal(
                    enter(which, [id, bad, 0, 0]),
                    EFAULT,
                    format_args!("clock {id} to {bad:#x}"),
                );
            }
        }
        for args in [[bad, 0, 0, 0], [0, bad, 0, 0]] {
            checks.equal(
                enter(numbers::GETTIMEOFDAY, args),
                EFAULT,
                format_args!("gettimeofday {args:x?}"),
            );
            checks.equal(
                enter(numbers::GETCPU, args),
                EFAULT,
                format_args!("getcpu {args:x?}"),
            );
        }
        checks.equal(
            enter(numbers::TIME, [bad, 0, 0, 0]),
            EFAULT,
            format_args!("time to {bad:#x}"),
        );
    }
    checks.equal(
        enter(numbers::CLOCK_GETTIME, [MONOTONIC, 0, 0, 0]),
        EFAULT,
        format_args!("clock_gettime to null"),
    );
    checks.equal(
        enter(numbers::GETTIMEOFDAY, [0; 4]),
        0,
        format_args!("gettimeofday with null pointers"),
    );
}

/// None of these calls sets a clock.
fn setting(checks: &mut Checks) {
    for id in (1..8).chain([11]).chain(NONE) {
        let date: Timespec = [1_700_000_000, 0];
        checks.equal(
            enter(CLOCK_SETTIME, [id, address(&date), 0, 0]),
            EINVAL,
            format_args!("setting clock {id}"),
        );
    }
    checks.equal(
        enter(CLOCK_SETTIME, [REALTIME, BAD, 0, 0]),
        EFAULT,
        format_args!("clock_settime with a bad pointer"),
    );
    for bad in [[1_700_000_000, 1_000_000_000], [1_700_000_000, -1], [-1, 0]] {
        let date: Timespec = bad;
        checks.equal(
            enter(CLOCK_SETTIME, [REALTIME, address(&date), 0, 0]),
            EINVAL,
            format_args!("setting {bad:?}"),
        );
    }
    let micros: Timespec = [1_700_000_000, 1_000_001];
    checks.equal(
        enter(SETTIMEOFDAY, [address(&micros), 0, 0, 0]),
        EINVAL,
        format_args!("settimeofday"),
    );
    checks.equal(
        enter(SETTIMEOFDAY, [BAD, 0, 0, 0]),
        EFAULT,
        format_args!("settimeofday with a bad pointer"),
    );
    checks.equal(
        enter(SETTIMEOFDAY, [0; 4]),
        0,
        format_args!("settimeofday with null pointers"),
    );
}

fn refused_sleeps(checks: &mut Checks) {
    for bad in [[0, 1_000_000_000], [0, -1], [-1, 0], [isize::MIN, 0]] {
        let span: Timespec = bad;
        let at = address(&span);
        checks.equal(
            enter(NANOSLEEP, [at, 0, 0, 0]),
            EINVAL,
            format_args!("sleeping for {bad:?}"),
        );
        for flags in [0, TIMER_ABSTIME] {
            let result = enter(CLOCK_NANOSLEEP, [MONOTONIC, flags, at, 0]);
            checks.equal(
                result,
                EINVAL,
                format_args!("sleeping for {bad:?}, flags {flags}"),
            );
        }
    }
    checks.equal(
        enter(NANOSLEEP, [BAD, 0, 0, 0]),
        EFAULT,
        format_args!("nanosleep with a bad pointer"),
    );
    for id in SLEEPLESS {
        let result = enter(CLOCK_NANOSLEEP, [id, 0, BAD, 0]);
        checks.equal(result, EOPNOTSUPP, format_args!("sleeping on clock {id}"));
    }
    for id in NONE {
        let result = enter(CLOCK_NANOSLEEP, [id, 0, BAD, 0]);
        checks.equal(result, EINVAL, format_args!("sleeping on clock {id}"));
    }
}

fn sleeping(checks: &mut Checks) {
    let nothing: Timespec = [0; 2];
    checks.equal(
        enter(NANOSLEEP, [address(&nothing), 0, 0, 0]),
        0,
        format_args!("sleeping for 0 ns"),
    );
    for id in SLEEPING {
        for flags in [0, TIMER_ABSTIME] {
            let start = now(id);
            let mut until: Timespec = [0, SHORT];
            if flags == TIMER_ABSTIME {
                until = [start[0], start[1] + SHORT];
                if until[1] >= 1_000_000_000 {
                    until = [until[0] + 1, until[1] - 1_000_000_000];
                }
            }
            let result = enter(CLOCK_NANOSLEEP, [id, flags, address(&until), 0]);
            let slept = nanoseconds(now(id)) - nanoseconds(start);
            checks.equal(
                result,
                0,
                format_args!("sleeping on clock {id}, flags {flags}"),
            );
            checks.that(
                slept >= SHORT as i64,
                format_args!("clock {id}, flags {flags}: slept {slept} ns"),
            );
            // A time in the past: the call returns at once.
            let result = enter(CLOCK_NANOSLEEP, [id, TIMER_ABSTIME, address(&start), 0]);
            checks.equal(
                result,
                0,
                format_args!("sleeping until the past on clock {id}"),
            );
        }
    }
    let (start, span) = (now(MONOTONIC), [0, SHORT]);
    checks.equal(
        enter(NANOSLEEP, [address(&span), 0, 0, 0]),
        0,
        format_args!("nanosleep"),
    );
    let slept = nanoseconds(now(MONOTONIC)) - nanoseconds(start);
    checks.that(
        slept >= SHORT as i64,
        format_args!("nanosleep slept {slept} ns"),
    );
}

/// 64-bit times in a 32-bit program: the upper half of `tv_nsec` is padding.
fn wide_sleep(checks: &mut Checks) {
    let padding = 0x5555_5555_i64 << 32;
    let span = [0, SHORT as i64 | padding];
    let start = now(MONOTONIC);
    let result = enter(CLOCK_NANOSLEEP64, [MONOTONIC, 0, address(&span), 0]);
    let slept = nanoseconds(now(MONOTONIC)) - nanoseconds(start);
    checks.equal(result, 0, format_args!("clock_nanosleep_time64"));
    checks.that(
        slept >= SHORT as i64,
        format_args!("clock_nanosleep_time64 slept {slept} ns"),
    );
}
