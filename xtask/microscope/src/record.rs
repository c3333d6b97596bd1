//! The recorder: boots a machine under QEMU's gdb stub, stops at the start of each journey, and notes
//! every instruction until its end.
//!
//! QEMU holds interrupts back while it steps, so that a record has the call and nothing else, and the
//! same steps each time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::gdb::{self, Gdb, Register, Registers};
use harness::programs::{Compiler, compile_with};
use harness::{Initramfs, Verdict, Vm, paths};
use iced_x86::Instruction;

use crate::decode::{self, Access};
use crate::journeys::{Journey, Machine};
use crate::symbols::{self, Symbols};

/// Most steps of a journey: a mistake must not step for ever.
const MOST_STEPS: usize = 20_000;
/// Time limit of a machine: Linux's boot and thousands of steps take a while on a busy host.
const PATIENCE: Duration = Duration::from_secs(240);
/// Most bytes of one write that are kept.
const MOST_BYTES: usize = 64;
/// The Linux beside Trident.
#[derive(Clone, Debug)]
pub struct Linux {
    /// The kernel's file.
    pub kernel: PathBuf,
    /// Its command line.
    pub append: String,
}

/// The kernels to boot.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// Trident's boot image.
    pub trident: PathBuf,
    /// The Linux beside it.
    pub linux: Option<Linux>,
}

impl Default for Kernels {
    /// The built image, and no Linux.
    fn default() -> Self {
        Self {
            trident: paths::boot_image(),
            linux: None,
        }
    }
}

/// One executed instruction.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its address.
    pub rip: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// All registers before it.
    pub before: Registers,
    /// What it wrote, with the values after it.
    pub writes: Vec<Write>,
}

impl Step {
    /// The privilege level before it.
    pub fn level(&self) -> u64 {
        self.before.get(Register::Cs) & 3
    }

    /// Width of its code in bits.
    pub fn bits(&self) -> u32 {
        decode::bits(self.before.get(Register::Cs))
    }
}

/// Memory after a write.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its address.
    pub address: u64,
    /// The bytes after it.
    pub bytes: Vec<u8>,
}

/// A recorded journey.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was recorded.
    pub journey: Journey,
    /// Its instructions in order.
    pub steps: Vec<Step>,
    /// The registers after the last one.
    pub after: Registers,
}

/// The records of one machine, and what names its addresses.
#[derive(Debug)]
pub struct Session {
    /// The journeys that were reached.
    pub records: Vec<Record>,
    /// The program that ran.
    pub program: PathBuf,
    /// The vDSO, as mapped: its address and its file.
    pub vdso: Option<(u64, Vec<u8>)>,
    /// Linux's symbols.
    pub kallsyms: Option<String>,
}

/// Records the journeys of one machine.
///
/// # Errors
/// A journey is not reached, or does not end.
pub fn record(machine: Machine, journeys: &[Journey], kernels: &Kernels) -> Result<Session> {
    let compiler = match machine.bits {
        64 => Compiler::Glibc64,
        _ => Compiler::Glibc32,
    };
    // The red zone below rsp is not the journeys': they call functions.
    let program = compile_with("microscope/journeys", compiler, &["-mno-red-zone"])?;
    let files = Initramfs::new()
        .dir("/dev")
        .executable_from("/init", &program)?;
    let vm = Vm::new().cpu(machine.cpu()).initramfs(&files);
    let vm = vm.timeout(PATIENCE);
    let (vm, end) = if machine.is_linux {
        let linux = kernels.linux.as_ref().context("no Linux to boot")?;
        let vm = vm.kernel(&linux.kernel).append(&linux.append);
        (vm, Verdict::Reset)
    } else {
        let vm = vm.kernel(&kernels.trident);
        (vm.append("quiet norandmaps"), Verdict::Pass)
    };
    let labels = symbols::of_file(&program)?;
    let wanted: Vec<Journey> = of_machine(journeys, machine);
    let (sender, receiver) = mpsc::channel();
    let file = program.clone();
    let outcome = gdb::run(vm, move |gdb| {
        let mut recorder = Recorder { gdb, labels };
        let records = recorder.journeys(wanted)?;
        let vdso = recorder.vdso()?;
        let kallsyms = recorder.kallsyms(machine)?;
        sender.send(Session {
            records,
            program: file,
            vdso,
            kallsyms,
        })?;
        Ok(())
    })?;
    // Where Linux has no init any more it panics, and `panic=` makes that a reset.
    outcome.expect(end)?;
    receiver.try_recv().context("no record")
}

fn of_machine(journeys: &[Journey], machine: Machine) -> Vec<Journey> {
    let here = journeys.iter().filter(|journey| journey.machine == machine);
    here.copied().collect()
}

struct Recorder<'a> {
    gdb: &'a mut Gdb,
    labels: Symbols,
}

impl Recorder<'_> {
    /// Records each journey as the program comes to it.
    fn journeys(&mut self, wanted: Vec<Journey>) -> Result<Vec<Record>> {
        let mut left: BTreeMap<u64, (Journey, u32)> = BTreeMap::new();
        for journey in wanted {
            let start = self.label("start", journey.label)?;
            self.gdb.break_at(start)?;
            left.insert(start, (journey, 0));
        }
        let mut records = Vec::new();
        while !left.is_empty() {
            self.gdb.go().with_context(|| {
                let names: Vec<&str> = left.values().map(|(journey, _)| journey.id).collect();
                format!("not reached: {}", names.join(", "))
            })?;
            let registers = self.gdb.registers()?;
            let rip = registers.get(Register::Rip);
            // A breakpoint would stop the machine before the same instruction again.
            self.gdb.unbreak(rip)?;
            let Some((journey, visits)) = left.get_mut(&rip) else {
                bail!("stopped at {rip:#x}");
            };
            // While the machine boots, other code may be at the program's addresses.
            let is_program = registers.get(Register::Cs) & 3 == 3;
            *visits += u32::from(is_program);
            if is_program && *visits == journey.visit() {
                let journey = *journey;
                left.remove(&rip);
                let record = self.journey(journey);
                records.push(record.with_context(|| format!("in {}", journey.id))?);
            } else {
                self.gdb.step()?;
                self.gdb.break_at(rip)?;
            }
        }
        Ok(records)
    }

    /// Steps from the start of a journey to its end.
    fn journey(&mut self, journey: Journey) -> Result<Record> {
        let end = self.label("end", journey.label)?;
        let mut steps = Vec::new();
        let mut before = self.gdb.registers()?;
        loop {
            let rip = before.get(Register::Rip);
            if rip == end && before.get(Register::Cs) & 3 == 3 {
                return Ok(Record {
                    journey,
                    steps,
                    after: before,
                });
            }
            ensure!(steps.len() < MOST_STEPS, "more than {MOST_STEPS} steps");
            let code = self.code(rip)?;
            let decoded = decode::decode(&code, rip, decode::bits(before.get(Register::Cs)));
            let accesses = decode::writes(&decoded, &before);
            let after = self.gdb.step_from(&before)?;
            let mut writes = Vec::new();
            for access in accesses
                .into_iter()
                .chain(pushed(&decoded, &before, &after))
            {
                let size = access.size.min(MOST_BYTES);
                // A write that faulted has no memory.
                if let Ok(bytes) = self.gdb.read(access.address, size) {
                    let address = access.address;
                    writes.push(Write { address, bytes });
                }
            }
            steps.push(Step {
                rip,
                bytes: code[..decoded.len()].to_vec(),
                before,
                writes,
            });
            before = after;
        }
    }

    /// The bytes at `rip`: up to 15, the longest instruction, fewer before a page that is not mapped.
    fn code(&mut self, rip: u64) -> Result<Vec<u8>> {
        const LONGEST: usize = 15;
        if let Ok(bytes) = self.gdb.read(rip, LONGEST) {
            return Ok(bytes);
        }
        let left = 4096 - (rip & 4095) as usize;
        self.gdb.read(rip, left.min(LONGEST))
    }

    fn label(&self, end: &str, name: &str) -> Result<u64> {
        let name = format!("{end}_{name}");
        self.labels
            .address(&name)
            .with_context(|| format!("the program has no label {name}"))
    }

    /// Reads the vDSO: its last mapped page ends it.
    fn vdso(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        const PAGE: usize = 4096;
        const MOST_PAGES: usize = 4;
        let at = self.labels.address("journey_vdso");
        let base = self.number(at.context("the program has no journey_vdso")?)?;
        if base == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        while let Ok(page) = self.gdb.read(base + bytes.len() as u64, PAGE / 2)
            && bytes.len() < MOST_PAGES * PAGE
        {
            bytes.extend(page);
        }
        Ok(Some((base, bytes)))
    }

    /// Reads Linux's symbols, which the program leaves in its memory.
    fn kallsyms(&mut self, machine: Machine) -> Result<Option<String>> {
        // The stub's answers have at most so many bytes.
        const PART: usize = 2000;
        if !machine.is_linux {
            return Ok(None);
        }
        let ready = self.label("start", "symbols")?;
        self.gdb.go_to(ready)?;
        let at = |name| self.labels.address(name).context("no symbols' buffer");
        let (text, len) = (at("journey_symbols")?, at("journey_symbols_len")?);
        let len = self.number(len)? as usize;
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let part = PART.min(len - bytes.len());
            bytes.extend(self.gdb.read(text + bytes.len() as u64, part)?);
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The `unsigned long` at `address`, as wide as the program's registers.
    fn number(&mut self, address: u64) -> Result<u64> {
        let bytes = self.gdb.read(address, self.labels.bits as usize / 8)?;
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(&bytes);
        Ok(u64::from_le_bytes(word))
    }
}

/// What the CPU pushed by itself in a step: the frame of an interrupt gate.
fn pushed(instruction: &Instruction, before: &Registers, after: &Registers) -> Option<Access> {
    if !decode::took_gate(instruction, before, after) {
        return None;
    }
    // ss, rsp, rflags, cs, rip end at an address that is a multiple of 16; an error code is below them.
    let address = after.get(Register::Rsp);
    let words = if address % 16 == 8 { 5 } else { 6 };
    Some(Access {
        address,
        size: words * 8,
    })
}
