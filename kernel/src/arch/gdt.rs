//! The global descriptor table, in Linux's layout (programs see the selectors), and the TSS.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};

use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
use x86_64::instructions::tables::{lgdt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::SegmentSelector;
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

use super::percpu;

use crate::abi::frame::USER32_CS;

// ANCHOR: selectors
/// 64-bit kernel code. SYSCALL loads SS from the next descriptor, which fixes the order.
pub const KERNEL_CS: u16 = 2 << 3;
/// Kernel data and stack.
pub const KERNEL_DS: u16 = 3 << 3;
/// User data and stack, for both widths.
pub const USER_DS: u16 = 5 << 3 | 3;
/// 64-bit user code.
pub const USER_CS: u16 = 6 << 3 | 3;
// ANCHOR_END: selectors
const TSS_INDEX: usize = 8;
/// Index of the running program's LDT descriptor.
const LDT_INDEX: usize = 10;
/// Index of the first of three TLS descriptors (set_thread_area(2)).
pub const TLS_FIRST: usize = 12;
/// Descriptor whose limit encodes CPU and node, for getcpu by LSL (arch/x86/entry/vdso: 0x7b).
const CPUNODE: usize = 15;
const ENTRIES: usize = 16;

// ANCHOR: descriptor-bits
// Descriptor bits (Intel SDM vol. 3, 3.4.5); limits are 4 GiB, bases 0, accessed already set.
const CODE64: u64 = 0x00af_9b00_0000_ffff;
const CODE32: u64 = 0x00cf_9b00_0000_ffff;
const DATA: u64 = 0x00cf_9300_0000_ffff;
const DPL3: u64 = 3 << 45;
// ANCHOR_END: descriptor-bits

/// Bytes of an IST stack.
const IST_STACK: usize = 16 * 1024;

/// Index of an exception's stack in the interrupt stack table, from 0 as in `TaskStateSegment`.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum Ist {
    DoubleFault,
    Nmi,
    Debug,
    MachineCheck,
}

const IST_COUNT: usize = 4;

#[repr(C, align(4096))]
struct IstStack {
    /// Guard page, unmapped by `mm::paging::init`: an overflow faults.
    guard: [u8; 4096],
    stack: [u8; IST_STACK],
}

/// Bytes of the I/O permission bitmap, which covers all 65,536 ports.
pub const PORT_BYTES: usize = 65536 / 8;
/// I/O map base beyond the TSS's limit: no bitmap, ring 3 may use no port.
const NO_PORTS: u16 = u16::MAX;

/// The TSS followed by the I/O permission bitmap, in which a set bit denies ring 3 the port. The
/// CPU reads two bytes at a time, so one more byte follows (Intel SDM vol. 1, 19.5.2).
#[repr(C, align(8))]
struct Tss {
    head: TaskStateSegment,
    ports: [u8; PORT_BYTES],
    end: u8,
}

struct Tables(UnsafeCell<Inner>);
#[repr(C, align(16))]
struct Inner {
    gdt: [u64; ENTRIES],
    tss: Tss,
}
struct Stacks(UnsafeCell<[IstStack; IST_COUNT]>);
// SAFETY: one CPU, and the kernel is not preemptible.
unsafe impl Sync for Tables {}
// SAFETY: after `init` only the CPU uses these stacks, one exception at a time.
unsafe impl Sync for Stacks {}

static TABLES: Tables = Tables(UnsafeCell::new(Inner {
    gdt: [0; ENTRIES],
    tss: Tss {
        head: TaskStateSegment::new(),
        ports: [u8::MAX; PORT_BYTES],
        end: u8::MAX,
    },
}));
static STACKS: Stacks = Stacks(UnsafeCell::new(
    [const {
        IstStack {
            guard: [0; 4096],
            stack: [0; IST_STACK],
        }
    }; IST_COUNT],
));

/// Guard pages of the IST stacks, for `mm::paging::init` to unmap.
pub fn guard_pages() -> impl Iterator<Item = VirtAddr> {
    let first = VirtAddr::from_ptr(STACKS.0.get());
    (0..IST_COUNT as u64).map(move |i| first + i * size_of::<IstStack>() as u64)
}

/// Loads the GDT and the TSS.
pub fn init() {
    // SAFETY: runs once, before any other code has a reference to the tables.
    let tables = unsafe { &mut *TABLES.0.get() };
    // SAFETY: runs once, before the first exception that uses one of the stacks.
    let stacks = unsafe { &mut *STACKS.0.get() };
    for (slot, ist) in stacks.iter_mut().enumerate() {
        // ANCHOR: ist
        // The 16 bytes above the stack hold the per-CPU pointer, from which the stubs of these
        // vectors load GS base (entry/exceptions.rs).
        let top = IST_STACK - 16;
        ist.stack[top..top + 8].copy_from_slice(&percpu::base().to_le_bytes());
        tables.tss.head.interrupt_stack_table[slot] = VirtAddr::from_ptr(&raw const ist.stack[top]);
        // ANCHOR_END: ist
    }
    tables.tss.head.iomap_base = NO_PORTS;
    let gdt = &mut tables.gdt;
    // ANCHOR: order
    gdt[1] = CODE32;
    gdt[usize::from(KERNEL_CS >> 3)] = CODE64;
    gdt[usize::from(KERNEL_DS >> 3)] = DATA;
    gdt[usize::from(USER32_CS >> 3)] = CODE32 | DPL3;
    gdt[usize::from(USER_DS >> 3)] = DATA | DPL3;
    gdt[usize::from(USER_CS >> 3)] = CODE64 | DPL3;
    // ANCHOR_END: order
    let tss = &raw const tables.tss as u64;
    // ANCHOR: tss-descriptor
    // A 64-bit TSS descriptor takes two entries (Intel SDM vol. 3, 8.2.3).
    gdt[TSS_INDEX] = (offset_of!(Tss, end) as u64)
        | (tss & 0xff_ffff) << 16
        | 0x89 << 40
        | (tss >> 24 & 0xff) << 56;
    gdt[TSS_INDEX + 1] = tss >> 32;
    // ANCHOR_END: tss-descriptor
    // Byte granular, read-only data, limit = node << 12 | cpu: 0 for CPU 0 of node 0.
    gdt[CPUNODE] = 0x0040_f100_0000_0000;
    let pointer = DescriptorTablePointer {
        limit: size_of::<[u64; ENTRIES]>() as u16 - 1,
        base: VirtAddr::from_ptr(&raw const tables.gdt),
    };
    // SAFETY: the table is static and holds the selectors loaded here; FS and GS become null, and
    // `percpu::init` sets GS base afterwards.
    unsafe {
        lgdt(&pointer);
        CS::set_reg(SegmentSelector(KERNEL_CS));
        SS::set_reg(SegmentSelector(KERNEL_DS));
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
        GS::set_reg(SegmentSelector::NULL);
        load_tss(SegmentSelector::new(
            TSS_INDEX as u16,
            PrivilegeLevel::Ring0,
        ));
    }
}

// ANCHOR: rsp0
/// Sets TSS.rsp0: the stack that the CPU loads on an interrupt or exception from user mode.
pub fn set_kernel_stack(top: u64) {
    // SAFETY: one CPU, not preemptible; the CPU reads the field only on entry from user mode.
    unsafe { (*TABLES.0.get()).tss.head.privilege_stack_table[0] = VirtAddr::new(top) };
}
// ANCHOR_END: rsp0

/// I/O ports that the running program may use.
pub enum Ports<'a> {
    /// No port.
    None,
    /// Ports whose bits are clear in a bitmap of [`PORT_BYTES`].
    Some(&'a [u8]),
    /// All ports.
    All,
}

/// Sets the I/O ports that the running program may use.
pub fn set_ports(ports: Ports<'_>) {
    // SAFETY: one CPU, not preemptible; the CPU reads the bitmap only for an I/O instruction in
    // user mode.
    let tss = unsafe { &mut (*TABLES.0.get()).tss };
    let (bitmap, head) = (&mut tss.ports, &mut tss.head);
    head.iomap_base = offset_of!(Tss, ports) as u16;
    match ports {
        Ports::None => head.iomap_base = NO_PORTS,
        Ports::Some(closed) => bitmap.copy_from_slice(closed),
        Ports::All => bitmap.fill(0),
    }
}

/// The GDT's descriptor at `index`, if it is one of the flat user segments.
pub fn user_descriptor(index: usize) -> Option<u64> {
    let is_there = [USER32_CS, USER_DS, USER_CS]
        .iter()
        .any(|selector| usize::from(selector >> 3) == index);
    // SAFETY: the three are written once, in `init`.
    is_there.then(|| unsafe { (&(*TABLES.0.get()).gdt)[index] })
}

/// Whether `selector` is valid for SS in ring 3: a present, writable data segment with DPL 3 (Intel
/// SDM vol. 2, LAR).
pub fn is_stack_segment(selector: u16) -> bool {
    // Type (without the accessed bit), S, DPL and P. Bit 10 (expand-down) may have either value.
    const MASK: u32 = 0xfa00;
    const WRITABLE: u32 = 0xf200;
    let mut access = u32::from(selector);
    // SAFETY: LAR only reads a descriptor; an invalid selector gives 0.
    unsafe {
        asm!("lar {0:e}, {0:e}", "jz 2f", "xor {0:e}, {0:e}", "2:", inout(reg) access,
             options(nostack));
    }
    access & MASK == WRITABLE
}

/// Sets the running task's three TLS descriptors (set_thread_area(2)).
pub fn set_tls(descriptors: &[u64; 3]) {
    // SAFETY: one CPU, not preemptible; the CPU reads a descriptor only on a segment load.
    unsafe { (&mut (*TABLES.0.get()).gdt)[TLS_FIRST..TLS_FIRST + 3].copy_from_slice(descriptors) };
}

/// Loads a program's LDT; a null LDT if `descriptors` is empty. The memory must stay valid until
/// another LDT is loaded or no program runs.
pub fn set_ldt(descriptors: &[u64]) {
    // At reset the LDT is 64 KiB at address 0 (Intel SDM vol. 3, table 10-1), which a program's
    // selector could make the CPU read: the first call replaces it.
    static LOADED: AtomicBool = AtomicBool::new(true);
    let present = !descriptors.is_empty();
    if !LOADED.swap(present, Ordering::Relaxed) && !present {
        return;
    }
    if present {
        let base = descriptors.as_ptr() as u64;
        // SAFETY: one CPU, not preemptible; the CPU reads the descriptor at LLDT only.
        let gdt = unsafe { &mut (*TABLES.0.get()).gdt };
        // A 64-bit LDT descriptor takes two entries, as the TSS's; its type is 2.
        gdt[LDT_INDEX] = (size_of_val(descriptors) as u64 - 1)
            | (base & 0xff_ffff) << 16
            | 0x82 << 40
            | (base >> 24 & 0xff) << 56;
        gdt[LDT_INDEX + 1] = base >> 32;
    }
    let selector = if present { (LDT_INDEX as u16) << 3 } else { 0 };
    // SAFETY: the descriptor is valid and the table stays, as the caller promises; the CPU reads
    // it only for loads of the program's selectors.
    unsafe { asm!("lldt {:x}", in(reg) selector, options(nostack, preserves_flags)) };
}
