//! The loader's assembly: its first instructions and its last.
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
//! | CR4, EFER | 0 | what UEFI left |
//!
//! 1. Keep EAX and EBX; take a stack.
//! 2. See whether the CPU has 64-bit mode and no-execute pages, and whether the loader's image is there
//!    in whole: it doesn't reach beyond RAM, and firmware has not put the initramfs over it. Else say so
//!    and stop. An initramfs that reaches down to the first page (QEMU puts 2 MB there under `-m 3`) has
//!    replaced these very instructions: its bytes run until the CPU is reset, which only who started the
//!    machine can tell (`xtask run` and the cases do).
//! 3. Load page tables that map the first 4 GiB at their physical addresses.
//! 4. Switch: CR4.PAE, EFER.LME, CR0.PG, and a 64-bit code segment.
//! 5. Call Rust.
//!
//! ## `handoff`: from [`Handoff::enter`](crate::handoff::Handoff::enter) to the kernel
//!
//! 1. Load the GDT from its address in the upper half: the kernel's tables map it there only.
//! 2. Load the kernel's page tables. The old stack is gone.
//! 3. Take the kernel's stack, with a zero as the return address, aligned as at any
//!    function's entry, and a zero frame pointer to end backtraces.
//! 4. Jump.

use core::arch::asm;
#[cfg(target_os = "none")]
use core::arch::global_asm;

/// CR4: physical address extension, which 64-bit mode needs. All else is off; UEFI leaves
/// bits set (as for SSE) that the kernel must find as it would on PVH.
const CR4: u32 = 1 << 5;
/// EFER: LME and NXE.
const EFER: u32 = 1 << 8 | 1 << 11;
/// CR0: PE, MP, ET, NE, WP (the kernel can't write to read-only pages either), PG.
const CR0: u32 = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 31;
/// CPUID 0x80000001, EDX: 64-bit mode and no-execute pages.
const LONG_MODE_AND_NX: u32 = 1 << 29 | 1 << 20;
/// What is written to the image's last bytes, to be read back: where there is no RAM it can't be.
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
    // 1. EDI and ESI are the arguments of the call in step 5; CPUID leaves them alone.
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
    // PVH tells of the initramfs in the first of `modlist_paddr`'s entries, by its address.
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
    // The message, byte by byte, then the debug-exit device. The text lies beside the code: in the
    // image's first pages.
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
    // 5. The upper halves of registers are undefined after the switch, RSP's too.
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

// The page that both address spaces share.
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
    // accessed). Accessed from the start: the CPU has nothing to write to this page.
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

/// Physical address of the page that must be mapped, executable, for [`enter_kernel`].
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
    // SAFETY: the caller's promise; the registers are those that `handoff_page` uses.
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
