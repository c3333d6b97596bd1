//! A reader that a write interrupts, at each of its instructions in turn: the result is of the old
//! page or of the new one, never of parts of both.

use crate::clock::{TICK, both, expected, tsc};
use crate::program::{Program, low};
use crate::steps::trace;
use vdso::math::{Time, mult_for};
use vdso::page::MODE_RDTSCP;
use vdso::reader::{MONOTONIC, REALTIME, REALTIME_COARSE};
use vdso::writer::Timekeeper;

/// Two pages that differ in all fields of a clock: a value made of fields of both is off by a tenth
/// of a second at least.
fn keepers() -> [Timekeeper; 2] {
    let now = tsc();
    let keeper = |ago: u64, hertz, seconds, nanos| {
        let mut keeper = Timekeeper::new(now - ago, mult_for(hertz).unwrap(), MODE_RDTSCP);
        keeper.set_realtime(now - ago, Time { seconds, nanos });
        keeper
    };
    let old = keeper(400_000_000, 2_000_000_000, 1_700_000_000, 300_000_000);
    let mut new = keeper(900_000_000, 1_500_000_000, 2_000_000_000, 700_000_000);
    // The monotonic clocks differ too.
    new.advance(now - 100_000_000);
    [old, new]
}

/// The clock's value, in nanoseconds.
fn at(program: &Program, id: usize, cycle: u64) -> i128 {
    let time = if id == REALTIME_COARSE {
        let clock = &program.page.clocks[id];
        Time {
            seconds: clock.seconds.get() as i64,
            nanos: clock.nanos.low(),
        }
    } else {
        expected(program, id, cycle)
    };
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

#[test]
fn a_write_at_any_instruction_leaves_no_torn_time() {
    both(|program| {
        let result = low([0u64; 2]);
        let to = std::ptr::from_mut(result) as usize;
        let mut calls = vec![
            ("__vdso_clock_gettime", [MONOTONIC, to, 0], MONOTONIC),
            ("__vdso_clock_gettime", [REALTIME, to, 0], REALTIME),
            (
                "__vdso_clock_gettime",
                [REALTIME_COARSE, to, 0],
                REALTIME_COARSE,
            ),
            ("__vdso_gettimeofday", [to, 0, 0], REALTIME),
        ];
        if program.bits == 32 {
            calls.push(("__vdso_clock_gettime64", [REALTIME, to, 0], REALTIME));
        }
        for (name, arguments, id) in calls {
            let micros = name == "__vdso_gettimeofday";
            for moment in 0.. {
                let [old, new] = keepers();
                old.publish(program.page, TICK);
                let start = tsc();
                // The old page's value is between these, if it is its.
                let mut bounds = vec![[at(&program, id, start), 0]];
                let mut step = 0;
                trace(&program, name, arguments, |_, _| {
                    if step == moment {
                        bounds[0][1] = at(&program, id, tsc());
                        new.publish(program.page, TICK);
                        bounds.push([at(&program, id, start), 0]);
                    }
                    step += 1;
                });
                let last = bounds.len() - 1;
                bounds[last][1] = at(&program, id, tsc());
                let words: [u64; 2] = *result;
                let (seconds, rest) = match (program.bits, name) {
                    (32, "__vdso_clock_gettime64") | (64, _) => (words[0], words[1]),
                    _ => (words[0] & 0xffff_ffff, words[0] >> 32),
                };
                let unit = if micros { 1000 } else { 1 };
                let found = i128::from(seconds) * 1_000_000_000 + i128::from(rest) * unit;
                assert!(
                    bounds
                        .iter()
                        .any(|[least, most]| (least - least % unit..=*most).contains(&found)),
                    "{}-bit {name}({id}), a write at instruction {moment}: {found} of {bounds:?}",
                    program.bits
                );
                // The call ended before this instruction: no write.
                if step <= moment {
                    break;
                }
            }
        }
    });
}
