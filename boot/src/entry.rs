//! Assembly: the loader's first and last instructions.
//!
//! ## `start`: from firmware to [`load`](crate::load)
//!
//! | register | PVH | multiboot2 |
//! |---|---|---|
//! | EAX | undefined | `0x36d76289` |
//! | EBX | physical address of `hvm_start_info` | physical address of the tags |
//! | CS, DS, ES, SS | flat 32-bit segments | flat 32-bit segments |
//! | ESP, GDTR, IDTR | undefined | undefined |
//! | CR0 | PE, no PG | PE, no PG |
//! | CR4, EFER | 0 | as UEFI left them |
//!
//! 1. Save EAX and EBX; load a stack pointer.
//! 2. Check that the CPU has 64-bit mode and no-execute pages, and that the loader's image is
//!    intact: within RAM, and not overwritten by the initramfs. Otherwise print a message and stop.
//!    An initramfs that reaches down to the image's first page (QEMU loads 2 MB there with `-m 3`)
//!    has overwritten these instructions: the CPU executes its bytes until a reset, which only the
//!    process that started QEMU can detect (`xtask run` and the cases do).
//! 3. Load page tables that map the first 4 GiB at their physical addresses.
//! 4. Switch: CR4.PAE, EFER.LME, CR0.PG, and a 64-bit code segment.
//! 5. Call Rust.
//!
//! ## `handoff`: from [`Handoff::enter`](crate::handoff::Handoff::enter) to the kernel
//!
//! 1. Load the GDT from its upper-half address: the kernel's tables map it only there.
//! 2. Load the kernel's page tables. The loader's stack is not mapped from here on.
//! 3. Switch to the kernel's stack, with a return address of 0, aligned as at a function's entry;
//!    a frame pointer of 0 ends backtraces.
//! 4. Jump to the kernel's entry point.

use core::arch::asm;
#[cfg(target_os = "none")]
use core::arch::global_asm;

/// CR4: only PAE, which 64-bit mode requires. UEFI leaves more bits set (such as SSE's); the kernel
/// gets the same state under both protocols.
const CR4: u32 = 1 << 5;
/// EFER: LME and NXE.
const EFER: u32 = 1 << 8 | 1 << 11;
/// CR0: PE, MP, ET, NE, WP (read-only pages are read-only for ring 0 too), PG.
const CR0: u32 = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 31;
/// CPUID 0x80000001, EDX: 64-bit mode and no-execute pages.
const LONG_MODE_AND_NX: u32 = 1 << 29 | 1 << 20;
/// Test pattern written to and read back from the image's last bytes, to check that they are RAM.
const PROBE: u32 = 0x5afe_b007;
/// Selector of the loader's code segment; the data segment's is the next.
const CODE: u16 = 0x08;
const DATA: u16 = 0x10;
/// Offset of the last byte of the GDT's three entries.
const GDT_LIMIT: u16 = 3 * 8 - 1;

#[cfg(target_os = "none")]
global_asm!(
    // Multiboot2 header: magic, architecture i386, length, checksum. Tags: modules at page
    // boundaries; end.
    ".section .multiboot2, \"a\"",
    ".balign 8",
    "header: .long 0xe85250d6, 0, header_end - header",
    ".long -(0xe85250d6 + (header_end - header))",
    ".short 6, 0; .long 8",
    ".short 0, 0; .long 8",
    "header_end:",
    // PVH note, type 18 (XEN_ELFNOTE_PHYS32_ENTRY): the entry's physical address.
    ".section .note.pvh, \"a\", @note",
    ".balign 4",
    ".long 4, 8, 18",
    ".asciz \"Xen\"",
    ".quad start",
);

#[cfg(target_os = "none")]
global_asm!(
    ".section .entry, \"ax\"",
    ".code32",
    ".global start",
    "start:",
    // 1. EDI and ESI are the arguments of the call in step 5; CPUID preserves them.
    "cli",
    "cld",
    "mov edi, eax",
    "mov esi, ebx",
    "mov esp, offset boot_stack_top",
    // 2.
    "mov eax, 0x80000000",
    "cpuid",
    "cmp eax, 0x80000001",
    "jb unsupported",
    "mov eax, 0x80000001",
    "cpuid",
    "and edx, {long_mode_and_nx}",
    "cmp edx, {long_mode_and_nx}",
    "jne unsupported",
    "mov ecx, offset image_end",
    "mov dword ptr [ecx - 4], {probe}",
    "cmp dword ptr [ecx - 4], {probe}",
    "jne no_memory",
    // Under PVH the initramfs is the first module: [modlist_paddr] holds its address.
    "cmp dword ptr [esi], {pvh}",
    "jne enough_memory",
    "cmp dword ptr [esi + 12], 0",
    "je enough_memory",
    "mov eax, [esi + 16]",
    "cmp [eax], ecx",
    "jb no_memory",
    "enough_memory:",
    // 3.
    "mov eax, offset boot_pml4",
    "mov cr3, eax",
    // 4.
    "mov eax, {cr4}",
    "mov cr4, eax",
    "mov ecx, 0xc0000080",
    "mov eax, {efer}",
    "xor edx, edx",
    "wrmsr",
    "mov eax, {cr0}",
    "mov cr0, eax",
    "lgdt [gdt_pointer]",
    "push {code}",
    "mov eax, offset long_mode",
    "push eax",
    "retf",
    // Print the message byte by byte, then exit by the debug-exit device. The text is next to the
    // code, in the image's first pages, which an initramfs overwrites last.
    "no_memory:",
    "mov esi, offset no_memory_text",
    "jmp fail_wait",
    "unsupported:",
    "mov esi, offset unsupported_text",
    "fail_wait:",
    "mov dx, 0x3fd",
    "in al, dx",
    "test al, 0x20",
    "jz fail_wait",
    "lodsb",
    "test al, al",
    "jz fail_end",
    "mov dx, 0x3f8",
    "out dx, al",
    "jmp fail_wait",
    "fail_end:",
    "mov eax, 0x12",
    "mov dx, 0xf4",
    "out dx, eax",
    "fail_halt:",
    "hlt",
    "jmp fail_halt",
    ".code64",
    // 5. The upper halves of registers, RSP's included, are undefined after the mode switch.
    "long_mode:",
    "lea rsp, [rip + boot_stack_top]",
    "mov eax, {data}",
    "mov ds, eax",
    "mov es, eax",
    "mov fs, eax",
    "mov gs, eax",
    "mov ss, eax",
    "xor ebp, ebp",
    "call {load}",
    "ud2",
    "unsupported_text: .asciz \"trident-boot: this CPU has no 64-bit mode with no-execute pages\\r\\n\"",
    "no_memory_text: .asciz \"trident-boot: out of memory: no room for loader and initramfs\\r\\n\"",
    probe = const PROBE,
    pvh = const crate::pvh::MAGIC,
    cr4 = const CR4,
    efer = const EFER,
    cr0 = const CR0,
    long_mode_and_nx = const LONG_MODE_AND_NX,
    code = const CODE,
    data = const DATA,
    load = sym crate::load,
);

// The page mapped in both address spaces.
#[cfg(target_os = "none")]
global_asm!(
    ".section .handoff, \"ax\"",
    ".balign 4096",
    ".global handoff_page",
    "handoff_page:",
    // 1.
    "lea rax, [rip + gdt]",
    "sub rsp, 16",
    "mov word ptr [rsp], {gdt_limit}",
    "mov [rsp + 2], rax",
    "lgdt [rsp]",
    // 2.
    "mov cr3, rcx",
    // 3.
    "mov rsp, rdx",
    "xor ebp, ebp",
    "push 0",
    // 4.
    "jmp rsi",
    // Null, code (64-bit, present, execute/read, accessed), data (present, writable,
    // accessed). Accessed is set already, so that the CPU doesn't write to this page.
    ".balign 8",
    "gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff",
    "gdt_pointer: .short {gdt_limit}; .long gdt, 0",
    gdt_limit = const GDT_LIMIT,
);

// The loader's page tables, made by the assembler: 4 GiB in pages of 2 MiB, writable (flags
// 0x83), and its stack.
#[cfg(target_os = "none")]
global_asm!(
    ".section .data",
    ".balign 4096",
    "boot_pml4: .quad boot_pdpt + 3; .fill 511, 8, 0",
    "boot_pdpt: .quad boot_pd + 3, boot_pd + 0x1003, boot_pd + 0x2003, boot_pd + 0x3003",
    ".fill 508, 8, 0",
    "boot_pd:",
    ".set page, 0",
    ".rept 2048",
    ".quad page * 0x200000 + 0x83",
    ".set page, page + 1",
    ".endr",
    ".section .bss",
    ".balign 16",
    ".skip 65536",
    "boot_stack_top:",
);

/// Physical address of the page that [`enter_kernel`] needs mapped as executable.
pub fn handoff_page() -> u64 {
    unsafe extern "C" {
        safe static handoff_page: u8;
    }
    &raw const handoff_page as u64
}

/// Switches address spaces and calls the kernel.
///
/// # Safety
/// `code` is the virtual address of [`handoff_page`] in the current page tables and in those
/// at the physical address `page_tables`. In the latter `entry` is the kernel's entry point,
/// `boot_info` what it expects, and the page below `stack_top` its stack.
pub unsafe fn enter_kernel(
    code: u64,
    boot_info: u64,
    entry: u64,
    stack_top: u64,
    page_tables: u64,
) -> ! {
    // SAFETY: as the caller promises; the registers are those that `handoff_page` uses.
    unsafe {
        asm!(
            "jmp {code}",
            code = in(reg) code,
            in("rdi") boot_info,
            in("rsi") entry,
            in("rdx") stack_top,
            in("rcx") page_tables,
            options(noreturn),
        )
    }
}
