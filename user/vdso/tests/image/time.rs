//! clock_gettime and time: correct values for any counter, also during writes.

use crate::clock::{COUNTING, TICK, both, expected, gettime, publish, tsc};
use crate::program::low;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use vdso::math::{Time, mult_for};
use vdso::page::{MODE_RDTSC, MODE_RDTSCP};
use vdso::reader::{MONOTONIC, MONOTONIC_COARSE, MONOTONIC_RAW, REALTIME, REALTIME_COARSE};

#[test]
fn counting_clocks_are_between_two_counter_readings() {
    both(|program| {
        for mode in [MODE_RDTSCP, MODE_RDTSC] {
            let mut tried = 0;
            // At the base, seconds after it, and more than 2^32 cycles after it.
            for ago in [0, 1_000_000, 7_000_000_000, 1 << 45, 1 << 60] {
                publish(&program, mode, ago);
                for id in COUNTING {
                    let before = expected(&program, id, tsc());
                    let time = gettime(&program, id as i32).unwrap();
                    // The kernel's, for the system call.
                    let attempt = vdso::count::attempt(program.page, id as i32);
                    let after = expected(&program, id, tsc());
                    assert!(
                        before <= time && time <= after,
                        "{id}: {before:?} {time:?} {after:?}"
                    );
                    assert!(
                        attempt.is_none_or(|time| before <= time && time <= after),
                        "{id}: {before:?} {attempt:?} {after:?}"
                    );
                    tried += u32::from(attempt.is_some());
                }
            }
            assert!(tried > 0, "no attempt succeeds");
        }
    });
}

#[test]
fn raw_has_its_own_rate() {
    both(|program| {
        let mut keeper = publish(&program, MODE_RDTSCP, 0);
        keeper.set_mult(tsc(), mult_for(1_000_000_000).unwrap());
        keeper.publish(program.page, TICK);
        for id in [MONOTONIC, MONOTONIC_RAW] {
            let before = expected(&program, id, tsc());
            let time = gettime(&program, id as i32).unwrap();
            assert!(before <= time && time <= expected(&program, id, tsc()));
        }
    });
}

#[test]
fn a_counter_before_the_base_is_the_base() {
    both(|program| {
        let keeper = publish(&program, MODE_RDTSCP, (1u64 << 40).wrapping_neg());
        assert_eq!(
            gettime(&program, MONOTONIC as i32),
            Ok(keeper.at_base(MONOTONIC).unwrap())
        );
        assert_eq!(
            gettime(&program, REALTIME as i32),
            Ok(keeper.at_base(REALTIME).unwrap())
        );
    });
}

#[test]
fn coarse_clocks_are_the_last_tick() {
    both(|program| {
        let keeper = publish(&program, MODE_RDTSCP, 1_000_000);
        assert_eq!(
            gettime(&program, REALTIME_COARSE as i32),
            Ok(keeper.at_base(REALTIME).unwrap())
        );
        assert_eq!(
            gettime(&program, MONOTONIC_COARSE as i32),
            Ok(keeper.at_base(MONOTONIC).unwrap())
        );
        assert_eq!(
            vdso::count::attempt(program.page, MONOTONIC_COARSE as i32),
            Some(keeper.at_base(MONOTONIC).unwrap())
        );
        for id in [2, 3, 8, 9, 10, 12, -1, i32::MIN, i32::MAX] {
            assert_eq!(vdso::count::attempt(program.page, id), None);
        }
        let result = low(0usize);
        let to = std::ptr::from_mut(result) as usize;
        assert_eq!(
            program.call("__vdso_time", [to, 0, 0]) as i64,
            keeper.at_base(REALTIME).unwrap().seconds
        );
        assert_eq!(*result as i64, keeper.at_base(REALTIME).unwrap().seconds);
        assert_eq!(
            program.call("__vdso_time", [0; 3]) as i64,
            keeper.at_base(REALTIME).unwrap().seconds
        );
    });
}

#[test]
fn a_reader_waits_for_the_writer() {
    both(|program| {
        let old = publish(&program, MODE_RDTSCP, 0);
        // SAFETY: the page's first word is its count of writes, an atomic.
        let begun = unsafe { &*std::ptr::from_ref(program.page).cast::<AtomicU32>() };
        for id in [MONOTONIC, MONOTONIC_COARSE] {
            let write = begun.fetch_add(1, Ordering::SeqCst) + 1;
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let time = gettime(&program, id as i32).unwrap();
                    done.store(true, Ordering::SeqCst);
                    time
                });
                std::thread::sleep(std::time::Duration::from_millis(30));
                assert!(
                    !done.load(Ordering::SeqCst),
                    "clock {id} was read while it was written"
                );
                let clock = &program.page.clocks[id];
                clock.seconds.set(12_345);
                // SAFETY: the count of the clock's last write, an atomic.
                let written = unsafe { &*(&raw const clock.written).cast::<AtomicU32>() };
                written.store(write, Ordering::SeqCst);
                assert_eq!(reader.join().unwrap().seconds, 12_345);
            });
        }
        old.publish(program.page, TICK);
    });
}

#[test]
fn time_never_goes_backwards_under_a_busy_writer() {
    both(|program| {
        let mut keeper = publish(&program, MODE_RDTSCP, 0);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200_000 {
                    keeper.advance(tsc());
                    keeper.publish(program.page, TICK);
                }
                done.store(true, Ordering::Relaxed);
            });
            let mut last = Time::default();
            while !done.load(Ordering::Relaxed) {
                let time = gettime(&program, MONOTONIC as i32).unwrap();
                assert!(time >= last, "{last:?} then {time:?}");
                last = time;
            }
        });
    });
}
