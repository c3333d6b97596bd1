//! The interrupt descriptor table: each vector's stub, stack (IST) and privilege level (DPL).

use alloc::boxed::Box;

use spin::Once;
use x86_64::structures::idt::{Entry, InterruptDescriptorTable};
use x86_64::{PrivilegeLevel, VirtAddr};

use super::gdt::Ist;

static IDT: Once<InterruptDescriptorTable> = Once::new();

/// Vector of the system call by software interrupt.
pub const SYSCALL_VECTOR: u8 = 0x80;

/// Code that a gate leads to: it saves all registers and ends in IRET.
pub type Stub = unsafe extern "C" fn();

/// The stubs of all vectors in use (`entry/` has them).
pub struct Vectors {
    /// Of vectors 0 to 19, indexed by vector.
    pub exceptions: [Stub; 20],
    /// Of the sixteen interrupt lines, indexed by line, and of the local APIC's timer.
    pub interrupts: [Stub; 17],
    /// Vector of interrupt line 0.
    pub first_interrupt: u8,
    /// Of the local APIC's spurious interrupts.
    pub spurious: (u8, Stub),
}

// ANCHOR: set-gate
fn set<F>(entry: &mut Entry<F>, stub: Stub, ist: Option<Ist>, dpl: PrivilegeLevel) {
    // SAFETY: as a gate's handler must, a `Stub` saves all registers and ends in IRET; `gdt::init`
    // has set up the IST stacks.
    unsafe {
        let options = entry.set_handler_addr(VirtAddr::from_ptr(stub as *const ()));
        options.set_privilege_level(dpl);
        if let Some(ist) = ist {
            options.set_stack_index(ist as u16);
        }
    }
}
// ANCHOR_END: set-gate

/// Fills the table with the stubs of `vectors`, and loads it.
pub fn init(vectors: &Vectors) {
    use PrivilegeLevel::{Ring0, Ring3};
    let idt = IDT.call_once(|| {
        let mut idt = InterruptDescriptorTable::new();
        let stubs = &vectors.exceptions;
        set(&mut idt.divide_error, stubs[0], None, Ring0);
        // ANCHOR: own-stacks
        // These four can occur while rsp or GS base is the program's (before the SWAPGS of an
        // entry, or after that of a return): each has its own stack.
        set(&mut idt.debug, stubs[1], Some(Ist::Debug), Ring0);
        set(
            &mut idt.non_maskable_interrupt,
            stubs[2],
            Some(Ist::Nmi),
            Ring0,
        );
        // ANCHOR_END: own-stacks
        set(
            &mut idt.double_fault,
            stubs[8],
            Some(Ist::DoubleFault),
            Ring0,
        );
        set(
            &mut idt.machine_check,
            stubs[18],
            Some(Ist::MachineCheck),
            Ring0,
        );
        // ANCHOR: ring3-gates
        // DPL 3: programs may execute INT3 and INTO.
        set(&mut idt.breakpoint, stubs[3], None, Ring3);
        set(&mut idt.overflow, stubs[4], None, Ring3);
        // ANCHOR_END: ring3-gates
        set(&mut idt.bound_range_exceeded, stubs[5], None, Ring0);
        set(&mut idt.invalid_opcode, stubs[6], None, Ring0);
        set(&mut idt.device_not_available, stubs[7], None, Ring0);
        set(&mut idt.invalid_tss, stubs[10], None, Ring0);
        set(&mut idt.segment_not_present, stubs[11], None, Ring0);
        set(&mut idt.stack_segment_fault, stubs[12], None, Ring0);
        set(&mut idt.general_protection_fault, stubs[13], None, Ring0);
        set(&mut idt.page_fault, stubs[14], None, Ring0);
        set(&mut idt.x87_floating_point, stubs[16], None, Ring0);
        set(&mut idt.alignment_check, stubs[17], None, Ring0);
        set(&mut idt.simd_floating_point, stubs[19], None, Ring0);
        for (vector, stub) in (vectors.first_interrupt..).zip(vectors.interrupts) {
            set(&mut idt[vector], stub, None, Ring0);
        }
        let (vector, stub) = vectors.spurious;
        set(&mut idt[vector], stub, None, Ring0);
        idt
    });
    idt.load();
}

// ANCHOR: system-call-gate
/// Gives [`SYSCALL_VECTOR`] its stub, once the command line has selected one. Loads a copy of the
/// table, which the CPU may use at any time and so can't be changed.
pub fn set_system_call(stub: Stub) {
    let mut idt = IDT.get().expect("the table is loaded").clone();
    set(&mut idt[SYSCALL_VECTOR], stub, None, PrivilegeLevel::Ring3);
    Box::leak(Box::new(idt)).load();
}
// ANCHOR_END: system-call-gate
