//! The initial stack of a program: arguments, environment, auxiliary vector.
//!
//! From the stack pointer upwards: `argc`, `argc` pointers to strings, 0, pointers to the
//! environment's strings, 0, and (kind, value) pairs up to the pair (0, 0). Source: the System V
//! psABI's "process initialization", both widths.

use core::ffi::{CStr, c_char};

/// Declares the kinds of auxiliary vector entries; numbers from Linux's `auxvec.h`.
macro_rules! kinds {
    ($($name:ident = $number:literal: $what:literal;)+) => {
        $(
            #[doc = concat!("Auxiliary vector: ", $what, ".")]
            pub const $name: usize = $number;
        )+
    };
}

kinds! {
    AT_PHDR = 3: "address of the program headers";
    AT_PHENT = 4: "size of a program header";
    AT_PHNUM = 5: "number of program headers";
    AT_PAGESZ = 6: "size of a page";
    AT_BASE = 7: "address of the dynamic linker, 0 without one";
    AT_FLAGS = 8: "0";
    AT_ENTRY = 9: "address of the program's first instruction";
    AT_UID = 11: "real user id";
    AT_EUID = 12: "effective user id";
    AT_GID = 13: "real group id";
    AT_EGID = 14: "effective group id";
    AT_PLATFORM = 15: "address of the CPU's name";
    AT_HWCAP = 16: "the CPU's features, CPUID leaf 1 edx";
    AT_CLKTCK = 17: "ticks per second of the clock of times(2)";
    AT_SECURE = 23: "whether execve raised the program's privileges";
    AT_RANDOM = 25: "address of 16 random bytes";
    AT_HWCAP2 = 26: "more features";
    AT_EXECFN = 31: "address of the path that was executed";
    AT_SYSINFO = 32: "address of `__kernel_vsyscall` (32-bit programs)";
    AT_SYSINFO_EHDR = 33: "address of the vDSO's ELF header";
    AT_MINSIGSTKSZ = 51: "size of the smallest signal stack";
}

/// The program's initial stack, in the kernel's layout.
#[derive(Debug)]
pub struct Env {
    stack: *const usize,
}

impl Env {
    /// The environment above `stack`.
    ///
    /// # Safety
    /// `stack` must be the stack pointer at the program's first instruction, and the kernel's data
    /// above it must be unchanged.
    pub unsafe fn new(stack: *const usize) -> Env {
        Env { stack }
    }

    /// The word `index` places above the initial stack pointer.
    fn word(&self, index: usize) -> usize {
        // SAFETY: `new` requires the kernel's layout, and the callers stop at its terminators.
        unsafe { self.stack.add(index).read() }
    }

    /// The initial stack pointer.
    pub fn stack(&self) -> *const usize {
        self.stack
    }

    /// The null-terminated array of argument pointers, for `execve`.
    pub fn argv(&self) -> *const usize {
        self.stack.wrapping_add(1)
    }

    /// The null-terminated array of environment pointers, for `execve`.
    pub fn envp(&self) -> *const usize {
        self.stack.wrapping_add(2 + self.word(0))
    }

    /// The arguments, the program's name first. An argument that isn't UTF-8 reads as "?".
    pub fn args(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.strings(1)
    }

    /// The environment's `NAME=value` strings.
    pub fn vars(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.strings(2 + self.word(0))
    }

    /// The value of environment variable `name`.
    pub fn var(&self, name: &str) -> Option<&'static str> {
        self.vars()
            .find_map(|var| var.strip_prefix(name)?.strip_prefix('='))
    }

    /// The auxiliary vector's (kind, value) pairs.
    pub fn auxv(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let envp = 2 + self.word(0);
        let end = (envp..)
            .find(|&index| self.word(index) == 0)
            .unwrap_or(envp);
        (end + 1..)
            .step_by(2)
            .map(|index| (self.word(index), self.word(index + 1)))
            .take_while(|&(kind, _)| kind != 0)
    }

    /// The auxiliary vector's value of that kind.
    pub fn aux(&self, kind: usize) -> Option<usize> {
        self.auxv().find(|pair| pair.0 == kind).map(|pair| pair.1)
    }

    fn strings(&self, first: usize) -> impl Iterator<Item = &'static str> + '_ {
        (first..)
            .map(|index| self.word(index))
            .take_while(|&pointer| pointer != 0)
            .map(|pointer| {
                // SAFETY: the kernel's pointers are those of NUL-terminated strings, valid for the
                // program's lifetime.
                unsafe { CStr::from_ptr(pointer as *const c_char) }
                    .to_str()
                    .unwrap_or("?")
            })
    }
}
