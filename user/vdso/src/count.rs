//! One attempt at a clock in x86_64 assembly: the body of the 64-bit vDSO's functions, and of the
//! kernel's system call, which so agree.
//!
//! It is [`crate::reader::quick`], 16 instructions where that takes 25: Rust's compiler makes each
//! atomic load an instruction of its own.

#[cfg(not(vdso_image))]
use crate::math::{NANOS_PER_SEC, SHIFT, Time};
#[cfg(not(vdso_image))]
use crate::page::{CLOCKS, CYCLE, ClockPage, ENTRY_SHIFT, LIMIT, MODE_RDTSCP, offsets};

/// The time of the clock at `$at` in the page at `$page`: seconds to rdx, nanoseconds to rax, below
/// one second or with whole seconds to carry. Overwrites rcx and `$ticket`, 32 bits. Continues at
/// label 3 for a clock that counts ticks or none, at label 4 to read the counter by RDTSC instead,
/// at label 9 if the attempt fails.
macro_rules! count {
    ($page:literal, $at:literal, $ticket:literal) => {
        concat!(
            // The number of the clock's last write, before its data.
            "mov ",
            $ticket,
            ", [",
            $at,
            " + {written}]\n",
            "cmp dword ptr [",
            $at,
            " + {mode}], {rdtscp}\n",
            "jb 3f\n",
            "ja 4f\n",
            "rdtscp\n", // overwrites ecx
            "2: shl rdx, 32\n",
            "or rax, rdx\n",
            "sub rax, [",
            $page,
            " + {cycle}]\n",
            // Also above the limit: a counter before the base.
            "cmp rax, [",
            $page,
            " + {limit}]\n",
            "ja 9f\n",
            "imul rax, [",
            $at,
            " + {mult}]\n",
            "add rax, [",
            $at,
            " + {nanos}]\n",
            "mov rdx, [",
            $at,
            " + {seconds}]\n",
            // Behind all the data: whether a write has begun since.
            "cmp ",
            $ticket,
            ", [",
            $page,
            "]\n",
            "jne 9f\n",
            "shr rax, {shift}\n",
        )
    };
}
#[cfg(vdso_image)]
pub(crate) use count;

/// The time of clock `id` by this CPU's counter, in one attempt; `None` where
/// [`crate::reader::quick`] has none, and for the second after the last write's.
#[cfg(not(vdso_image))]
#[inline(always)]
pub fn attempt(page: &ClockPage, id: i32) -> Option<Time> {
    let id = id as u32;
    if id >= CLOCKS as u32 {
        return None;
    }
    let (seconds, nanos): (i64, u64);
    // SAFETY: reads the counter, and fields of the page, which are atomics; RDTSCP only if the page
    // marks it as usable.
    unsafe {
        core::arch::asm!(
            "mov {at:e}, {id:e}",
            "shl {at:e}, {entry_shift}",
            count!("{page}", "{page} + {at}", "{ticket:e}"),
            "7:",
            ".pushsection .text.unlikely, \"ax\", @progbits",
            // The time of the last tick, in whole nanoseconds, if there is one.
            "3: mov rdx, [{page} + {at} + {seconds}]",
            "mov rax, [{page} + {at} + {nanos}]",
            "cmp {ticket:e}, [{page}]",
            "je 7b",
            // No time: more than a second.
            "9: mov rax, -1",
            "jmp 7b",
            "4: lfence",
            "rdtsc",
            "jmp 2b",
            ".popsection",
            page = in(reg) page,
            id = in(reg) id,
            at = out(reg) _,
            ticket = out(reg) _,
            out("rax") nanos,
            out("rdx") seconds,
            out("rcx") _,
            entry_shift = const ENTRY_SHIFT,
            written = const offsets(0).written,
            mode = const offsets(0).mode,
            mult = const offsets(0).mult,
            nanos = const offsets(0).nanos,
            seconds = const offsets(0).seconds,
            cycle = const CYCLE,
            limit = const LIMIT,
            rdtscp = const MODE_RDTSCP,
            shift = const SHIFT,
            options(nostack, readonly),
        );
    }
    if nanos < NANOS_PER_SEC.into() {
        let nanos = nanos as u32;
        Some(Time { seconds, nanos })
    } else {
        None
    }
}
