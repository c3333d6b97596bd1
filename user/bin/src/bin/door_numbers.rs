//! Rule 4: every number from -10 to 600, and extreme ones, through every door. A number that is
//! unassigned in Linux's table returns -ENOSYS; any other returns a result, whatever the arguments,
//! and the door still works. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use sys::numbers::GETPID;
use sys::{Door, Env, call, os, println};

sys::entry!(run);

const ENOSYS: isize = -38;

/// Numbers of the x86_64 table that are skipped: the calls would end, stop, fork or restart the
/// program, or change the machine.
const NOT_X86_64: &[i32] = &[
    15, // rt_sigreturn
    34, // pause
    37, // alarm
    56, 57, 58, 435, // clone, fork, vfork, clone3
    60, 231, // exit, exit_group
    62, 200, 234, // kill, tkill, tgkill
    130, // rt_sigsuspend
    135, // personality
    153, // vhangup
    162, // sync
    169, // reboot
    219, // restart_syscall
    335, 336, // uretprobe, uprobe: only valid in the kernel's trampolines
];

/// As [`NOT_X86_64`], for the i386 table.
const NOT_I386: &[i32] = &[
    0, // restart_syscall
    1, 252, // exit, exit_group
    2, 120, 190, 435, // fork, clone, vfork, clone3
    27,  // alarm
    29,  // pause
    36,  // sync
    37, 238, 270, // kill, tkill, tgkill
    69, 72, 179, // ssetmask, sigsuspend, rt_sigsuspend
    88,  // reboot
    111, // vhangup
    119, 173, // sigreturn, rt_sigreturn
    136, // personality
];

/// Gaps in the x86_64 table: unassigned in all versions of Linux, or removed.
fn unassigned_x86_64(number: i32) -> bool {
    matches!(number, 174 | 177 | 178 | 180..=185 | 205 | 211 | 214 | 215 | 236 | 340..=423 | 512.. | ..0)
}

/// Gaps in the i386 table.
fn unassigned_i386(number: i32) -> bool {
    matches!(number, 17 | 31 | 32 | 35 | 44 | 53 | 56 | 58 | 98 | 127 | 130 | 137 | 167 | 188 | 189 | 222
        | 223 | 251 | 273 | 285 | 387..=392 | 415 | 512.. | ..0)
}

fn run(_: &Env) -> i32 {
    let mut checks = Checks::default();
    let pid = os::getpid().cast_signed();
    for door in Door::usable() {
        let wide = door.number(GETPID) == GETPID.x86_64;
        let unassigned: fn(i32) -> bool = if wide {
            unassigned_x86_64
        } else {
            unassigned_i386
        };
        let skipped = if wide { NOT_X86_64 } else { NOT_I386 };
        // No valid descriptor, address or flags.
        let enter = |number: usize| {
            // SAFETY: with invalid arguments a call changes nothing of the program's.
            unsafe { call(door, number, [usize::MAX; 6]) }
        };
        let mut implemented = 0;
        for number in (-10..=600).filter(|number| !skipped.contains(number)) {
            let answer = enter(number as usize);
            if unassigned(number) {
                checks.equal(answer, ENOSYS, format_args!("{door}, number {number}"));
            }
            implemented += usize::from(answer != ENOSYS);
        }
        for number in [
            i32::MIN,
            i32::MIN + 1,
            i32::MAX,
            i32::MAX - 1,
            1 << 16,
            1 << 24,
            1 << 30,
        ] {
            checks.equal(
                enter(number as usize),
                ENOSYS,
                format_args!("{door}, number {number}"),
            );
        }
        // Bit 30 selects the x32 ABI, which isn't supported.
        for number in 0..600 {
            checks.equal(
                enter(number | 1 << 30),
                ENOSYS,
                format_args!("{door}, number {number} with bit 30"),
            );
        }
        // The number is the register's low 32 bits.
        #[cfg(target_arch = "x86_64")]
        for high in [1 << 32, 1 << 63, 0xffff_ffff << 32] {
            let number = door.number(GETPID) | high;
            checks.equal(
                enter(number),
                pid,
                format_args!("{door}, getpid with high bits {high:#x}"),
            );
            checks.equal(
                enter(100_000 | high),
                ENOSYS,
                format_args!("{door}, 100000 with high bits {high:#x}"),
            );
        }
        checks.equal(
            enter(door.number(GETPID)),
            pid,
            format_args!("{door}, getpid after all numbers"),
        );
        println!("{door}: {implemented} numbers implemented");
    }
    checks.status()
}
