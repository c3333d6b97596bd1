//! Where things lie in the address space: the program's half as on Linux, the kernel's own.

/// End of a 64-bit program's addresses. Linux leaves the last page out as well: a SYSCALL at
/// its end would return to a non-canonical address (arch/x86/include/asm/page_64_types.h).
pub const TASK_SIZE: u64 = 0x7fff_ffff_f000;
/// End of a 32-bit program's addresses under a 64-bit kernel (IA32_PAGE_OFFSET).
pub const TASK_SIZE_32: u64 = 0xffff_e000;
/// The same for those that ask for no more than a 32-bit kernel gives (ADDR_LIMIT_3GB).
pub const TASK_SIZE_3GB: u64 = 0xc000_0000;
/// Lowest address a program may map (vm.mmap_min_addr).
pub const MMAP_MIN: u64 = 0x1_0000;
/// Where a static PIE goes before randomisation (ELF_ET_DYN_BASE: two thirds of the space).
pub const PIE_BASE: u64 = TASK_SIZE / 3 * 2;
/// The same for 32-bit programs.
pub const PIE_BASE_32: u64 = 0x5655_5000 & !0xfff;
/// Most a stack may grow to (RLIMIT_STACK's default).
pub const STACK_LIMIT: u64 = 8 << 20;

/// The part of the kernel's half that the loader may use: physical map, its own tables' data.
pub const LOADER_START: u64 = 0xffff_8000_0000_0000;
/// Last address of it.
pub const LOADER_END: u64 = 0xffff_8fff_ffff_ffff;
/// The kernel heap grows from here.
pub const HEAP_START: u64 = 0xffff_9000_0000_0000;
/// The kernel stacks, each with a guard page below.
pub const KSTACK_START: u64 = 0xffff_a000_0000_0000;
/// The stack for returns to 16-bit stack segments (`espfix.rs`), 4 GiB.
pub const ESPFIX_START: u64 = 0xffff_b000_0000_0000;
/// One page through which device registers are reached; in the kernel stacks' slot.
pub const DEVICE_WINDOW: u64 = KSTACK_START + (1 << 39) - 0x1000;
