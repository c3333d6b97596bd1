//! The unwind tables: unwinding from any instruction of an image to its caller.

use crate::program::Program;
use gimli::{
    BaseAddresses, CfaRule, EhFrame, Encoding, EvaluationResult, LittleEndian, Location, Register,
    RegisterRule, UnwindContext, UnwindExpression, UnwindSection, Value,
};
use object::{Object, ObjectSection};
use std::collections::BTreeMap;

type Slice = gimli::EndianSlice<'static, LittleEndian>;

/// Register values by DWARF number.
pub type Registers = BTreeMap<u16, u64>;

/// The unwind tables of a mapped image.
pub struct Tables {
    program: Program,
    frames: EhFrame<Slice>,
    bases: BaseAddresses,
}

impl Tables {
    pub fn new(program: Program) -> Self {
        let file = object::File::parse(program.image).unwrap();
        let section = file.section_by_name(".eh_frame").expect("unwind tables");
        let at = |name| file.section_by_name(name).unwrap().address() + program.base as u64;
        let mut frames = EhFrame::new(section.data().unwrap(), LittleEndian);
        frames.set_address_size(if program.bits == 64 { 8 } else { 4 });
        let bases = BaseAddresses::default()
            .set_eh_frame(at(".eh_frame"))
            .set_text(at(".text"));
        Self {
            program,
            frames,
            bases,
        }
    }

    /// DWARF numbers of the stack pointer and of the return address.
    pub fn stack_and_return(&self) -> (u16, u16) {
        if self.program.bits == 64 {
            (7, 16)
        } else {
            (4, 8)
        }
    }

    /// The registers of the caller of the code at `at`, read by `memory`. `None` if no entry covers
    /// `at`.
    pub fn step(
        &self,
        registers: &Registers,
        at: u64,
        memory: &impl Fn(u64) -> u64,
    ) -> Option<Registers> {
        let mut context = UnwindContext::new();
        let fde = self
            .frames
            .fde_for_address(&self.bases, at, EhFrame::cie_from_offset)
            .ok()?;
        let row = fde
            .unwind_info_for_address(&self.frames, &self.bases, &mut context, at)
            .ok()?;
        let encoding = fde.cie().encoding();
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                registers[&register.0].wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => {
                self.evaluate(expression, encoding, registers, memory)
            }
        };
        let mut caller = registers.clone();
        let (stack, _) = self.stack_and_return();
        caller.insert(stack, cfa);
        for (register, rule) in row.registers() {
            let value = match rule {
                RegisterRule::Offset(offset) => memory(cfa.wrapping_add_signed(*offset)),
                RegisterRule::Expression(expression) => {
                    memory(self.evaluate(expression, encoding, registers, memory))
                }
                RegisterRule::SameValue | RegisterRule::Undefined => continue,
                other => panic!("unexpected rule {other:?}"),
            };
            caller.insert(register.0, value);
        }
        Some(caller)
    }

    /// Whether the entry of `at` describes a signal frame, and the range that it covers.
    pub fn entry(&self, at: u64) -> Option<(bool, std::ops::Range<u64>)> {
        let fde = self
            .frames
            .fde_for_address(&self.bases, at, EhFrame::cie_from_offset)
            .ok()?;
        Some((
            fde.is_signal_trampoline(),
            fde.initial_address()..fde.initial_address() + fde.len(),
        ))
    }

    /// Start of the entry of `at` in .eh_frame_hdr's search table.
    pub fn listed(&self, at: u64) -> Option<u64> {
        let file = object::File::parse(self.program.image).unwrap();
        let section = file.section_by_name(".eh_frame_hdr")?;
        let bases = self
            .bases
            .clone()
            .set_eh_frame_hdr(section.address() + self.program.base as u64);
        let size = if self.program.bits == 64 { 8 } else { 4 };
        let header = gimli::EhFrameHdr::new(section.data().unwrap(), LittleEndian)
            .parse(&bases, size)
            .ok()?;
        let table = header.table()?;
        let fde = table
            .fde_for_address(&self.frames, &bases, at, EhFrame::cie_from_offset)
            .ok()?;
        Some(fde.initial_address())
    }

    fn evaluate(
        &self,
        expression: &UnwindExpression<usize>,
        encoding: Encoding,
        registers: &Registers,
        memory: &impl Fn(u64) -> u64,
    ) -> u64 {
        let mut evaluation = expression.get(&self.frames).unwrap().evaluation(encoding);
        let mut state = evaluation.evaluate().unwrap();
        loop {
            state = match state {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresRegister {
                    register: Register(number),
                    ..
                } => evaluation
                    .resume_with_register(Value::Generic(registers[&number]))
                    .unwrap(),
                EvaluationResult::RequiresMemory { address, .. } => evaluation
                    .resume_with_memory(Value::Generic(memory(address)))
                    .unwrap(),
                other => panic!("unexpected request {other:?}"),
            };
        }
        match evaluation.result()[0].location {
            Location::Address { address } => address,
            other => panic!("unexpected result {other:?}"),
        }
    }
}

#[test]
fn every_export_is_covered() {
    for bits in [64, 32] {
        let program = Program::load(bits);
        let tables = Tables::new(program);
        let file = object::File::parse(program.image).unwrap();
        use object::ObjectSymbol;
        for symbol in file.dynamic_symbols() {
            let (start, end) = (
                program.base as u64 + symbol.address(),
                symbol.address() + symbol.size(),
            );
            let name = symbol.name().unwrap();
            let listed = tables.listed(start);
            assert!(
                listed.is_some_and(|first| first <= start && start < first + 2048),
                "{name} is not in the search table"
            );
            let (is_signal, range) = tables
                .entry(start)
                .unwrap_or_else(|| panic!("{name} has no unwind entry"));
            assert!(
                range.contains(&(program.base as u64 + end - 1)),
                "{name} is not covered to its end"
            );
            assert_eq!(is_signal, name.ends_with("sigreturn"), "{name}");
            // Unwinders look up the byte before a return address.
            assert!(
                !is_signal || range.contains(&(start - 1)),
                "{name} is not found by its return address"
            );
        }
    }
}

/// Unwinds from each instruction of the two trampolines of 32-bit signal handlers: the kernel's
/// signal frame has every interrupted register.
#[test]
fn signal_frames_give_the_interrupted_registers() {
    let program = Program::load(32);
    let tables = Tables::new(program);
    // Offsets in struct sigcontext_32, by DWARF number: eax ecx edx ebx esp ebp esi edi eip.
    let offsets = [44u64, 40, 36, 32, 28, 24, 20, 16, 56];
    let context = 0x1000u64;
    let memory = |address: u64| 0xabc0_0000 + (address - context);
    // Offset of each instruction, and the distance from the stack pointer to the sigcontext.
    for (name, instructions) in [
        ("__kernel_sigreturn", &[(0u64, 4u64), (1, 0), (6, 0)][..]),
        (
            "__kernel_rt_sigreturn",
            &[(0, 4 + 4 + 4 + 128 + 20), (5, 160)][..],
        ),
    ] {
        for (offset, below) in instructions {
            let at = program.symbol(name) as u64 + offset;
            let registers = Registers::from([(4, context - below), (5, 1), (3, 2)]);
            let caller = tables.step(&registers, at, &memory).unwrap();
            for (number, offset) in offsets.iter().enumerate() {
                assert_eq!(
                    caller[&(number as u16)],
                    memory(context + offset),
                    "{name}+{at:#x}: register {number}"
                );
            }
        }
    }
}
