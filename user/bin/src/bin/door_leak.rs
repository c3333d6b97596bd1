//! Rules 5 and 13: 32-bit code has no r8 to r15, but it can jump to 64-bit code and read them. No
//! door may leak kernel values in them: each register has its previous value, or 0, or (r11) the
//! flags. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

sys::entry!(run);

/// `door_regs` is the test of 64-bit programs.
#[cfg(target_arch = "x86_64")]
fn run(_: &Env) -> i32 {
    2
}

#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    use programs::check::Checks;
    use sys::Door;

    let mut checks = Checks::default();
    for door in Door::usable() {
        // Numbers in the table and outside it have different paths through the kernel.
        for number in [sys::numbers::GETPID.i386, 100_000] {
            let found = narrow::upper_registers(door, number);
            for (register, value) in (8..).zip(found) {
                let flags = register == 11 && value < 1 << 22;
                let own = value == narrow::PATTERN || value == 0;
                checks.that(
                    own || flags,
                    format_args!("{door}, number {number}: r{register} is {value:#x}"),
                );
            }
        }
    }
    checks.status()
}

#[cfg(target_arch = "x86")]
mod narrow {
    use core::arch::naked_asm;

    use sys::Door;

    /// The value of r8 to r15 before the call.
    pub const PATTERN: u64 = 0x1122_3344_5566_7788;

    /// Makes a call without arguments; returns r8 to r15 after it.
    pub fn upper_registers(door: Door, number: usize) -> [u64; 8] {
        let mut found = [0; 8];
        let stub = match door {
            Door::Int80 => int80,
            Door::Vsyscall => vsyscall,
            Door::Sysenter => sysenter,
            Door::Syscall32 => syscall32,
        };
        // SAFETY: the stubs follow the C calling convention and write the eight words; the calls
        // have no arguments.
        unsafe { stub(number, &mut found) };
        found
    }

    // The switch to 64-bit code and back is a far jump through memory: `call` pushes the address of
    // the code after it, below the selector already on the stack. The selectors are Linux's.
    macro_rules! stub {
        ($name:ident: $($door:literal),+ $(; $symbol:path)?) => {
            #[unsafe(naked)]
            unsafe extern "C" fn $name(number: usize, found: *mut [u64; 8]) {
                naked_asm!(
                    "push ebp", "push ebx", "push esi", "push edi",
                    "push 0x33", "call 5f",
                    ".code64",
                    "mov r8, 0x1122334455667788",
                    "mov r9, r8", "mov r10, r8", "mov r11, r8",
                    "mov r12, r8", "mov r13, r8", "mov r14, r8", "mov r15, r8",
                    "lea eax, [rip + 6f]", "mov [rsp], eax", "mov dword ptr [rsp + 4], 0x23",
                    "jmp fword ptr [rsp]",
                    ".code32",
                    "5: jmp fword ptr [esp]",
                    "6: add esp, 8",
                    "mov eax, [esp + 20]",
                    $($door,)+
                    "mov edi, [esp + 24]",
                    "push 0x33", "call 7f",
                    ".code64",
                    "mov edi, edi",
                    "mov [rdi], r8", "mov [rdi + 8], r9", "mov [rdi + 16], r10", "mov [rdi + 24], r11",
                    "mov [rdi + 32], r12", "mov [rdi + 40], r13", "mov [rdi + 48], r14", "mov [rdi + 56], r15",
                    "lea eax, [rip + 8f]", "mov [rsp], eax", "mov dword ptr [rsp + 4], 0x23",
                    "jmp fword ptr [rsp]",
                    ".code32",
                    "7: jmp fword ptr [esp]",
                    "8: add esp, 8",
                    "pop edi", "pop esi", "pop ebx", "pop ebp",
                    "ret",
                    $(vsyscall = sym $symbol)?
                )
            }
        };
    }

    stub!(int80: "int 0x80");
    stub!(vsyscall: "call dword ptr [{vsyscall}]"; sys::sysenter::VSYSCALL);
    stub!(sysenter: "call 3f", "jmp 4f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, esp", "sysenter", "4:");
    stub!(syscall32: "call 3f", "jmp 4f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, ecx", "syscall", "4:");
}
