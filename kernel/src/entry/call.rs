//! Dispatch: from the number to the handler of the call's table.
//!
//! The stubs do it while the number and the arguments are still in their registers, by the macros
//! below: [`dispatch!`] bounds the number and counts the call, the stub moves the arguments to
//! where a C function has them (rdi rsi rdx rcx r8 r9), [`clear_others!`] clears the registers that
//! have none, and [`call_handler!`] calls the handler. The result is in rax.
//!
//! If a work bit of [`work::BEFORE_CALL`] is pending (call log, ptrace tracer, low memory),
//! [`call_with_work`] makes the call instead, with number and arguments out of the frame.
//!
//! **Cleared registers.** A value of the program's left in a register could steer the handler's
//! speculative execution. So each register that has neither an argument nor a value of the kernel
//! is 0 when the handler starts, as on Linux. `clear_registers=off` on the command line selects
//! stubs without these instructions (`msr.rs`): a stub has a parameter `CLEAR`, operand `clear` of
//! its assembly.
//!
//! The next file on a call's path: `syscall/table.rs`, which has the handlers by number.

#[cfg(debug_assertions)]
use core::arch::naked_asm;
#[cfg(debug_assertions)]
use core::sync::atomic::{AtomicBool, Ordering};

use crate::abi::door::{Door, Table};
use crate::abi::errno::to_rax;
use crate::abi::frame::LiveFrame;
use crate::arch::percpu::{self, work};
use crate::process::ptrace::stop as ptrace_stop;
use crate::syscall::{low_memory, table};
use crate::trace;

/// The highest index into a table, in memory: CMOV takes no constant.
pub static LAST: u32 = table::LEN as u32 - 1;

/// Offset of a door's counters in the array of all doors' (`syscall/counters.rs`).
pub const fn counters_of(door: Door) -> usize {
    table::LEN * size_of::<u64>() * door.index()
}

/// Inside `naked_asm!`: goes to label 3, [`call_with_work`], if work is pending before the call.
/// Bounds the number in eax without a branch, which a CPU could mispredict (`arch/nospec.rs`); CMOV
/// clears the upper half of rax even if it moves nothing. Counts the call.
// ANCHOR: dispatch
macro_rules! dispatch {
    () => {
        concat!(
            "test dword ptr gs:[{work}], {before_call}\n",
            "jnz 3f\n",
            "cmp eax, {last}\n",
            "cmova eax, [rip + {last_in_memory}]\n",
            "inc qword ptr [8 * rax + {counters} + {counters_of_door}]\n"
        )
    };
}
// ANCHOR_END: dispatch

/// Inside `naked_asm!`: clears these registers, if the stub is one that clears.
macro_rules! clear {
    ($($register:literal)*) => {
        concat!(".if {clear}\n", $("xor ", $register, ", ", $register, "\n",)* ".endif\n")
    };
}

/// Inside `naked_asm!`: calls the handler; label 2 is its return. Test builds check the registers
/// before the call ([`check_call`]).
macro_rules! call_handler {
    () => {
        concat!(
            if_checked!("call check_call\n"),
            "call [8 * rax + {table}]\n",
            "2:\n"
        )
    };
}

/// Inside `naked_asm!`: clears the registers that have neither an argument nor the number, if the
/// stub is one that clears.
// ANCHOR: clear-others
macro_rules! clear_others {
    () => {
        clear!("ebx" "ebp" "r10d" "r11d" "r12d" "r13d" "r14d" "r15d")
    };
}
// ANCHOR_END: clear-others

/// Inside `naked_asm!`: [`clear_others!`], number and arguments but for the first, too.
macro_rules! clear_all {
    () => {
        concat!(clear!("eax" "esi" "edx" "ecx" "r8d" "r9d"), clear_others!())
    };
}

/// Inside `naked_asm!`: label 3, the call with work before it. Number and arguments are in the
/// frame.
macro_rules! slow_call {
    () => {
        concat!(
            "3: mov rdi, rsp\n",
            clear_all!(),
            if_checked!("call check_slow_call\n"),
            "call {call_with_work}\n",
            "jmp 2b\n"
        )
    };
}

/// Inside `naked_asm!`: a name for a place in the stub that is in use by default, for debuggers and
/// the tests.
macro_rules! place {
    ($name:literal) => {
        concat!(".if {clear}\n.globl ", $name, "\n", $name, ":\n.endif\n")
    };
}

/// The text in test builds, which have debug assertions; nothing in others.
#[cfg(debug_assertions)]
macro_rules! if_checked {
    ($text:literal) => {
        $text
    };
}
#[cfg(not(debug_assertions))]
macro_rules! if_checked {
    ($text:literal) => {
        ""
    };
}

pub(super) use {
    call_handler, clear, clear_all, clear_others, dispatch, if_checked, place, slow_call,
};

/// Makes a call with a work bit of [`work::BEFORE_CALL`] pending: a ptrace tracer stops the task
/// before and after the call and may change or skip the call, the call log prints it, and with
/// memory low the call first waits for memory. Returns the value for rax.
///
/// `frame` is the running task's.
#[cold]
pub extern "C" fn call_with_work(frame: &LiveFrame) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    let stops = percpu::is_pending::<{ work::PTRACE }>();
    // For a skipped call, rax keeps the value that the ptrace tracer set.
    if !stops || ptrace_stop::syscall_entry() {
        let is_printed = percpu::is_pending::<{ work::TRACE }>();
        let before = frame.copy();
        let pending = is_printed
            .then(|| trace::enter(&before, table::traced(&before)))
            .flatten();
        frame.rax.set(match low_memory::admit(&before) {
            Ok(()) => call(frame),
            Err(errno) => to_rax(Err(errno)),
        });
        trace::exit(&frame.copy(), pending);
    }
    if percpu::is_pending::<{ work::PTRACE }>() {
        ptrace_stop::syscall_exit();
    }
    frame.rax.get()
}

/// Makes the call in a frame, of its door's table.
fn call(frame: &LiveFrame) -> u64 {
    let frame = frame.copy();
    let Some(door) = Door::of(frame.entry) else {
        return frame.rax;
    };
    // ANCHOR: number-of-frame
    // The number is the low half of rax: Linux ignores the upper half. A negative one, taken as
    // unsigned, is past the table's end.
    let handler = table::handler(door, frame.orig_rax as u32);
    let [a, b, c, d, e, f] = arguments(&frame.arguments(door.table()), door.table());
    handler(a, b, c, d, e, f)
    // ANCHOR_END: number-of-frame
}

/// The arguments of a call: of the i386 table the low 32 bits of each register, from 64-bit code
/// too.
fn arguments(registers: &[u64; 6], table: Table) -> [u64; 6] {
    match table {
        Table::X86_64 => *registers,
        Table::I386 => registers.map(|register| u64::from(register as u32)),
    }
}

/// Whether the stubs in use clear registers.
#[cfg(debug_assertions)]
pub static CLEARS: AtomicBool = AtomicBool::new(true);

/// Number of registers that [`check_call`] pushes.
#[cfg(debug_assertions)]
const CHECKED: usize = 15;

/// Passes all general registers and the frame above the return address to `$assert`, and changes
/// none.
#[cfg(debug_assertions)]
macro_rules! check_registers {
    ($assert:ident) => {
        naked_asm!(
            "push r15\npush r14\npush r13\npush r12\npush r11\npush r10\npush rbp\npush rbx",
            "push rax\npush r9\npush r8\npush rcx\npush rdx\npush rsi\npush rdi",
            "mov rdi, rsp",
            "lea rsi, [rsp + {above}]",
            "call {assert}",
            "pop rdi\npop rsi\npop rdx\npop rcx\npop r8\npop r9\npop rax",
            "pop rbx\npop rbp\npop r10\npop r11\npop r12\npop r13\npop r14\npop r15",
            "ret",
            above = const (CHECKED + 1) * 8,
            assert = sym $assert,
        )
    };
}

/// Called by the stubs of a test build directly before the handler.
///
/// # Safety
/// Entered only by the call of a stub, with the frame above the return address.
#[cfg(debug_assertions)]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn check_call() {
    check_registers!(assert_call)
}

/// Called by the stubs of a test build directly before [`call_with_work`].
///
/// # Safety
/// As [`check_call`].
#[cfg(debug_assertions)]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn check_slow_call() {
    check_registers!(assert_slow_call)
}

/// Asserts that the first argument is the frame, and that the other registers are 0, or the
/// program's if the stubs don't clear.
#[cfg(debug_assertions)]
extern "C" fn assert_slow_call(registers: &[u64; CHECKED], frame: &LiveFrame) {
    assert_eq!(registers[0], core::ptr::from_ref(frame).addr() as u64);
    if CLEARS.load(Ordering::Relaxed) {
        let others = &registers[1..];
        assert_eq!(others, [0; CHECKED - 1], "a register is not cleared");
    }
}

/// Asserts that the registers before a call of the handler are the frame's arguments and number,
/// and that the others are 0, or the program's if the stubs don't clear.
#[cfg(debug_assertions)]
extern "C" fn assert_call(registers: &[u64; CHECKED], frame: &LiveFrame) {
    low_memory::begin_call();
    let frame = frame.copy();
    let table = Door::of(frame.entry).expect("a call").table();
    let expected = arguments(&frame.arguments(table), table);
    assert_eq!(
        registers[..6],
        expected,
        "the arguments of a {table:?} call"
    );
    let number = frame.orig_rax as u32;
    assert_eq!(registers[6], u64::from(number.min(LAST)), "the number");
    let [rbx, rbp, r10, r11, r12, r13, r14, r15] = registers[7..] else {
        unreachable!()
    };
    if CLEARS.load(Ordering::Relaxed) {
        let others = [rbx, rbp, r10, r11, r12, r13, r14, r15];
        assert_eq!(others, [0; 8], "a register is not cleared");
    } else {
        let own = [frame.rbx, frame.r12, frame.r13, frame.r14, frame.r15];
        assert_eq!([rbx, r12, r13, r14, r15], own, "a register is cleared");
    }
}
