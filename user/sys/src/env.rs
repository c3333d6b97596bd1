//! What the kernel puts on a new program's stack: arguments, environment, auxiliary vector.
//!
//! From the stack pointer upwards: `argc`, `argc` pointers to strings, 0, pointers to the
//! environment's strings, 0, pairs of (kind, value), ended by the pair (0, 0). Source: the System V
//! psABI's "process initialization", both widths.

use core::ffi::{CStr, c_char};

/// Auxiliary vector: size of a page.
pub const AT_PAGESZ: usize = 6;
/// Auxiliary vector: address of `__kernel_vsyscall` (32-bit programs).
pub const AT_SYSINFO: usize = 32;
/// Auxiliary vector: address of the vDSO's ELF header.
pub const AT_SYSINFO_EHDR: usize = 33;

/// The program's initial stack, as the kernel laid it out.
#[derive(Debug)]
pub struct Env {
    stack: *const usize,
}

impl Env {
    /// The environment above `stack`.
    ///
    /// # Safety
    /// `stack` must be the stack pointer as it was at the program's first instruction, and what
    /// the kernel wrote there must still be there.
    pub unsafe fn new(stack: *const usize) -> Env {
        Env { stack }
    }

    /// The word `index` places above the initial stack pointer.
    fn word(&self, index: usize) -> usize {
        // SAFETY: `new` promises the kernel's layout, and the callers stop at its terminators.
        unsafe { self.stack.add(index).read() }
    }

    /// The initial stack pointer.
    pub fn stack(&self) -> *const usize {
        self.stack
    }

    /// The null-terminated array of argument pointers, as `execve` takes it.
    pub fn argv(&self) -> *const usize {
        self.stack.wrapping_add(1)
    }

    /// The null-terminated array of environment pointers, as `execve` takes it.
    pub fn envp(&self) -> *const usize {
        self.stack.wrapping_add(2 + self.word(0))
    }

    /// The arguments, the program's own name first. One that isn't UTF-8 reads as "?".
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
                // SAFETY: the kernel put NUL-terminated strings there, for the program's life.
                unsafe { CStr::from_ptr(pointer as *const c_char) }
                    .to_str()
                    .unwrap_or("?")
            })
    }
}
