//! Instructions: their text, what they write to memory, and whether the CPU left them by a gate.

use harness::gdb::{Register, Registers};
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, Instruction, InstructionInfoFactory,
    IntelFormatter, Mnemonic, OpAccess, Register as Operand, SymbolResolver, SymbolResult,
};

use crate::symbols::Symbols;

/// Code segment of 32-bit programs, of both kernels.
const USER32_CS: u64 = 0x23;

/// A write of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The address.
    pub address: u64,
    /// The number of bytes.
    pub size: usize,
}

/// Width of the code that runs with this CS, in bits.
pub fn bits(cs: u64) -> u32 {
    if cs == USER32_CS { 32 } else { 64 }
}

/// The instruction at the start of `code`, which is at `rip`.
pub fn decode(code: &[u8], rip: u64, bits: u32) -> Instruction {
    Decoder::with_ip(bits, code, rip, DecoderOptions::NONE).decode()
}

/// The mnemonics of the 64-bit code that begins at `rip`, each with its address, without the padding at
/// its end.
pub fn mnemonics(code: &[u8], rip: u64) -> Vec<(u64, String)> {
    let decoder = Decoder::with_ip(64, code, rip, DecoderOptions::NONE);
    let words = decoder.into_iter().map(|instruction| {
        let word = format!("{:?}", instruction.mnemonic()).to_lowercase();
        let prefix = if instruction.has_rep_prefix() {
            "rep "
        } else {
            ""
        };
        (instruction.ip(), format!("{prefix}{word}"))
    });
    let mut words: Vec<(u64, String)> = words.collect();
    while words.last().is_some_and(|(_, word)| word == "int3") {
        words.pop();
    }
    words
}

/// What `instruction` writes to memory, with the registers before it.
pub fn writes(instruction: &Instruction, before: &Registers) -> Vec<Access> {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let written = info.used_memory().iter().filter(|memory| {
        matches!(
            memory.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        )
    });
    let accesses = written.filter_map(|memory| {
        let address = memory.virtual_address(0, |register, _, _| value(register, before))?;
        let size = memory.memory_size().size();
        (size > 0).then_some(Access { address, size })
    });
    accesses.collect()
}

/// Value of a register of an address, or the base of a segment.
fn value(register: Operand, registers: &Registers) -> Option<u64> {
    use Register as R;
    let number = match register {
        Operand::CS | Operand::DS | Operand::ES | Operand::SS => return Some(0),
        Operand::FS => return Some(registers.get(R::FsBase)),
        Operand::GS => return Some(registers.get(R::GsBase)),
        Operand::RIP => return Some(registers.get(R::Rip)),
        general => general.full_register(),
    };
    let full = match number {
        Operand::RAX => R::Rax,
        Operand::RBX => R::Rbx,
        Operand::RCX => R::Rcx,
        Operand::RDX => R::Rdx,
        Operand::RSI => R::Rsi,
        Operand::RDI => R::Rdi,
        Operand::RBP => R::Rbp,
        Operand::RSP => R::Rsp,
        Operand::R8 => R::R8,
        Operand::R9 => R::R9,
        Operand::R10 => R::R10,
        Operand::R11 => R::R11,
        Operand::R12 => R::R12,
        Operand::R13 => R::R13,
        Operand::R14 => R::R14,
        Operand::R15 => R::R15,
        _ => return None,
    };
    let mask = match register.size() {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    };
    Some(registers.get(full) & mask)
}

/// Whether the CPU left the instruction through a gate of the IDT: INT, or an exception.
pub fn took_gate(instruction: &Instruction, before: &Registers, after: &Registers) -> bool {
    let level = |registers: &Registers| registers.get(Register::Cs) & 3;
    let (rip, next) = (before.get(Register::Rip), after.get(Register::Rip));
    match (level(before), level(after)) {
        (3, 0) => !matches!(
            instruction.mnemonic(),
            Mnemonic::Syscall | Mnemonic::Sysenter
        ),
        // A repeated string instruction stays where it is.
        (0, 0) => {
            instruction.flow_control() == FlowControl::Next
                && next != rip
                && next != instruction.next_ip()
        }
        _ => false,
    }
}

/// The instruction in Intel's syntax, with names for addresses that have one.
pub fn text(instruction: &Instruction, symbols: Option<&Symbols>) -> String {
    let resolver =
        symbols.map(|symbols| -> Box<dyn SymbolResolver> { Box::new(Names(symbols.clone())) });
    let mut formatter = IntelFormatter::with_options(resolver, None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_space_after_operand_separator(true);
    options.set_rip_relative_addresses(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    // A pushed constant is a number with a sign: -38 is -ENOSYS.
    options.set_signed_immediate_operands(instruction.mnemonic() == Mnemonic::Push);
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    text
}

/// Names of a kernel's or program's addresses, for the formatter.
struct Names(Symbols);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        _: &Instruction,
        _: u32,
        _: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        // Small numbers are no addresses.
        if address < 0x1000 {
            return None;
        }
        // A 32-bit displacement of the kernel's is sign-extended.
        let wide = [address, address as i32 as u64];
        let (name, offset) = wide.iter().find_map(|at| self.0.containing(*at))?;
        let name = crate::symbols::short(name);
        let text = match offset {
            0 => name,
            _ => format!("{name}+{offset:#x}"),
        };
        Some(SymbolResult::with_string(address, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_intels_syntax() {
        let text = |code: &[u8]| text(&decode(code, 0x1000, 64), None);
        assert_eq!(text(&[0x41, 0x57]), "push r15");
        assert_eq!(text(&[0x0f, 0x01, 0xf8]), "swapgs");
        assert_eq!(text(&[0x48, 0x0f, 0x07]), "sysretq");
        assert_eq!(text(&[0x48, 0x83, 0xc4, 0x08]), "add rsp, 8");
    }
}
