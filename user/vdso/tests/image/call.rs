//! Results of the functions: errors, results with NULL pointers, and bad pointers.

use crate::clock::{COUNTING, TICK, both, expected, gettime, publish, tsc};
use crate::program::{Program, low};
use vdso::images::{GETCPU_RDPID, vdso32, vdso64};
use vdso::math::{NANOS_PER_SEC, Time};
use vdso::page::{MODE_RDTSC, MODE_RDTSCP, MODE_SYSCALL};
use vdso::reader::REALTIME;

#[test]
fn other_clocks_enter_the_kernel() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 0);
        for id in [2, 3] {
            assert!(
                gettime(&program, id).unwrap().nanos < NANOS_PER_SEC,
                "CPU time {id}"
            );
        }
        // Invalid clocks: the functions return the kernel's -EINVAL.
        for id in [10, 12, 16, 17, 1 << 20, i32::MAX, i32::MIN, -100_003] {
            assert_eq!(gettime(&program, id), Err(-libc::EINVAL), "clock {id}");
            assert_eq!(
                program.call_int("__vdso_clock_getres", [id as usize, 0, 0]),
                -libc::EINVAL,
                "clock {id}"
            );
        }
        // A process's CPU-time clock has a negative id.
        let own = !0 << 3 | 2;
        assert!(gettime(&program, own).is_ok());
    });
}

#[test]
fn without_a_counter_all_calls_enter_the_kernel() {
    both(|program| {
        publish(&program, MODE_SYSCALL, 0);
        for id in COUNTING {
            let mut real = [0i64; 2];
            // SAFETY: a timespec of this layout.
            unsafe { libc::clock_gettime(id as i32, std::ptr::from_mut(&mut real).cast()) };
            let time = gettime(&program, id as i32).unwrap();
            let ahead = (time.seconds - real[0]) * 1_000_000_000 + i64::from(time.nanos) - real[1];
            assert!(
                (0..1_000_000_000).contains(&ahead),
                "clock {id} is {ahead} ns ahead"
            );
        }
        let time = low([0usize; 2]);
        assert_eq!(
            program.call_int(
                "__vdso_gettimeofday",
                [std::ptr::from_mut(time) as usize, 0, 0]
            ),
            0
        );
        assert!(time.iter().any(|word| *word != 0));
    });
}

#[test]
fn getres() {
    both(|program| {
        publish(&program, MODE_RDTSCP, 0);
        let result = low([usize::MAX; 2]);
        let to = std::ptr::from_mut(result) as usize;
        for (id, nanos) in COUNTING
            .map(|id| (id, 1))
            .into_iter()
            .chain([(5, TICK), (6, TICK)])
        {
            assert_eq!(program.call_int("__vdso_clock_getres", [id, 0, 0]), 0);
            assert_eq!(program.call_int("__vdso_clock_getres", [id, to, 0]), 0);
            let (seconds, rest) = pair(&program, result);
            assert_eq!((seconds, rest), (0, nanos.into()), "clock {id}");
        }
    });
}

/// Two words of the program's width.
fn pair(program: &Program, words: &[usize; 2]) -> (i64, i64) {
    if program.bits == 64 {
        (words[0] as i64, words[1] as i64)
    } else {
        ((words[0] as i32).into(), (words[0] >> 32) as i64)
    }
}

#[test]
fn gettimeofday_with_null() {
    both(|program| {
        program.page.minutes_west.set(-60i32 as u32);
        program.page.dst_time.set(1);
        let (time, zone) = (low([0usize; 2]), low([7i32; 2]));
        let (time_at, zone_at) = (
            std::ptr::from_mut(time) as usize,
            std::ptr::from_mut(zone) as usize,
        );
        let pointers = [(0, 0), (time_at, 0), (0, zone_at), (time_at, zone_at)];
        // By both instructions, in the first second after the base, with whole seconds to carry,
        // and beyond the multiplier's range.
        let ages = [1000, 3_000_000_000, 1 << 45];
        let rows = [MODE_RDTSCP, MODE_RDTSC]
            .into_iter()
            .flat_map(|mode| ages.map(|ago| (mode, ago)))
            .flat_map(|row| pointers.map(|pointers| (row, pointers)));
        for ((mode, ago), (time_to, zone_to)) in rows {
            publish(&program, mode, ago);
            (*time, *zone) = ([0; 2], [7; 2]);
            let before = expected(&program, REALTIME, tsc());
            assert_eq!(
                program.call_int("__vdso_gettimeofday", [time_to, zone_to, 0]),
                0
            );
            let after = expected(&program, REALTIME, tsc());
            if time_to != 0 {
                let (seconds, micros) = pair(&program, time);
                let got = Time {
                    seconds,
                    nanos: micros as u32 * 1000,
                };
                let before = Time {
                    nanos: before.nanos / 1000 * 1000,
                    ..before
                };
                assert!(
                    before <= got && got <= after,
                    "{before:?} {got:?} {after:?}"
                );
            }
            assert_eq!(*zone, if zone_to == 0 { [7; 2] } else { [-60, 1] });
        }
    });
}

#[test]
fn getcpu_by_register_and_by_segment_limit() {
    // SAFETY: pins only this thread; the set is a plain bit mask.
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
                let site = if program.bits == 64 {
                    vdso64::VDSO_GETCPU_SITE
                } else {
                    vdso32::VDSO_GETCPU_SITE
                };
                program.patch(site, &GETCPU_RDPID);
            }
            let (to, node) = (low(u32::MAX), low(u32::MAX));
            let at = [
                std::ptr::from_mut(to) as usize,
                std::ptr::from_mut(node) as usize,
                0,
            ];
            assert_eq!(program.call_int("__vdso_getcpu", at), 0);
            // Linux's value: its node above its CPU.
            assert_eq!(*to & 0xfff, cpu, "by register: {by_register}");
            assert_eq!(*node, 0);
            assert_eq!(program.call_int("__vdso_getcpu", [0; 3]), 0);
        }
    });
}

#[test]
fn getcpu_is_the_whole_value_on_node_0() {
    both(|program| {
        let site = if program.bits == 64 {
            vdso64::VDSO_GETCPU_SITE
        } else {
            vdso32::VDSO_GETCPU_SITE
        };
        // mov eax, CPU 4095; a three-byte no-op.
        program.patch(site, &[0xb8, 0xff, 0x0f, 0, 0, 0x0f, 0x1f, 0x00]);
        let (cpu, node) = (low(7u32), low(7u32));
        let at = [
            std::ptr::from_mut(cpu) as usize,
            std::ptr::from_mut(node) as usize,
        ];
        for (cpu_to, node_to) in [(0, 0), (at[0], 0), (0, at[1]), (at[0], at[1])] {
            (*cpu, *node) = (7, 7);
            assert_eq!(program.call_int("__vdso_getcpu", [cpu_to, node_to, 0]), 0);
            assert_eq!(*cpu, if cpu_to == 0 { 7 } else { 4095 });
            assert_eq!(*node, if node_to == 0 { 7 } else { 0 });
        }
    });
}

/// Whether this host has RDPID, by CPUID leaf 7.
fn raw_rdpid() -> bool {
    std::arch::x86_64::__cpuid_count(7, 0).ecx & 1 << 22 != 0
}

#[test]
fn bad_pointers_raise_sigsegv() {
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
            // SAFETY: the child makes one call and exits; it shares nothing with this process.
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
            assert!(
                libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV,
                "{name} {status:#x}"
            );
        }
    });
}
