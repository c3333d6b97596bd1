//! Exceptions and interrupts: the ways in that a program doesn't choose.
//!
//! Each vector's stub pushes what is missing of a [`Frame`], with the vector as
//! [`Frame::entry`] and the error code as [`Frame::orig_rax`], and calls [`handle`]. Two
//! things are delicate:
//!
//! - **GS.** SWAPGS must pair with the change of privilege. For most vectors CS tells: they
//!   cannot strike in the kernel before its first SWAPGS. #DB, NMI, #DF and #MC can. Those run
//!   on stacks of their own, above which the per-CPU pointer lies; they save the GS base, set
//!   the kernel's, and put back what they found, whatever it was.
//! - **The IRET to user mode** can fault, in ring 0, with the program's GS loaded. The stub
//!   recognises its address, swaps GS back and turns the fault into the program's signal.

use core::arch::naked_asm;

use super::exit::{iret_to_user, return_by_iret};
use super::frame::{self, Frame, offsets};
use crate::arch::percpu::KERNEL_RSP;
use crate::arch::pic;
use crate::process::{fault, usage};
use crate::{clac, pop_registers};

/// IA32_GS_BASE.
const MSR_GS_BASE: u32 = 0xc000_0101;

/// A stub for a vector, with or without an error code pushed by the CPU.
macro_rules! stub {
    ($name:ident, $vector:expr, error) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!("push {}", "jmp {}", const $vector as i32, sym common)
        }
    };
    ($name:ident, $vector:expr) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!("push 0", "push {}", "jmp {}", const $vector as i32, sym common)
        }
    };
    ($name:ident, $vector:expr, paranoid $(, $error:ident)?) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(stub!(@pad $($error)?), "push {}", "jmp {}", const $vector as i32, sym paranoid)
        }
    };
    (@pad error) => { "" };
    (@pad) => { "push 0" };
}

stub!(divide_error, 0);
stub!(debug, 1, paranoid);
stub!(nmi, 2, paranoid);
stub!(breakpoint, 3);
stub!(overflow, 4);
stub!(bound_range, 5);
stub!(invalid_opcode, 6);
stub!(device_not_available, 7);
stub!(double_fault, 8, paranoid, error);
stub!(invalid_tss, 10, error);
stub!(segment_not_present, 11, error);
stub!(stack_segment, 12, error);
stub!(general_protection, 13, error);
stub!(page_fault, 14, error);
stub!(x87_error, 16);
stub!(alignment_check, 17, error);
stub!(machine_check, 18, paranoid);
stub!(simd_error, 19);
stub!(reserved, 15);

/// The stubs of vectors 0 to 19, by vector.
pub static STUBS: [unsafe extern "C" fn(); 20] = [
    divide_error,
    debug,
    nmi,
    breakpoint,
    overflow,
    bound_range,
    invalid_opcode,
    device_not_available,
    double_fault,
    reserved,
    invalid_tss,
    segment_not_present,
    stack_segment,
    general_protection,
    page_fault,
    reserved,
    x87_error,
    alignment_check,
    machine_check,
    simd_error,
];

macro_rules! irqs {
    ($($name:ident = $line:literal),*) => {
        $(stub!($name, pic::BASE + $line);)*
        /// The stubs of the interrupt controllers' sixteen lines.
        pub static IRQ_STUBS: [unsafe extern "C" fn(); 16] = [$($name),*];
    };
}
irqs!(
    irq0 = 0,
    irq1 = 1,
    irq2 = 2,
    irq3 = 3,
    irq4 = 4,
    irq5 = 5,
    irq6 = 6,
    irq7 = 7,
    irq8 = 8,
    irq9 = 9,
    irq10 = 10,
    irq11 = 11,
    irq12 = 12,
    irq13 = 13,
    irq14 = 14,
    irq15 = 15
);

/// Inside `naked_asm!`: the frame of a stub that pushed the vector where rdi belongs. rdi goes to
/// its slot, the vector to rdi, then come the rest; and the flags that a gate leaves alone.
macro_rules! complete_frame {
    () => {
        concat!(
            "xchg rdi, [rsp]\n",
            "push rsi\npush rdx\npush rcx\npush rax\npush r8\npush r9\npush r10\npush r11\n",
            "push rbx\npush rbp\npush r12\npush r13\npush r14\npush r15\npush rdi\n",
            "cld\n",
            clac!()
        )
    };
}

/// Inside `naked_asm!`, at label `$kernel` of a stub whose frame's CS has privilege level 0: jumps to
/// `$user` where the frame is a program's nevertheless.
///
/// Long mode has no virtual-8086 mode, and the IRET of a program leaves VM alone (SDM volume 2, IRET). QEMU 7.2
/// enters that mode by an IRET of 32-bit code all the same, and CS is then any number. The frame gets the
/// privilege level that the program has, so that everything behind the stub sees a program's frame.
macro_rules! virtual_8086 {
    ($kernel:literal, $user:literal) => {
        concat!(
            $kernel,
            ": test dword ptr [rsp + {rflags}], {vm}\n",
            "jz 6f\n",
            "or byte ptr [rsp + {cs}], 3\n",
            "jmp ",
            $user,
            "\n6:\n"
        )
    };
}

/// The rest of an ordinary stub.
#[unsafe(naked)]
unsafe extern "C" fn common() {
    naked_asm!(
        // 1. The frame.
        complete_frame!(),
        // 2. From user mode: the kernel's GS, the handler, and IRET.
        "test byte ptr [rsp + {cs}], 3",
        "jz 2f",
        "5: swapgs",
        "mov rdi, rsp",
        "call {handle}",
        "jmp {exit}",
        // 3. From the kernel: GS is its own already, unless the IRET to user mode faulted, or the
        //    program is in virtual-8086 mode after all (see [`virtual_8086`]).
        virtual_8086!("2", "5b"),
        "lea rax, [rip + {iret}]",
        "cmp [rsp + {rip}], rax",
        "je 3f",
        "mov rdi, rsp",
        "call {handle}",
        pop_registers!(),
        "add rsp, 8",
        "iretq",
        // 4. The IRET faulted: the program's registers are in this frame but for the five words
        //    that IRET could not load. Those still stand at the top of the task's stack.
        "3: swapgs",
        "mov rdi, rsp",
        "mov rsi, gs:[{kernel_rsp}]",
        "sub rsi, {size}",
        "mov rbx, rsi",
        "call {bad_iret}",
        "mov rsp, rbx",
        "jmp {exit}",
        cs = const offsets::CS,
        rip = const offsets::RIP,
        rflags = const offsets::RFLAGS,
        vm = const frame::VM,
        size = const frame::SIZE,
        kernel_rsp = const KERNEL_RSP,
        handle = sym handle,
        bad_iret = sym bad_iret,
        iret = sym iret_to_user,
        exit = sym return_by_iret,
    )
}

/// The rest of the stub of a vector that may strike anywhere.
#[unsafe(naked)]
unsafe extern "C" fn paranoid() {
    naked_asm!(
        complete_frame!(),
        // 1. From user mode it is an ordinary exception: move the frame to the task's stack, so
        //    that this one is free again and a signal can be delivered.
        "test byte ptr [rsp + {cs}], 3",
        "jz 2f",
        "5: swapgs",
        "mov rdi, gs:[{kernel_rsp}]",
        "sub rdi, {size}",
        "mov rbx, rdi",
        "mov rsi, rsp",
        "mov ecx, {size} / 8",
        "rep movsq",
        "mov rsp, rbx",
        "mov rdi, rsp",
        "call {handle}",
        "jmp {exit}",
        // 2. From the kernel: GS may be either. Save its base, load the kernel's from above
        //    this stack.
        virtual_8086!("2", "5b"),
        "mov ecx, {gs_base}",
        "rdmsr",
        "mov ebx, eax",
        "mov r12d, edx",
        "mov eax, [rsp + {size}]",
        "mov edx, [rsp + {size} + 4]",
        "wrmsr",
        "mov rdi, rsp",
        "call {handle}",
        // 3. Put back what was there.
        "mov ecx, {gs_base}",
        "mov eax, ebx",
        "mov edx, r12d",
        "wrmsr",
        pop_registers!(),
        "add rsp, 8",
        "iretq",
        cs = const offsets::CS,
        rflags = const offsets::RFLAGS,
        vm = const frame::VM,
        size = const frame::SIZE,
        kernel_rsp = const KERNEL_RSP,
        gs_base = const MSR_GS_BASE,
        handle = sym handle,
        exit = sym return_by_iret,
    )
}

/// Takes an exception or interrupt to its handler.
///
/// # Safety
/// `at` is the frame that the stub pushed, and nothing else refers to it.
unsafe extern "C" fn handle(at: *mut Frame) {
    // SAFETY: as the caller says.
    let frame = unsafe { &mut *at };
    let vector = frame.entry as u8;
    let error_code = core::mem::replace(&mut frame.orig_rax, u64::MAX);
    if (pic::BASE..pic::BASE + 16).contains(&vector) {
        interrupt(frame, vector - pic::BASE);
    } else {
        fault::exception(frame, vector, error_code);
        usage::returning(frame);
    }
    if frame.is_user() {
        // SAFETY: the stubs push a program's registers at the end of its task's stack; `frame` is not
        // used any more.
        unsafe { crate::process::exit_work(at) };
    }
}

fn interrupt(frame: &Frame, line: u8) {
    crate::sync::assert_none_held("an interrupt is taken");
    // First: a look at what a program executed may fault, and wait for memory while others run.
    pic::acknowledge(line);
    if line == pic::TIMER {
        crate::time::interrupt(frame);
        fault::report_nmis();
    } else if line == pic::COM1 {
        crate::fs::tty::serial::receive();
    }
}

/// IRET to user mode could not load `top`'s rip, cs, rflags, rsp or ss; `at_fault` has the
/// general registers, which had been loaded already. The two overlap: the fault's frame lies where
/// the pops had been, and reaches into `top` up to the five words.
///
/// # Safety
/// Both are frames on the running task's stack, `top` the one at its end, and no reference to either is
/// live.
unsafe extern "C" fn bad_iret(at_fault: *const Frame, top: *mut Frame) {
    // SAFETY: a whole frame, as the caller says; it isn't looked at again.
    let at_fault = unsafe { at_fault.read() };
    // SAFETY: the task's frame, as the caller says; this is the only reference until its last use.
    let frame = unsafe { &mut *top };
    let (rip, cs, rflags, rsp, ss) = (frame.rip, frame.cs, frame.rflags, frame.rsp, frame.ss);
    let (vector, error_code) = (at_fault.entry as u8, at_fault.orig_rax);
    *frame = Frame {
        rip,
        cs,
        rflags,
        rsp,
        ss,
        orig_rax: u64::MAX,
        ..at_fault
    };
    fault::bad_return(frame, vector, error_code);
    // SAFETY: as above; `frame` is not used any more.
    unsafe { crate::process::exit_work(top) };
}
