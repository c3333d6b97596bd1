//! What the functions return: right times, real errors, and nothing at all where NULL is given.

use crate::program::{Program, low};
use std::arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use vdso::images::{GETCPU_RDPID, vdso32, vdso64};
use vdso::math::{NANOS_PER_SEC, Time, far, mult_for};
use vdso::page::{MODE_RDTSC, MODE_RDTSCP, MODE_SYSCALL};
use vdso::reader::{BOOTTIME, MONOTONIC, MONOTONIC_COARSE, MONOTONIC_RAW, REALTIME, REALTIME_COARSE, TAI};
use vdso::writer::Timekeeper;

const TICK: u32 = 10_000_000;
const COUNTING: [usize; 5] = [REALTIME, MONOTONIC, MONOTONIC_RAW, BOOTTIME, TAI];

fn tsc() -> u64 {
    // SAFETY: reads a counter; every x86_64 has both instructions.
    unsafe {
        _mm_lfence();
        let cycle = _rdtsc();
        _mm_lfence();
        cycle
    }
}

fn both(test: impl Fn(Program)) {
    for bits in [64, 32] {
        test(Program::load(bits));
    }
}

/// A page of a counter at a round rate whose base is `ago` cycles back.
fn publish(program: &Program, mode: u32, ago: u64) -> Timekeeper {
    let mut keeper = Timekeeper::new(tsc().wrapping_sub(ago), mult_for(2_000_000_000).unwrap(), mode);
    keeper.set_realtime(0, Time { seconds: 1_700_000_000, nanos: 999_999_999 });
    keeper.set_tai(37);
    keeper.publish(program.page, TICK);
    keeper
}

/// Calls clock_gettime of this width, and clock_gettime64 where there is one.
fn gettime(program: &Program, id: i32) -> Result<Time, i32> {
    let result = low([-1i64; 2]);
    let to = std::ptr::from_mut(result) as usize;
    let status = program.call_int("__vdso_clock_gettime", [id as usize, to, 0]);
    if program.bits == 64 {
        return if status == 0 { Ok(Time { seconds: result[0], nanos: result[1] as u32 }) } else { Err(status) };
    }
    let narrow = result[0];
    result[0] = -1;
    assert_eq!(program.call_int("__vdso_clock_gettime64", [id as usize, to, 0]), status);
    if status != 0 {
        return Err(status);
    }
    let (short, wide) = (i64::from(narrow as i32), result[0]);
    assert!(wide - short <= 1 && short <= wide, "{short} {wide}");
    Ok(Time { seconds: result[0], nanos: u32::try_from(result[1]).unwrap() })
}

/// The value of a clock at counter value `cycle`, by the page, in 128 bits.
fn expected(program: &Program, id: usize, cycle: u64) -> Time {
    let clock = &program.page.clocks[id];
    let delta = (cycle.wrapping_sub(program.page.cycle.get()) as i64).max(0) as u128;
    let nanos = (delta * u128::from(clock.mult.get()) + u128::from(clock.nanos.get())) >> 28;
    let second = u128::from(NANOS_PER_SEC);
    Time { seconds: clock.seconds.get() as i64 + (nanos / second) as i64, nanos: (nanos % second) as u32 }
}

#[test]
fn counting_clocks_lie_between_two_readings_of_the_counter() {
    both(|program| {
        for mode in [MODE_RDTSCP, MODE_RDTSC] {
            // Near the base, seconds past it, and far past a 32-bit number of cycles.
            for ago in [0, 1_000_000, 7_000_000_000, 1 << 45, 1 << 60] {
                publish(&program, mode, ago);
                for id in COUNTING {
                    let before = expected(&program, id, tsc());
                    let time = gettime(&program, id as i32).unwrap();
                    let after = expected(&program, id, tsc());
                    assert!(before <= time && time <= after, "{id}: {before:?} {time:?} {after:?}");
                }
            }
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
fn a_counter_behind_the_base_counts_as_the_base() {
    both(|program| {
        let keeper = publish(&program, MODE_RDTSCP, (1u64 << 40).wrapping_neg());
        assert_eq!(gettime(&program, MONOTONIC as i32), Ok(keeper.at_base(MONOTONIC).unwrap()));
        assert_eq!(gettime(&program, REALTIME as i32), Ok(keeper.at_base(REALTIME).unwrap()));
    });
}

#[test]
fn coarse_clocks_are_the_last_tick() {
    both(|program| {
        let keeper = publish(&program, MODE_RDTSCP, 1_000_000);
        assert_eq!(gettime(&program, REALTIME_COARSE as i32), Ok(keeper.at_base(REALTIME).unwrap()));
        assert_eq!(gettime(&program, MONOTONIC_COARSE as i32), Ok(keeper.at_base(MONOTONIC).unwrap()));
        let result = low(0usize);
        let to = std::ptr::from_mut(result) as usize;
        assert_eq!(program.call("__vdso_time", [to, 0, 0]) as i64, keeper.at_base(REALTIME).unwrap().seconds);
        assert_eq!(*result as i64, keeper.at_base(REALTIME).unwrap().seconds);
        assert_eq!(program.call("__vdso_time", [0; 3]) as i64, keeper.at_base(REALTIME).unwrap().seconds);
    });
}

#[test]
fn a_reader_waits_for_the_writer() {
    both(|program| {
        let old = publish(&program, MODE_RDTSCP, 0);
        // SAFETY: the page's first word is its sequence counter, an atomic.
        let sequence = unsafe { &*std::ptr::from_ref(program.page).cast::<AtomicU32>() };
        for id in [MONOTONIC, MONOTONIC_COARSE] {
            sequence.fetch_add(1, Ordering::SeqCst);
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let time = gettime(&program, id as i32).unwrap();
                    done.store(true, Ordering::SeqCst);
                    time
                });
                std::thread::sleep(std::time::Duration::from_millis(30));
                assert!(!done.load(Ordering::SeqCst), "clock {id} was read while it was written");
                program.page.clocks[id].seconds.set(12_345);
                sequence.fetch_add(1, Ordering::SeqCst);
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

#[test]
fn other_clocks_are_the_kernels() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 0);
        for id in [2, 3] {
            assert!(gettime(&program, id).unwrap().nanos < NANOS_PER_SEC, "CPU time {id}");
        }
        // No such clock: the kernel's -EINVAL, as a return value.
        for id in [10, 12, 16, 17, 1 << 20, i32::MAX, i32::MIN, -100_003] {
            assert_eq!(gettime(&program, id), Err(-libc::EINVAL), "clock {id}");
            assert_eq!(program.call_int("__vdso_clock_getres", [id as usize, 0, 0]), -libc::EINVAL, "clock {id}");
        }
        // A process's CPU-time clock has a negative id.
        let own = !0 << 3 | 2;
        assert!(gettime(&program, own).is_ok());
    });
}

#[test]
fn without_a_counter_everything_is_the_kernels() {
    both(|program| {
        publish(&program, MODE_SYSCALL, 0);
        for id in COUNTING {
            let mut real = [0i64; 2];
            // SAFETY: a timespec of this layout.
            unsafe { libc::clock_gettime(id as i32, std::ptr::from_mut(&mut real).cast()) };
            let time = gettime(&program, id as i32).unwrap();
            let ahead = (time.seconds - real[0]) * 1_000_000_000 + i64::from(time.nanos) - real[1];
            assert!((0..1_000_000_000).contains(&ahead), "clock {id} is {ahead} ns ahead");
        }
        let time = low([0usize; 2]);
        assert_eq!(program.call_int("__vdso_gettimeofday", [std::ptr::from_mut(time) as usize, 0, 0]), 0);
        assert!(time.iter().any(|word| *word != 0));
    });
}

#[test]
fn getres() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 0);
        let result = low([usize::MAX; 2]);
        let to = std::ptr::from_mut(result) as usize;
        for (id, nanos) in COUNTING.map(|id| (id, 1)).into_iter().chain([(5, TICK), (6, TICK)]) {
            assert_eq!(program.call_int("__vdso_clock_getres", [id, 0, 0]), 0);
            assert_eq!(program.call_int("__vdso_clock_getres", [id, to, 0]), 0);
            let (seconds, rest) = pair(&program, result);
            assert_eq!((seconds, rest), (0, nanos.into()), "clock {id}");
        }
    });
}

/// Two words of the program's width.
fn pair(program: &Program, words: &[usize; 2]) -> (i64, i64) {
    if program.bits == 64 { (words[0] as i64, words[1] as i64) } else { ((words[0] as i32).into(), (words[0] >> 32) as i64) }
}

#[test]
fn gettimeofday_takes_null() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 1000);
        program.page.minutes_west.set(-60i32 as u32);
        program.page.dst_time.set(1);
        let (time, zone) = (low([0usize; 2]), low([7i32; 2]));
        let (time_at, zone_at) = (std::ptr::from_mut(time) as usize, std::ptr::from_mut(zone) as usize);
        for (time_to, zone_to) in [(0, 0), (time_at, 0), (0, zone_at), (time_at, zone_at)] {
            (*time, *zone) = ([0; 2], [7; 2]);
            let before = expected(&program, REALTIME, tsc());
            assert_eq!(program.call_int("__vdso_gettimeofday", [time_to, zone_to, 0]), 0);
            let after = expected(&program, REALTIME, tsc());
            if time_to != 0 {
                let (seconds, micros) = pair(&program, time);
                let got = Time { seconds, nanos: micros as u32 * 1000 };
                let before = Time { nanos: before.nanos / 1000 * 1000, ..before };
                assert!(before <= got && got <= after, "{before:?} {got:?} {after:?}");
            }
            assert_eq!(*zone, if zone_to == 0 { [7; 2] } else { [-60, 1] });
        }
    });
}

#[test]
fn getcpu_by_register_and_by_segment_limit() {
    // SAFETY: asks about and pins this thread only; the set is a plain bit mask.
    let cpu = unsafe {
        let cpu = libc::sched_getcpu();
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu as usize, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &set), 0);
        cpu as u32
    };
    let rdpid = raw_rdpid();
    both(|program| {
        for by_register in [false, true] {
            if by_register && !rdpid {
                continue;
            }
            if by_register {
                let site = if program.bits == 64 { vdso64::VDSO_GETCPU_SITE } else { vdso32::VDSO_GETCPU_SITE };
                program.patch(site, &GETCPU_RDPID);
            }
            let (to, node) = (low(u32::MAX), low(u32::MAX));
            let at = [std::ptr::from_mut(to) as usize, std::ptr::from_mut(node) as usize, 0];
            assert_eq!(program.call_int("__vdso_getcpu", at), 0);
            assert_eq!(*to, cpu, "by register: {by_register}");
            assert!(*node < 1024);
            assert_eq!(program.call_int("__vdso_getcpu", [0; 3]), 0);
        }
    });
}

/// CPUID leaf 7: does this host have RDPID?
fn raw_rdpid() -> bool {
    std::arch::x86_64::__cpuid_count(7, 0).ecx & 1 << 22 != 0
}

#[test]
fn a_bad_pointer_is_the_programs_sigsegv() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 0);
        for (name, arguments) in [
            ("__vdso_clock_gettime", [1, 8, 0]),
            ("__vdso_clock_gettime", [1, 0, 0]),
            ("__vdso_clock_getres", [1, 8, 0]),
            ("__vdso_gettimeofday", [8, 0, 0]),
            ("__vdso_gettimeofday", [0, 8, 0]),
            ("__vdso_time", [8, 0, 0]),
            ("__vdso_getcpu", [8, 0, 0]),
        ] {
            // SAFETY: the child makes the one call and exits; nothing of this process is shared.
            let status = unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::signal(libc::SIGSEGV, libc::SIG_DFL);
                    program.call(name, arguments);
                    libc::_exit(0);
                }
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                status
            };
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV, "{name} {status:#x}");
        }
    });
}

#[test]
fn the_readers_rare_path_is_the_writers() {
    // A sanity check of the check: `far` and the 128-bit formula above agree on this machine.
    let program = Program::load(64);
    publish(&program, MODE_RDTSCP, 0);
    let clock = &program.page.clocks[MONOTONIC];
    let span = far(1 << 50, clock.mult.get(), clock.nanos.get());
    assert_eq!(span, expected(&program, MONOTONIC, program.page.cycle.get() + (1 << 50)));
    // SAFETY: reads a counter.
    assert!(unsafe { __rdtscp(&mut 0) } > 0);
}
