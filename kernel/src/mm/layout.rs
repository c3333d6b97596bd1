//! Address space layout: the user half as on Linux, the kernel half Trident's own.

/// End of a 64-bit program's addresses. As on Linux the last page below 2^47 is left out: a SYSCALL
/// at its end would return to a non-canonical address (arch/x86/include/asm/page_64_types.h).
pub const TASK_SIZE: u64 = 0x7fff_ffff_f000;
/// End of a 32-bit program's addresses under a 64-bit kernel (IA32_PAGE_OFFSET).
pub const TASK_SIZE_32: u64 = 0xffff_e000;
/// End of a 32-bit program's addresses with the personality ADDR_LIMIT_3GB.
pub const TASK_SIZE_3GB: u64 = 0xc000_0000;
/// Lowest address that a program may map (vm.mmap_min_addr).
pub const MMAP_MIN: u64 = 0x1_0000;
/// Base of a static PIE before randomisation (ELF_ET_DYN_BASE: two thirds of the space).
pub const PIE_BASE: u64 = TASK_SIZE / 3 * 2;
/// Base of a 32-bit static PIE before randomisation.
pub const PIE_BASE_32: u64 = 0x5655_5000 & !0xfff;

/// Start of the range for the loader's mappings: physical map, boot data, ramdisk.
pub const LOADER_START: u64 = 0xffff_8000_0000_0000;
/// Last address of the range for the loader's mappings.
pub const LOADER_END: u64 = 0xffff_8fff_ffff_ffff;
/// Start of the kernel heap.
pub const HEAP_START: u64 = 0xffff_9000_0000_0000;
/// Start of the kernel stacks.
pub const KSTACK_START: u64 = 0xffff_a000_0000_0000;
/// Start of the espfix stack (`espfix.rs`), 4 GiB.
pub const ESPFIX_START: u64 = 0xffff_b000_0000_0000;
/// Page at which device registers are mapped for a write; in the kernel stacks' root entry.
pub const DEVICE_WINDOW: u64 = KSTACK_START + (1 << 39) - 0x1000;
/// Page at which the local APIC's registers are mapped (`dev/local_apic.rs`).
pub const LOCAL_APIC: u64 = DEVICE_WINDOW - 0x1000;
