//! Entry by exceptions and interrupts: the stubs of all vectors, of programs and of the kernel.
//!
//! Each vector's stub completes the [frame](LiveFrame) that the CPU began, with the vector as
//! [`Frame::entry`] and the error code as [`Frame::orig_rax`], and calls [`handle`]. Two cases
//! need care:
//!
//! - **GS base.** The stub must execute SWAPGS if the GS base is the program's. For most vectors
//!   the frame's CS tells: an exception in ring 0 finds the kernel's GS base. #DB, NMI, #DF and #MC
//!   can also occur in ring 0 before the SWAPGS of an entry or after that of a return. Those
//!   vectors have their own stacks (IST), with the address of the per-CPU data stored above each:
//!   from ring 0 the stub saves the GS base, loads the kernel's, and restores the saved one before
//!   its IRET.
//! - **An IRET to user mode** can fault, in ring 0, with the user GS base. The stub recognises its
//!   address, one of three, executes SWAPGS and turns the fault into a signal for the program.

use core::arch::naked_asm;

use super::debug_info::{here, stub_begins, stub_ends, unwind_from_frame, unwind_from_gate};
use super::exception_dispatch;
use super::exit::{iret_to_user, return_by_iret};
use super::exit_work::exit_work;
use super::interrupt;
use crate::abi::frame::{self, Frame, LiveFrame, offsets};
use crate::arch::idt::Stub;
use crate::arch::percpu::KERNEL_RSP;
use crate::dev::{local_apic, pic};
use crate::process::{fault, rusage};
use crate::{clac, pop_registers, push};

/// IA32_GS_BASE.
const MSR_GS_BASE: u32 = 0xc000_0101;

/// Defines the stub of a vector: `error` if the CPU pushes an error code, `paranoid` if the vector
/// can occur in ring 0 while the GS base is the program's.
macro_rules! stub {
    // ANCHOR: stub-with-error
    ($name:ident, $vector:expr, error) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                stub_begins!(), unwind_from_gate!("8"),
                push!("{}"), "jmp {}", stub_ends!(), const $vector as i32, sym common
            )
        }
    };
    // ANCHOR_END: stub-with-error
    // ANCHOR: stub-without-error
    ($visible:vis $name:ident, $vector:expr) => {
        #[unsafe(naked)]
        $visible unsafe extern "C" fn $name() {
            naked_asm!(
                stub_begins!(), unwind_from_gate!("0"), push!("0"),
                push!("{}"), "jmp {}", stub_ends!(), const $vector as i32, sym common
            )
        }
    };
    // ANCHOR_END: stub-without-error
    ($name:ident, $vector:expr, paranoid $(, $error:ident)?) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                stub_begins!(), stub!(@pad $($error)?),
                push!("{}"), "jmp {}", stub_ends!(), const $vector as i32, sym paranoid
            )
        }
    };
    (@pad error) => { unwind_from_gate!("8") };
    (@pad) => { concat!(unwind_from_gate!("0"), push!("0")) };
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

/// Stubs of vectors 0 to 19, indexed by vector.
pub const STUBS: [Stub; 20] = [
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
        /// Stubs of the sixteen interrupt lines, indexed by line, and of the local APIC's timer.
        pub const IRQ_STUBS: [Stub; 17] = [$($name),*];
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
    irq15 = 15,
    local_timer = 16
);
const _: () = assert!(local_apic::TIMER_VECTOR == pic::BASE + 16);

stub!(pub(super) spurious, local_apic::SPURIOUS_VECTOR);

/// Inside `naked_asm!`: completes a frame whose stub has pushed the vector in rdi's slot. XCHG puts
/// rdi in its slot and the vector in rdi; the other registers and the vector follow. Then clears
/// the flags that a gate does not: DF and AC.
macro_rules! complete_frame {
    () => {
        concat!(
            stub_begins!(),
            unwind_from_gate!("16"),
            "xchg rdi, [rsp]\n.cfi_offset 5, -56\n",
            push!("rsi" "rdx" "rcx" "rax" "r8" "r9" "r10" "r11" "rbx" "rbp"),
            push!("r12" "r13" "r14" "r15" "rdi"),
            unwind_from_frame!(),
            // The number's slot has the error code.
            ".cfi_offset 0, -88\n",
            "cld\n",
            clac!()
        )
    };
}

/// Inside `naked_asm!`, at label `$kernel` of a stub, reached if CS has privilege level 0: jumps to
/// `$user` if the frame is from virtual-8086 mode.
///
/// Long mode has no virtual-8086 mode, and IRET in user mode does not change VM (SDM vol. 2, IRET).
/// QEMU 7.2 nevertheless enters the mode by an IRET of 32-bit code, with any value in CS. The frame
/// gets privilege level 3, so that the code after the stub sees a frame from user mode.
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

/// Common part of the ordinary vectors' stubs.
#[unsafe(naked)]
unsafe extern "C" fn common() {
    naked_asm!(
        // 1. The frame.
        complete_frame!(),
        // 2. From user mode: the kernel's GS base, the handler, IRET.
        // ANCHOR: gs-by-cs
        "test byte ptr [rsp + {cs}], 3",
        "jz 2f",
        "5: swapgs",
        "mov rdi, rsp",
        "call {handle}",
        "jmp {exit}",
        // ANCHOR_END: gs-by-cs
        // 3. From the kernel: GS base is already the kernel's, unless the IRET to user mode
        //    faulted or the frame is from virtual-8086 mode (see [`virtual_8086`]).
        virtual_8086!("2", "5b"),
        // ANCHOR: is-iret
        // ANCHOR: iret-fault
        "cmp qword ptr [rsp + {rip}], offset {iret}",
        "je 3f",
        // ANCHOR_END: is-iret
        "cmp qword ptr [rsp + {rip}], offset iret_from_int80_1",
        "je 3f",
        "cmp qword ptr [rsp + {rip}], offset iret_from_int80_0",
        "je 3f",
        // ANCHOR_END: iret-fault
        "mov rdi, rsp",
        "call {handle}",
        ".cfi_remember_state",
        pop_registers!(),
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "iretq",
        ".cfi_restore_state",
        // ANCHOR: iret-faulted
        // 4. The IRET faulted: this frame has the program's general registers. The five words
        //    that IRET could not load are still at the top of the task's stack.
        "3: swapgs",
        "mov rdi, rsp",
        "mov rsi, gs:[{kernel_rsp}]",
        "sub rsi, {size}",
        "mov rbx, rsi",
        "call {bad_iret}",
        "mov rsp, rbx",
        "jmp {exit}",
        // ANCHOR_END: iret-faulted
        stub_ends!(),
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

/// Common part of the stubs whose vectors can occur anywhere, with either GS base.
#[unsafe(naked)]
unsafe extern "C" fn paranoid() {
    naked_asm!(
        complete_frame!(),
        // ANCHOR: paranoid-move
        // 1. From user mode it is an ordinary exception: move the frame to the task's stack, which
        //    frees this one and allows the task to sleep or take a signal.
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
        // ANCHOR_END: paranoid-move
        // ANCHOR: paranoid-gs
        // 2. From the kernel, with either GS base: save it and load the kernel's, which is stored
        //    above this stack.
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
        // ANCHOR_END: paranoid-gs
        // 3. Restore the saved GS base.
        "mov ecx, {gs_base}",
        "mov eax, ebx",
        "mov edx, r12d",
        "wrmsr",
        pop_registers!(),
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "iretq",
        stub_ends!(),
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

/// Dispatches an exception or interrupt to its handler, then does the exit work of a frame from
/// user mode. `frame` is the one that the stub pushed.
// ANCHOR: handle
extern "C" fn handle(frame: &LiveFrame) {
    let vector = frame.entry.get() as u8;
    let error_code = frame.orig_rax.replace(u64::MAX);
    if (pic::BASE..=local_apic::SPURIOUS_VECTOR).contains(&vector) {
        interrupt::handle(frame, vector);
    } else {
        exception_dispatch::handle(frame, vector, error_code);
        rusage::returning(frame.rip.get());
    }
    // ANCHOR_END: handle
    if frame.is_user() {
        // A frame from user mode is the running task's, at the top of its stack. The return is by
        // IRET, whether the frame was edited or not.
        exit_work();
    }
}

/// Handles a fault of the IRET to user mode, which could not load `top`'s rip, cs, rflags, rsp or
/// ss. `at_fault` has the general registers, popped before the IRET. The two frames overlap: the
/// CPU pushed the fault's frame over the popped words, up to the five that IRET reads.
///
/// # Safety
/// `at_fault` points to a complete frame. `top` is the running task's, at the top of its stack.
unsafe extern "C" fn bad_iret(at_fault: *const Frame, top: &LiveFrame) {
    // SAFETY: a complete frame, as the caller promises; not read after this.
    let at_fault = unsafe { at_fault.read() };
    let Frame {
        rip,
        cs,
        rflags,
        rsp,
        ss,
        ..
    } = top.copy();
    let (vector, error_code) = (at_fault.entry as u8, at_fault.orig_rax);
    top.replace(&Frame {
        rip,
        cs,
        rflags,
        rsp,
        ss,
        orig_rax: u64::MAX,
        ..at_fault
    });
    fault::bad_return(top, vector, error_code);
    exit_work();
}
