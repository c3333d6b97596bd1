//! Rules 22 to 24: the vDSO's functions return the same as the system calls, and don't enter the
//! kernel. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ptr;

use programs::check::Checks;
use programs::doors_file::{self, Counts};
use sys::numbers::{self, Call};
use sys::os::Timespec;
use sys::vdso::Vdso;
use sys::{Door, Env, call, cpu, println};

sys::entry!(run);

/// The clocks that the vDSO reads in user mode: REALTIME, MONOTONIC, MONOTONIC_RAW,
/// REALTIME_COARSE, MONOTONIC_COARSE, BOOTTIME, TAI.
const CLOCKS: [i32; 7] = [0, 1, 4, 5, 6, 7, 11];
/// The CPU time of the process and the thread, which only the kernel can read.
const CPU_CLOCKS: [i32; 2] = [2, 3];
/// Invalid clock ids, and ids that only some kernels support.
const OTHERS: [i32; 16] = [
    -1,
    -2,
    -3,
    -7,
    -8,
    -100,
    8,
    9,
    10,
    12,
    15,
    24,
    31,
    1 << 20,
    i32::MAX,
    i32::MIN,
];
/// Number of calls, none of which may enter the kernel.
const MANY: u32 = 1_000_000;

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    let Some(vdso) = Vdso::find(env) else {
        println!("BROKEN: no vDSO");
        return 1;
    };
    clocks(&mut checks, &vdso);
    resolutions(&mut checks, &vdso);
    time_of_day(&mut checks, &vdso);
    processor(&mut checks, &vdso);
    #[cfg(target_pointer_width = "32")]
    wide_seconds(&mut checks, &vdso);
    many(&mut checks, &vdso);
    checks.status()
}

/// Makes a system call with two arguments; returns its raw result.
fn entered(which: Call, first: usize, second: usize) -> i32 {
    // SAFETY: the callers pass null or the address of a variable that the call may write.
    unsafe {
        call(
            Door::NATIVE,
            Door::NATIVE.number(which),
            [first, second, 0, 0, 0, 0],
        ) as i32
    }
}

fn clocks(checks: &mut Checks, vdso: &Vdso) {
    let Some(clock_gettime) = vdso.clock_gettime else {
        return;
    };
    let read = |id: i32| {
        let mut now = Timespec { sec: -1, nsec: -1 };
        // SAFETY: the function writes one timespec, to `now`.
        let result = unsafe { clock_gettime(id, &mut now) };
        (result, now)
    };
    let read_entered = |id: i32| {
        let mut now = Timespec { sec: -1, nsec: -1 };
        (
            entered(
                numbers::CLOCK_GETTIME,
                id as usize,
                ptr::from_mut(&mut now) as usize,
            ),
            now,
        )
    };
    for id in CLOCKS.into_iter().chain(CPU_CLOCKS) {
        for _ in 0..200 {
            let (first, inside, last) = (read_entered(id), read(id), read_entered(id));
            let ordered = first.1 <= inside.1 && inside.1 <= last.1;
            let right = inside.0 == 0 && ordered && (0..1_000_000_000).contains(&inside.1.nsec);
            checks.that(
                right,
                format_args!("clock {id}: {first:?}, then {inside:?}, then {last:?}"),
            );
        }
    }
    for id in OTHERS {
        let (result, _) = read(id);
        checks.equal(
            result,
            read_entered(id).0,
            format_args!("clock {id}: the vDSO's result"),
        );
    }
}

fn resolutions(checks: &mut Checks, vdso: &Vdso) {
    let Some(clock_getres) = vdso.clock_getres else {
        return;
    };
    for id in CLOCKS.into_iter().chain(CPU_CLOCKS).chain(OTHERS) {
        let (mut called, mut wanted) = (Timespec::default(), Timespec::default());
        let address = ptr::from_mut(&mut wanted) as usize;
        let result = entered(numbers::CLOCK_GETRES, id as usize, address);
        // SAFETY: the function writes at most one timespec, to `called`.
        let (full, null) = unsafe {
            (
                clock_getres(id, &mut called),
                clock_getres(id, ptr::null_mut()),
            )
        };
        checks.equal(
            (full, called),
            (result, wanted),
            format_args!("resolution of clock {id}"),
        );
        checks.equal(null, result, format_args!("resolution of clock {id}, null"));
    }
}

fn time_of_day(checks: &mut Checks, vdso: &Vdso) {
    let (Some(gettimeofday), Some(time)) = (vdso.gettimeofday, vdso.time) else {
        return;
    };
    let read_entered = || {
        let mut now = [-1_isize; 2];
        entered(numbers::GETTIMEOFDAY, (&raw mut now).addr(), 0);
        now
    };
    let (mut now, mut zone) = ([-1; 2], [-1; 2]);
    let first = read_entered();
    // SAFETY: the function writes one timeval and one timezone, to `now` and `zone`.
    let result = unsafe { gettimeofday(&mut now, &mut zone) };
    let last = read_entered();
    checks.that(
        result == 0 && first <= now && now <= last,
        format_args!("{first:?}, then {now:?}, then {last:?}"),
    );
    let mut wanted = [-1_i32; 2];
    entered(numbers::GETTIMEOFDAY, 0, (&raw mut wanted).addr());
    checks.equal(zone, wanted, format_args!("time zone"));
    // SAFETY: the function writes to pointers that aren't null.
    let nulls = unsafe {
        [
            gettimeofday(ptr::null_mut(), ptr::null_mut()),
            gettimeofday(&mut now, ptr::null_mut()),
            gettimeofday(ptr::null_mut(), &mut zone),
        ]
    };
    checks.equal(
        nulls,
        [0; 3],
        format_args!("gettimeofday with null pointers"),
    );

    let mut stored = -1;
    let first = entered(numbers::TIME, 0, 0) as isize;
    // SAFETY: the function writes the seconds to `stored`, or only returns them.
    let (called, null) = unsafe { (time(&mut stored), time(ptr::null_mut())) };
    let last = entered(numbers::TIME, 0, 0) as isize;
    checks.equal(stored, called, format_args!("time's two results"));
    let ordered = first <= called && called <= null && null <= last;
    checks.that(
        ordered,
        format_args!("time: {first}, then {called}, {null}, then {last}"),
    );
}

fn processor(checks: &mut Checks, vdso: &Vdso) {
    let Some(getcpu) = vdso.getcpu else { return };
    // The process may migrate to another CPU between the two calls: one of many must agree.
    let mut agreed = false;
    for _ in 0..100 {
        let (mut called, mut wanted) = ([7_u32; 2], [8_u32; 2]);
        let [cpu, node] = &mut called;
        // SAFETY: the function writes one word to each pointer that isn't null.
        let results = unsafe {
            [
                getcpu(cpu, node, 0),
                getcpu(ptr::null_mut(), ptr::null_mut(), 0),
                getcpu(cpu, ptr::null_mut(), 0),
                getcpu(ptr::null_mut(), node, 0),
            ]
        };
        let (cpu, node) = (&raw mut wanted[0], &raw mut wanted[1]);
        let result = entered(numbers::GETCPU, cpu.addr(), node.addr());
        checks.equal(results, [result; 4], format_args!("getcpu"));
        // RDTSCP reads the same register as RDPID, which this CPU may lack.
        let same = rdtscp_aux().is_none_or(|aux| [aux & 0xfff, aux >> 12] == wanted);
        agreed |= called == wanted && same;
    }
    checks.that(
        agreed,
        format_args!("getcpu never agreed with the system call"),
    );
}

/// TSC_AUX, read by RDTSCP: cpu | node << 12; `None` on a CPU without it.
fn rdtscp_aux() -> Option<u32> {
    const RDTSCP: u32 = 1 << 27;
    let there =
        cpu::cpuid(0x8000_0000).eax > 0x8000_0000 && cpu::cpuid(0x8000_0001).edx & RDTSCP != 0;
    there.then(|| {
        let aux;
        // SAFETY: the CPU has the instruction; it only changes the three registers.
        unsafe { core::arch::asm!("rdtscp", out("eax") _, out("edx") _, out("ecx") aux) };
        aux
    })
}

/// The 32-bit image's function for 64-bit times.
#[cfg(target_pointer_width = "32")]
fn wide_seconds(checks: &mut Checks, vdso: &Vdso) {
    let Some(function) = vdso.clock_gettime64 else {
        return;
    };
    for id in CLOCKS.into_iter().chain(CPU_CLOCKS).chain(OTHERS) {
        let mut times = [[-1_i64; 2]; 3];
        let [first, now, last] = &mut times;
        let address = ptr::from_mut(first).addr();
        let wanted = entered(numbers::CLOCK_GETTIME64, id as usize, address);
        // SAFETY: the function writes one timespec with 64-bit fields, to `now`.
        let result = unsafe { function(id, now) };
        entered(
            numbers::CLOCK_GETTIME64,
            id as usize,
            ptr::from_mut(last).addr(),
        );
        checks.equal(result, wanted, format_args!("clock_gettime64, clock {id}"));
        checks.that(
            times.is_sorted(),
            format_args!("clock_gettime64, clock {id}: {times:?}"),
        );
    }
}

/// A million calls: time never runs backwards, and no call enters the kernel.
fn many(checks: &mut Checks, vdso: &Vdso) {
    let Some(clock_gettime) = vdso.clock_gettime else {
        return;
    };
    let mut backwards = 0;
    let mut work = || {
        let mut latest = [Timespec::default(); CLOCKS.len()];
        for call in 0..MANY as usize {
            let which = call % CLOCKS.len();
            let mut now = Timespec::default();
            // SAFETY: the function writes one timespec, to `now`.
            let result = unsafe { clock_gettime(CLOCKS[which], &mut now) };
            backwards += u32::from(result != 0 || now < latest[which]);
            latest[which] = now;
        }
    };
    if Counts::read().is_none() {
        println!("this kernel doesn't count entries");
        work();
    } else {
        // The counters are system-wide, and other processes may make system calls meanwhile: the
        // minimum counts. The vDSO's entries would be in every round.
        let mut fewest = None;
        for _ in 0..3 {
            let entries = doors_file::delta(&mut work).map(|counts| counts.total());
            fewest = fewest.min(entries).or(entries);
            if fewest == Some(0) {
                break;
            }
        }
        checks.equal(
            fewest,
            Some(0),
            format_args!("entries during {MANY} calls of the vDSO"),
        );
    }
    checks.equal(backwards, 0, format_args!("times that ran backwards"));
}
