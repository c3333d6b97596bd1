//! The interrupt descriptor table: each vector's stub, stack (IST) and privilege level (DPL).

use spin::Once;
use x86_64::structures::idt::{Entry, InterruptDescriptorTable};
use x86_64::{PrivilegeLevel, VirtAddr};

use super::gdt::Ist;
use crate::entry::{exceptions, int80};

static IDT: Once<InterruptDescriptorTable> = Once::new();

/// Vector of the system call by software interrupt.
pub const SYSCALL_VECTOR: u8 = 0x80;

fn set<F>(
    entry: &mut Entry<F>,
    stub: unsafe extern "C" fn(),
    ist: Option<Ist>,
    dpl: PrivilegeLevel,
) {
    // SAFETY: the stubs save all registers and end in IRET, as a gate's handler must; `gdt::init`
    // has set up the IST stacks.
    unsafe {
        let options = entry.set_handler_addr(VirtAddr::from_ptr(stub as *const ()));
        options.set_privilege_level(dpl);
        if let Some(ist) = ist {
            options.set_stack_index(ist as u16);
        }
    }
}

/// Fills and loads the table.
pub fn init() {
    use PrivilegeLevel::{Ring0, Ring3};
    let idt = IDT.call_once(|| {
        let mut idt = InterruptDescriptorTable::new();
        let stubs = &exceptions::STUBS;
        set(&mut idt.divide_error, stubs[0], None, Ring0);
        // These four can occur while rsp or GS base is still the program's (in the first
        // instructions of the SYSCALL and SYSENTER stubs): each has its own stack.
        set(&mut idt.debug, stubs[1], Some(Ist::Debug), Ring0);
        set(
            &mut idt.non_maskable_interrupt,
            stubs[2],
            Some(Ist::Nmi),
            Ring0,
        );
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
        // DPL 3: programs may execute INT3 and INTO.
        set(&mut idt.breakpoint, stubs[3], None, Ring3);
        set(&mut idt.overflow, stubs[4], None, Ring3);
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
        for (line, stub) in exceptions::IRQ_STUBS.iter().enumerate() {
            set(
                &mut idt[crate::dev::pic::BASE + line as u8],
                *stub,
                None,
                Ring0,
            );
        }
        set(&mut idt[SYSCALL_VECTOR], int80::entry_int80, None, Ring3);
        idt
    });
    idt.load();
}
