//! What a debugger reads of the stubs: call frame information and source lines.
//!
//! The compiler has none for naked functions. The macros below give each instruction of a stub the
//! rule by which a debugger finds the interrupted code's registers (DWARF 5, 6.4), so that a
//! backtrace from a handler continues in the program. They emit no code. The register numbers are
//! those of the System V psABI, figure 3.36: 7 is rsp, 16 the return address, 49 rflags.
//!
//! The canonical frame address is the end of the frame on the kernel stack (`abi/frame.rs`): `ss`
//! is the word below it. While rsp is still, or again, the program's, it is rsp.
//!
//! The sections `.stub_*` have a compilation unit for each stub, with its lines; `kernel.ld` adds
//! them to those of the compiler.

/// Inside `naked_asm!`, first: begins the information about a stub.
macro_rules! stub_begins {
    () => {
        concat!(
            // Apart from the image.
            ".cfi_sections .debug_frame\n.cfi_startproc simple\n",
            "86:\n.pushsection .stub_line, \"\", @progbits\n",
            // A line number program (DWARF 4, 6.2.4) with one file and without special opcodes.
            ".long 83f - 81f\n81: .short 4\n.long 82f - 84f\n",
            "84: .byte 1, 1, 1, 0, 1, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0\n",
            ".asciz \"",
            file!(),
            "\"\n.byte 0, 0, 0, 0\n82:\n.popsection\n",
            here!()
        )
    };
}

/// Inside `naked_asm!`: the next instructions are those from the next source line on.
macro_rules! here {
    () => {
        concat!(
            "85:\n.pushsection .stub_line, \"\", @progbits\n",
            // The address, the line after the macro's own, a row; then back to line 1.
            ".byte 0, 9, 2\n.quad 85b\n.byte 3\n.sleb128 ",
            line!(),
            "\n.byte 1, 3\n.sleb128 -",
            line!(),
            "\n.popsection\n"
        )
    };
}

/// Inside `naked_asm!`, last: ends the information about a stub.
macro_rules! stub_ends {
    () => {
        concat!(
            ".cfi_endproc\n87:\n.pushsection .stub_line, \"\", @progbits\n",
            "88: .byte 0, 9, 2\n.quad 87b\n.byte 0, 1, 1\n83:\n.popsection\n",
            // One kind of entry: a compilation unit with lines, two addresses, a name and a
            // language.
            ".pushsection .stub_abbrev, \"\", @progbits\n",
            "89: .byte 1, 0x11, 0, 0x10, 0x17, 0x11, 1, 0x12, 7, 3, 8, 0x13, 5, 0, 0, 0\n.popsection\n",
            ".pushsection .stub_info, \"\", @progbits\n",
            ".long 92f - 91f\n91: .short 4\n.long 89b\n.byte 8, 1\n",
            ".long 81b - 4\n.quad 86b\n.quad 87b - 86b\n.asciz \"",
            file!(),
            "\"\n.short 0x8001\n92:\n.popsection\n"
        )
    };
}

/// Inside `naked_asm!`: the CPU has pushed ss, rsp, rflags, cs and rip, and `$below` more bytes are
/// pushed.
macro_rules! unwind_from_gate {
    ($below:literal) => {
        concat!(
            ".cfi_def_cfa 7, 40 + ",
            $below,
            "\n.cfi_offset 16, -40\n.cfi_offset 7, -16\n.cfi_offset 49, -24\n"
        )
    };
}

/// Inside `naked_asm!`: the frame is complete, and rsp points to it. rax is the number: the frame's
/// slot of rax has the result.
macro_rules! unwind_from_frame {
    () => {
        concat!(
            unwind_from_gate!("136"),
            ".cfi_offset 0, -48\n.cfi_offset 5, -56\n.cfi_offset 4, -64\n.cfi_offset 1, -72\n",
            ".cfi_offset 2, -80\n.cfi_offset 8, -96\n.cfi_offset 9, -104\n.cfi_offset 10, -112\n",
            ".cfi_offset 11, -120\n.cfi_offset 3, -128\n.cfi_offset 6, -136\n.cfi_offset 12, -144\n",
            ".cfi_offset 13, -152\n.cfi_offset 14, -160\n.cfi_offset 15, -168\n"
        )
    };
}

/// Inside `naked_asm!`: all registers are the program's, but for rip, which is in rcx, and rflags,
/// in r11.
macro_rules! unwind_from_user {
    () => {
        concat!(
            ".cfi_def_cfa 7, 0\n.cfi_register 16, 2\n.cfi_register 49, 11\n",
            ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n",
            ".cfi_restore \\number\n.endr\n"
        )
    };
}

/// Inside `naked_asm!`: register number `$register` of the program is in a field of the per-CPU
/// data, by an expression: its address, to which an offset is added. The build fills the address
/// in, for which `PER_CPU0` stands (`xtask/src/build/unwind.rs`): these directives take numbers
/// only.
macro_rules! unwind_from_per_cpu {
    ($register:literal, $offset:literal) => {
        concat!(
            ".cfi_escape 0x10, ",
            $register,
            ", 11, 3, 0x50, 0x45, 0x52, 0x5f, 0x43, 0x50, 0x55, 0x30, 0x23, ",
            $offset,
            "\n"
        )
    };
}

pub(super) use {
    here, stub_begins, stub_ends, unwind_from_frame, unwind_from_gate, unwind_from_per_cpu,
    unwind_from_user,
};
