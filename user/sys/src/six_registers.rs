//! The common part of the three 32-bit stubs: loads six arguments from memory into six registers.
//!
//! A 32-bit system call uses all registers except `esp`, so the stub must save the callee-saved
//! ones (`ebx esi edi ebp`) before it loads the arguments.

/// The text of a stub `extern "C" fn(number: usize, args: *const [usize; 6]) -> isize` around the
/// given instructions.
macro_rules! with_six_registers {
    ($($instruction:literal),+) => {
        concat!(
            "push ebp\npush ebx\npush esi\npush edi\n",
            "mov eax, [esp + 20]\n", // number: above four saved registers and the return address
            "mov ebp, [esp + 24]\n", // args
            "mov ebx, [ebp]\n",
            "mov ecx, [ebp + 4]\n",
            "mov edx, [ebp + 8]\n",
            "mov esi, [ebp + 12]\n",
            "mov edi, [ebp + 16]\n",
            "mov ebp, [ebp + 20]\n",
            $($instruction, "\n",)+
            "pop edi\npop esi\npop ebx\npop ebp\n",
            "ret",
        )
    };
}

pub(crate) use with_six_registers;
