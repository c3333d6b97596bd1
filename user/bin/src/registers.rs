//! A call through a door that sets every register before and reads every register after.
//!
//! [`call`] loads the general registers and the flags from a [`Registers`], executes the door's
//! instruction and stores them all again, with no compiled code in between.

use core::arch::naked_asm;
use core::cell::UnsafeCell;

use sys::Door;

/// Number of general registers without the stack pointer.
#[cfg(target_arch = "x86_64")]
pub const COUNT: usize = 15;
/// Number of general registers without the stack pointer.
#[cfg(target_arch = "x86")]
pub const COUNT: usize = 7;

/// The registers' names, in the order of [`Registers::general`].
#[cfg(target_arch = "x86_64")]
pub const NAMES: [&str; COUNT] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];
/// The registers' names, in the order of [`Registers::general`].
#[cfg(target_arch = "x86")]
pub const NAMES: [&str; COUNT] = ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp"];

/// The general registers and the flags; after a call also the address that it returned to.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    /// In the order of [`NAMES`].
    pub general: [usize; COUNT],
    /// The flags register.
    pub flags: usize,
    /// The stack pointer at the door's instruction; only read back.
    pub stack: usize,
    /// The address after the door's instruction; only read back, and only in 64-bit programs.
    pub after: usize,
}

impl Registers {
    /// A different value in each register, and default flags.
    pub fn pattern() -> Registers {
        let mut registers = Registers {
            general: [0; COUNT],
            flags: 0x202,
            stack: 0,
            after: 0,
        };
        for (index, register) in registers.general.iter_mut().enumerate() {
            *register = (0x1122_3344_5566_0000_u64.wrapping_mul(index as u64 + 3)) as usize | index;
        }
        registers
    }

    /// Sets the number and up to four arguments of a call through `door`.
    pub fn with_call(mut self, door: Door, number: usize, args: impl AsRef<[usize]>) -> Registers {
        self.general[0] = number;
        for (register, arg) in argument_registers(door).into_iter().zip(args.as_ref()) {
            self.general[register] = *arg;
        }
        self
    }
}

/// Indices of the registers of the first four arguments: rdi rsi rdx r10, or ebx ecx edx esi.
fn argument_registers(door: Door) -> [usize; 4] {
    match door {
        #[cfg(target_arch = "x86_64")]
        Door::Syscall => [5, 4, 3, 9],
        _ => [1, 2, 3, 4],
    }
}

#[repr(transparent)]
struct Shared(UnsafeCell<Registers>);

// SAFETY: the programs have one thread.
unsafe impl Sync for Shared {}

const EMPTY: Registers = Registers {
    general: [0; COUNT],
    flags: 0,
    stack: 0,
    after: 0,
};
static BEFORE: Shared = Shared(UnsafeCell::new(EMPTY));
static AFTER: Shared = Shared(UnsafeCell::new(EMPTY));

/// Makes the call in `before` through `door`; returns the registers after it.
///
/// # Safety
/// The door must be available, and the call in the registers sound for this program.
pub unsafe fn call(door: Door, before: Registers) -> Registers {
    // SAFETY: one thread, so no other code accesses the two statics.
    unsafe { *BEFORE.0.get() = before };
    // SAFETY: the stubs follow the C calling convention; the caller vouches for the call.
    unsafe {
        match door {
            Door::Int80 => int80(),
            #[cfg(target_arch = "x86_64")]
            Door::Syscall => syscall(),
            #[cfg(target_arch = "x86")]
            Door::Vsyscall => vsyscall(),
            #[cfg(target_arch = "x86")]
            Door::Sysenter => sysenter(),
            #[cfg(target_arch = "x86")]
            Door::Syscall32 => syscall32(),
        }
    }
    // SAFETY: as above.
    unsafe { *AFTER.0.get() }
}

#[cfg(target_arch = "x86_64")]
macro_rules! stub {
    ($name:ident: $($door:literal),+) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push rbx", "push rbp", "push r12", "push r13", "push r14", "push r15",
                "push [rip + {before} + 120]", "popfq",
                "mov rax, [rip + {before}]", "mov rbx, [rip + {before} + 8]",
                "mov rcx, [rip + {before} + 16]", "mov rdx, [rip + {before} + 24]",
                "mov rsi, [rip + {before} + 32]", "mov rdi, [rip + {before} + 40]",
                "mov rbp, [rip + {before} + 48]", "mov r8, [rip + {before} + 56]",
                "mov r9, [rip + {before} + 64]", "mov r10, [rip + {before} + 72]",
                "mov r11, [rip + {before} + 80]", "mov r12, [rip + {before} + 88]",
                "mov r13, [rip + {before} + 96]", "mov r14, [rip + {before} + 104]",
                "mov r15, [rip + {before} + 112]",
                "mov [rip + {before} + 128], rsp",
                $($door,)+
                "2:",
                "mov [rip + {after}], rax", "mov [rip + {after} + 8], rbx",
                "mov [rip + {after} + 16], rcx", "mov [rip + {after} + 24], rdx",
                "mov [rip + {after} + 32], rsi", "mov [rip + {after} + 40], rdi",
                "mov [rip + {after} + 48], rbp", "mov [rip + {after} + 56], r8",
                "mov [rip + {after} + 64], r9", "mov [rip + {after} + 72], r10",
                "mov [rip + {after} + 80], r11", "mov [rip + {after} + 88], r12",
                "mov [rip + {after} + 96], r13", "mov [rip + {after} + 104], r14",
                "mov [rip + {after} + 112], r15", "mov [rip + {after} + 128], rsp",
                "lea rax, [rip + 2b]", "mov [rip + {after} + 136], rax",
                "mov rsp, [rip + {before} + 128]",
                "pushfq", "pop [rip + {after} + 120]", "push 0x202", "popfq",
                "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx",
                "ret",
                before = sym BEFORE, after = sym AFTER,
            )
        }
    };
}

#[cfg(target_arch = "x86")]
macro_rules! stub {
    ($name:ident: $($door:literal),+ $(; $symbol:path)?) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push ebx", "push ebp", "push esi", "push edi",
                "push [{before} + 28]", "popfd",
                "mov eax, [{before}]", "mov ebx, [{before} + 4]", "mov ecx, [{before} + 8]",
                "mov edx, [{before} + 12]", "mov esi, [{before} + 16]",
                "mov edi, [{before} + 20]", "mov ebp, [{before} + 24]",
                "mov [{before} + 32], esp",
                $($door,)+
                "2:",
                "mov [{after}], eax", "mov [{after} + 4], ebx", "mov [{after} + 8], ecx",
                "mov [{after} + 12], edx", "mov [{after} + 16], esi",
                "mov [{after} + 20], edi", "mov [{after} + 24], ebp",
                "mov [{after} + 32], esp",
                "mov esp, [{before} + 32]",
                "pushfd", "pop [{after} + 28]", "push 0x202", "popfd",
                "pop edi", "pop esi", "pop ebp", "pop ebx",
                "ret",
                before = sym BEFORE, after = sym AFTER, $(target = sym $symbol)?
            )
        }
    };
}

stub!(int80: "int 0x80");
#[cfg(target_arch = "x86_64")]
stub!(syscall: "syscall");
#[cfg(target_arch = "x86")]
stub!(vsyscall: "call dword ptr [{target}]"; sys::sysenter::VSYSCALL);
// The kernel returns to the landing pad in the vDSO, which pops three registers and returns.
#[cfg(target_arch = "x86")]
stub!(sysenter: "call 3f", "jmp 2f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, esp", "sysenter");
#[cfg(target_arch = "x86")]
stub!(syscall32: "call 3f", "jmp 2f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, ecx", "syscall");
