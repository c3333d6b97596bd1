//! Executes one privileged instruction. Expected: signal 11, for each.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;

use programs::named::{self, Case};
use sys::Env;

sys::entry!(run);

fn run(env: &Env) -> i32 {
    named::run(env, CASES)
}

/// A case that executes the given instructions.
macro_rules! instructions {
    ($name:literal: $($line:literal),+) => {
        ($name, || {
            // SAFETY: the program ends here: the instruction faults in ring 3.
            unsafe {
                asm!($($line),+, inout("edi") (&raw const OPERAND).addr() as u32 => _,
                    out("eax") _, out("ecx") _, out("edx") _)
            }
        })
    };
}

/// Memory operand, by `edi`: the limit and base of a descriptor table (10 bytes) for LGDT and LIDT.
/// Its address fits in 32 bits in both widths.
static OPERAND: [u8; 16] = [0; 16];

const CASES: &[Case] = &[
    instructions!("hlt": "hlt"),
    instructions!("cli": "cli"),
    instructions!("sti": "sti"),
    instructions!("in": "in al, 0x60"),
    instructions!("in-dx": "mov edx, 0x3f8", "in eax, dx"),
    instructions!("out": "out 0xf4, al"),
    instructions!("out-exit": "mov edx, 0xf4", "mov eax, 0x10", "out dx, eax"),
    instructions!("rdmsr": "mov ecx, 0xc0000082", "rdmsr"),
    instructions!("wrmsr": "mov ecx, 0xc0000082", "wrmsr"),
    instructions!("clts": "clts"),
    instructions!("invd": "invd"),
    instructions!("wbinvd": "wbinvd"),
    instructions!("invlpg": "invlpg [edi]"),
    instructions!("lgdt": "lgdt [edi]"),
    instructions!("lidt": "lidt [edi]"),
    instructions!("lldt": "xor eax, eax", "lldt ax"),
    instructions!("ltr": "mov eax, 0x40", "ltr ax"),
    instructions!("lmsw": "mov eax, 1", "lmsw ax"),
    instructions!("mov-ss-kernel": "mov eax, 0x18", "mov ss, eax"),
    instructions!("mov-ss-null": "xor eax, eax", "mov ss, eax"),
    instructions!("mov-ds-beyond": "mov eax, 0xfff8", "mov ds, eax"),
    instructions!("mov-ds-tss": "mov eax, 0x43", "mov ds, eax"),
    #[cfg(target_arch = "x86_64")]
    instructions!("swapgs": "swapgs"),
    #[cfg(target_arch = "x86_64")]
    instructions!("sysret": "sysretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("read-cr0": "mov rax, cr0"),
    #[cfg(target_arch = "x86_64")]
    instructions!("write-cr3": "xor eax, eax", "mov cr3, rax"),
    #[cfg(target_arch = "x86_64")]
    instructions!("write-cr4": "xor eax, eax", "mov cr4, rax"),
    #[cfg(target_arch = "x86_64")]
    instructions!("read-cr8": "mov rax, cr8"),
    #[cfg(target_arch = "x86_64")]
    instructions!("write-dr7": "xor eax, eax", "mov dr7, rax"),
    // IRET's frame, in the order of the pops: rip, cs, rflags, rsp, ss.
    #[cfg(target_arch = "x86_64")]
    instructions!("iret-kernel": "mov rax, rsp", "push 0x18", "push rax", "push 0x202", "push 0x10", "push rdi", "iretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("iret-null-cs": "mov rax, rsp", "push 0x2b", "push rax", "push 0x202", "push 0", "push rdi", "iretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("iret-null-ss": "mov rax, rsp", "push 0", "push rax", "push 0x202", "push 0x33", "push rdi", "iretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("iret-tss-cs": "mov rax, rsp", "push 0x2b", "push rax", "push 0x202", "push 0x43", "push rdi", "iretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("iret-not-canonical": "mov rax, rsp", "push 0x2b", "push rax", "push 0x202", "push 0x33", "mov edi, 1", "shl rdi, 47", "push rdi", "iretq"),
    #[cfg(target_arch = "x86_64")]
    instructions!("far-return-kernel": "push 0x10", "push rdi", "retfq"),
    // Far pointers in memory: 32 bits of offset, then the selector.
    #[cfg(target_arch = "x86_64")]
    instructions!("far-call-kernel": "mov eax, 0x10", "shl rax, 32", "push rax", "call fword ptr [rsp]"),
    #[cfg(target_arch = "x86_64")]
    instructions!("far-jump-kernel": "mov eax, 0x10", "shl rax, 32", "push rax", "jmp fword ptr [rsp]"),
    #[cfg(target_arch = "x86_64")]
    instructions!("far-jump-tss": "mov eax, 0x43", "shl rax, 32", "push rax", "jmp fword ptr [rsp]"),
    #[cfg(target_arch = "x86")]
    instructions!("read-cr0": "mov eax, cr0"),
    #[cfg(target_arch = "x86")]
    instructions!("write-cr3": "xor eax, eax", "mov cr3, eax"),
    #[cfg(target_arch = "x86")]
    instructions!("write-cr4": "xor eax, eax", "mov cr4, eax"),
    #[cfg(target_arch = "x86")]
    instructions!("write-dr7": "xor eax, eax", "mov dr7, eax"),
    #[cfg(target_arch = "x86")]
    instructions!("iret-kernel": "pushfd", "push 0x10", "push edi", "iretd"),
    #[cfg(target_arch = "x86")]
    instructions!("iret-null-cs": "pushfd", "push 0", "push edi", "iretd"),
    #[cfg(target_arch = "x86")]
    instructions!("far-return-kernel": "push 0x10", "push edi", "retf"),
    #[cfg(target_arch = "x86")]
    instructions!("far-call-kernel": "push 0x10", "push edi", "call fword ptr [esp]"),
    #[cfg(target_arch = "x86")]
    instructions!("far-jump-kernel": "push 0x10", "push edi", "jmp fword ptr [esp]"),
    #[cfg(target_arch = "x86")]
    instructions!("far-jump-tss": "push 0x43", "push edi", "jmp fword ptr [esp]"),
];
