//! Rules 5, 8 and 9: a call through a door changes only the result's register, and with `SYSCALL`
//! also `rcx` and `r11`, which must have the values that the CPU sets. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use programs::costs::MONOTONIC;
use programs::registers::{self, NAMES, Registers};
use sys::numbers::{CLOCK_GETTIME, GETPID};
use sys::os::{self, Timespec};
use sys::{Door, Env};

sys::entry!(run);

/// Result of clock_gettime; its address fits in 32 bits, for every door.
static mut PLACE: Timespec = Timespec { sec: 0, nsec: 0 };

fn run(_: &Env) -> i32 {
    let mut checks = Checks::default();
    let pid = os::getpid().cast_signed();
    let place = (&raw mut PLACE).addr();
    for door in Door::usable() {
        let getpid = door.number(GETPID);
        compare(&mut checks, door, "getpid", [getpid, 0xdead, 0xbeef], pid);
        compare(
            &mut checks,
            door,
            "a number out of range",
            [100_000, 1, 2],
            -38,
        );
        compare(&mut checks, door, "number -1", [usize::MAX, 1, 2], -38);
        let clock = door.number(CLOCK_GETTIME);
        compare(
            &mut checks,
            door,
            "clock_gettime",
            [clock, MONOTONIC as usize, place],
            0,
        );
        compare(
            &mut checks,
            door,
            "clock_gettime to address 1",
            [clock, MONOTONIC as usize, 1],
            -14,
        );
    }
    checks.status()
}

fn compare(checks: &mut Checks, door: Door, what: &str, call: [usize; 3], result: isize) {
    let before = Registers::pattern().with_call(door, call[0], &call[1..]);
    // SAFETY: the calls above write only `PLACE`, a struct of up to 16 bytes.
    let after = unsafe { registers::call(door, before) };
    checks.equal(
        after.general[0].cast_signed(),
        result,
        format_args!("{door}, {what}: result"),
    );
    for (index, name) in NAMES.iter().enumerate().skip(1) {
        let wanted = match (*name, clobbers(door)) {
            ("rcx", true) => after.after,
            ("r11", true) => after.flags,
            _ => before.general[index],
        };
        checks.equal(
            after.general[index],
            wanted,
            format_args!("{door}, {what}: {name}"),
        );
    }
    checks.equal(
        after.flags,
        before.flags,
        format_args!("{door}, {what}: flags"),
    );
}

/// Whether the door's instruction itself overwrites `rcx` and `r11`.
fn clobbers(door: Door) -> bool {
    match door {
        #[cfg(target_arch = "x86_64")]
        Door::Syscall => true,
        _ => false,
    }
}
