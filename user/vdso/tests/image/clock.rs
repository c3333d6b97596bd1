//! A clock page like the kernel's, and the expected results of calls.

use crate::program::{Program, low};
use std::arch::x86_64::{_mm_lfence, _rdtsc};
use vdso::math::{NANOS_PER_SEC, Time, mult_for};
use vdso::reader::{BOOTTIME, MONOTONIC, MONOTONIC_RAW, REALTIME, TAI};
use vdso::writer::Timekeeper;

pub const TICK: u32 = 10_000_000;
pub const COUNTING: [usize; 5] = [REALTIME, MONOTONIC, MONOTONIC_RAW, BOOTTIME, TAI];

pub fn tsc() -> u64 {
    // SAFETY: reads a counter; every x86_64 has both instructions.
    unsafe {
        _mm_lfence();
        let cycle = _rdtsc();
        _mm_lfence();
        cycle
    }
}

pub fn both(test: impl Fn(Program)) {
    for bits in [64, 32] {
        test(Program::load(bits));
    }
}

/// Publishes a page whose base is `ago` cycles in the past, with a counter of 2 GHz.
pub fn publish(program: &Program, mode: u32, ago: u64) -> Timekeeper {
    let mut keeper = Timekeeper::new(
        tsc().wrapping_sub(ago),
        mult_for(2_000_000_000).unwrap(),
        mode,
    );
    keeper.set_realtime(
        0,
        Time {
            seconds: 1_700_000_000,
            nanos: 999_999_999,
        },
    );
    keeper.set_tai(37);
    keeper.publish(program.page, TICK);
    keeper
}

/// Calls clock_gettime, and clock_gettime64 in the 32-bit image.
pub fn gettime(program: &Program, id: i32) -> Result<Time, i32> {
    let result = low([-1i64; 2]);
    let to = std::ptr::from_mut(result) as usize;
    let status = program.call_int("__vdso_clock_gettime", [id as usize, to, 0]);
    if program.bits == 64 {
        return if status == 0 {
            Ok(Time {
                seconds: result[0],
                nanos: result[1] as u32,
            })
        } else {
            Err(status)
        };
    }
    let narrow = result[0];
    result[0] = -1;
    assert_eq!(
        program.call_int("__vdso_clock_gettime64", [id as usize, to, 0]),
        status
    );
    if status != 0 {
        return Err(status);
    }
    let (short, wide) = (i64::from(narrow as i32), result[0]);
    assert!(wide - short <= 1 && short <= wide, "{short} {wide}");
    Ok(Time {
        seconds: result[0],
        nanos: u32::try_from(result[1]).unwrap(),
    })
}

/// The value of a clock at counter value `cycle`, computed from the page in 128 bits.
pub fn expected(program: &Program, id: usize, cycle: u64) -> Time {
    let clock = &program.page.clocks[id];
    let delta = (cycle.wrapping_sub(program.page.cycle.get()) as i64).max(0) as u128;
    let nanos = (delta * u128::from(clock.mult.low()) + u128::from(clock.nanos.get())) >> 28;
    let second = u128::from(NANOS_PER_SEC);
    Time {
        seconds: clock.seconds.get() as i64 + (nanos / second) as i64,
        nanos: (nanos % second) as u32,
    }
}
