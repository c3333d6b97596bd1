//! Two processes with different segment selectors, bases and TLS segments yield to each other: each
//! has its own after every switch. (`door_vectors` is the test of vector registers.)
//! Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use sys::numbers::Call;
use sys::os::{self, Ending};
use sys::{Env, println};

sys::entry!(run);

const SCHED_YIELD: Call = Call {
    x86_64: 24,
    i386: 158,
};
/// Number of times that each process yields.
const TURNS: usize = 50;

fn run(_: &Env) -> i32 {
    let mut checks = Checks::default();
    let Ok(child) = os::fork() else {
        println!("can't fork");
        return 2;
    };
    let own = if child == 0 { 0x1111_1000 } else { 0x2222_2000 };
    let before = state::set(own);
    for turn in 0..TURNS {
        // SAFETY: touches no memory.
        let _ = unsafe { os::native(SCHED_YIELD, [0; 6]) };
        let now = state::get();
        if now != before {
            checks.equal(now, before, format_args!("{own:#x}, turn {turn}"));
        }
    }
    checks.that(
        before.contains(&own),
        format_args!("{own:#x} isn't in {before:x?}"),
    );
    let status = checks.status();
    if child == 0 {
        return status;
    }
    let ending = os::wait(child);
    checks.equal(ending, Ok(Ending::Exit(0)), format_args!("the child"));
    checks.status()
}

/// The bases of FS and GS, and the selectors of DS and ES.
#[cfg(target_arch = "x86_64")]
mod state {
    use core::arch::asm;

    use sys::numbers::ARCH_PRCTL;
    use sys::os;

    const ARCH_SET_GS: usize = 0x1001;
    const ARCH_SET_FS: usize = 0x1002;
    const ARCH_GET_FS: usize = 0x1003;
    const ARCH_GET_GS: usize = 0x1004;

    pub fn set(own: usize) -> [usize; 4] {
        let selector = if own & 0x1000_0000 != 0 { 0x2b } else { 0 };
        // SAFETY: 64-bit code doesn't use these registers, and the program has no thread-local
        // storage.
        unsafe {
            asm!("mov ds, {0:x}", "mov es, {0:x}", in(reg) selector);
            let _ = os::native(ARCH_PRCTL, [ARCH_SET_FS, own, 0, 0, 0, 0]);
            let _ = os::native(ARCH_PRCTL, [ARCH_SET_GS, own * 2, 0, 0, 0, 0]);
        }
        get()
    }

    pub fn get() -> [usize; 4] {
        let base = |code| {
            let mut base = usize::MAX;
            // SAFETY: the kernel writes one word, to `base`.
            let _ = unsafe { os::native(ARCH_PRCTL, [code, (&raw mut base).addr(), 0, 0, 0, 0]) };
            base
        };
        let (ds, es): (u16, u16);
        // SAFETY: reads two selectors.
        unsafe { asm!("mov {0:x}, ds", "mov {1:x}, es", out(reg) ds, out(reg) es) };
        [base(ARCH_GET_FS), base(ARCH_GET_GS), ds.into(), es.into()]
    }
}

/// The limit of the first TLS segment, and the selectors of FS and GS.
#[cfg(target_arch = "x86")]
mod state {
    use core::arch::asm;

    use sys::numbers::{ABSENT, Call};
    use sys::os;

    const SET_THREAD_AREA: Call = Call {
        x86_64: ABSENT,
        i386: 243,
    };
    /// Entry 12 of the GDT, from user mode.
    const TLS: u16 = 12 << 3 | 3;

    pub fn set(own: usize) -> [usize; 3] {
        // struct user_desc: entry, base, limit, flags (32-bit, limit in pages, usable). The limit
        // identifies the process; LSL reads it.
        let descriptor = [12, 0x1234_5000, own as u32 >> 12, 0x51];
        let gs = if own & 0x1000_0000 != 0 { TLS } else { 0x2b };
        // SAFETY: the program has no thread-local storage.
        unsafe {
            let _ = os::native(SET_THREAD_AREA, [descriptor.as_ptr().addr(), 0, 0, 0, 0, 0]);
            asm!("mov fs, {0:x}", "mov gs, {1:x}", in(reg) TLS, in(reg) gs);
        }
        get()
    }

    pub fn get() -> [usize; 3] {
        let mut limit = 0;
        let (fs, gs): (u16, u16);
        // SAFETY: reads two selectors and a descriptor's limit.
        unsafe {
            asm!("mov {0:x}, fs", "mov {1:x}, gs", "lsl {2:e}, {3:e}",
                out(reg) fs, out(reg) gs, inout(reg) limit, in(reg) u32::from(TLS));
        }
        [limit & !0xfff, fs.into(), gs.into()]
    }
}
