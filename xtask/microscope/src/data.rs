//! The page's data: all records with the names of what they met, as JSON.
//!
//! Numbers of 64 bits are hexadecimal strings, as JavaScript's numbers have 53 bits. Texts that come
//! often (functions, files, comments) are in tables, and steps refer to an instruction's entry in `sites`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use harness::gdb::{Register, Registers};
use harness::paths;
use iced_x86::Mnemonic;
use serde_json::{Value, json};

use crate::decode;
use crate::images::{Images, Site};
use crate::notes::Notes;
use crate::phases::{self, Phase};
use crate::record::{Record, Session, Step, Write};
use crate::still;
use crate::stubs::Stubs;
use crate::symbols::short;

/// The registers of the page, in its order; after them comes the privilege level, CS's low bits.
const REGISTERS: [(&str, Register); 28] = [
    ("rax", Register::Rax),
    ("rbx", Register::Rbx),
    ("rcx", Register::Rcx),
    ("rdx", Register::Rdx),
    ("rsi", Register::Rsi),
    ("rdi", Register::Rdi),
    ("rbp", Register::Rbp),
    ("rsp", Register::Rsp),
    ("r8", Register::R8),
    ("r9", Register::R9),
    ("r10", Register::R10),
    ("r11", Register::R11),
    ("r12", Register::R12),
    ("r13", Register::R13),
    ("r14", Register::R14),
    ("r15", Register::R15),
    ("rflags", Register::Eflags),
    ("cs", Register::Cs),
    ("ss", Register::Ss),
    ("ds", Register::Ds),
    ("es", Register::Es),
    ("fs", Register::Fs),
    ("gs", Register::Gs),
    ("fs base", Register::FsBase),
    ("gs base", Register::GsBase),
    ("swap gs", Register::KernelGsBase),
    ("cr2", Register::Cr2),
    ("cr3", Register::Cr3),
];

/// The registers that 32-bit code doesn't have.
const WIDE: [Register; 8] = [
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// Size and alignment of Linux's kernel stacks.
const LINUX_STACK: u64 = 16 << 10;
/// Largest piece of a write that is one word on the page.
const WORD: usize = 8;

/// Texts by number.
#[derive(Default)]
struct Table {
    texts: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Table {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }
}

/// The data under construction.
pub struct Data<'a> {
    stubs: &'a Stubs,
    notes: &'a Notes,
    functions: Table,
    files: Table,
    comments: Table,
    sites: Vec<Value>,
    /// By kernel, address and bytes.
    known: BTreeMap<(bool, u64, Vec<u8>), usize>,
    journeys: BTreeMap<&'static str, Value>,
}

impl<'a> Data<'a> {
    /// No record yet.
    pub fn new(stubs: &'a Stubs, notes: &'a Notes) -> Self {
        Self {
            stubs,
            notes,
            functions: Table::default(),
            files: Table::default(),
            comments: Table::default(),
            sites: Vec::new(),
            known: BTreeMap::new(),
            journeys: BTreeMap::new(),
        }
    }

    /// Adds the records of a machine.
    ///
    /// # Errors
    /// An address can't be looked up.
    pub fn add(&mut self, session: &Session) -> Result<()> {
        let mut images = Images::of(session, self.stubs)?;
        for record in &session.records {
            let id = record.journey.id;
            let value = self.journey(record, &mut images);
            self.journeys
                .insert(id, value.with_context(|| format!("in {id}"))?);
        }
        Ok(())
    }

    /// The JSON text, with the journeys in the order of `ids`.
    ///
    /// # Errors
    /// A source file can't be read.
    pub fn finish(mut self, ids: impl Iterator<Item = &'static str>) -> Result<String> {
        let files = self.files.texts.iter().map(|name| {
            let path = paths::root().join(name);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Ok(json!({ "p": name, "t": text }))
        });
        let phases = Phase::ALL.map(|phase| json!([phase.name(), phase.about()]));
        let mut names: Vec<&str> = REGISTERS.iter().map(|(name, _)| *name).collect();
        names.push("cpl");
        let value = json!({
            "v": 1,
            "registers": names,
            "phases": phases,
            "frame": frame()?,
            "functions": self.functions.texts,
            "comments": self.comments.texts,
            "files": files.collect::<Result<Vec<_>>>()?,
            "notes": self.notes.values(),
            "sites": self.sites,
            "journeys": ids.filter_map(|id| self.journeys.remove(id)).collect::<Vec<_>>(),
        });
        Ok(value.to_string())
    }

    fn journey(&mut self, record: &Record, images: &mut Images) -> Result<Value> {
        let journey = &record.journey;
        let phases = phases::of(record, &images.kernel);
        let states = states(record);
        let mut steps = Vec::new();
        let (mut notes, mut boxes) = (Vec::new(), Vec::new());
        for (index, (step, phase)) in record.steps.iter().zip(&phases).enumerate() {
            let key = (journey.machine.is_linux, step.rip, step.bytes.clone());
            let number = match self.known.get(&key) {
                Some(number) => *number,
                None => {
                    let site = images.site(step)?;
                    let value = self.site(&site);
                    self.sites.push(value);
                    self.known.insert(key, self.sites.len() - 1);
                    self.sites.len() - 1
                }
            };
            let changes = changes(&states[index], &states[index + 1]);
            let mut value = vec![json!(number), json!(changes)];
            if !step.writes.is_empty() {
                value.push(json!(
                    step.writes.iter().flat_map(words).collect::<Vec<_>>()
                ));
            }
            steps.push(Value::Array(value));
            let instruction = decode::decode(&step.bytes, step.rip, step.bits());
            let text = decode::text(&instruction, None);
            let name = images.kernel.containing(step.rip);
            let name = name.map(|(name, _)| short(name));
            let note = self.notes.find(*phase, name.as_deref(), &text);
            boxes.push(still::Box {
                phase: *phase,
                text,
                is_user: step.level() == 3,
            });
            notes.extend(note.map(|note| json!([index, note])));
        }
        let mut runs: Vec<(Phase, usize)> = Vec::new();
        for (index, phase) in phases.iter().enumerate() {
            if runs.last().is_none_or(|(last, _)| last != phase) {
                runs.push((*phase, index));
            }
        }
        let runs = runs
            .iter()
            .map(|(phase, first)| json!([*phase as usize, first]));
        Ok(json!({
            "id": journey.id,
            "title": journey.title,
            "group": journey.group,
            "kernel": journey.machine.kernel(),
            "cpu": if journey.machine.is_intel { "Intel" } else { "AMD" },
            "bits": journey.machine.bits,
            "start": all(&states[0]),
            "top": top(record, &phases).map(hex),
            "phases": runs.collect::<Vec<_>>(),
            "steps": steps,
            "notes": notes,
            "still": still::draw(journey.title, &boxes, false),
        }))
    }

    fn site(&mut self, site: &Site) -> Value {
        let place = |files: &mut Table, place: Option<&(std::rc::Rc<str>, u32)>| match place {
            Some((file, line)) => [json!(files.number(file)), json!(line)],
            None => [json!(-1), json!(0)],
        };
        let mut line = place(&mut self.files, site.line.as_ref());
        // A negative line is the beginning of the function.
        if let Some((file, number)) = &site.beginning {
            line = [json!(self.files.number(file)), json!(-i64::from(*number))];
        }
        let stub = place(
            &mut self.files,
            site.origin.as_ref().map(|origin| &origin.stub),
        );
        let comment = site
            .origin
            .as_ref()
            .filter(|origin| !origin.comment.is_empty());
        json!([
            hex(site.rip),
            site.bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
            site.text,
            self.functions
                .number(site.symbol.trim_start_matches("trident::")),
            site.offset,
            site.inlined
                .as_ref()
                .map_or(-1, |name| self.functions.number(name) as i64),
            line[0],
            line[1],
            stub[0],
            stub[1],
            comment.map_or(-1, |origin| self.comments.number(&caption(&origin.comment))
                as i64),
        ])
    }
}

fn hex(value: u64) -> String {
    format!("{value:x}")
}

/// All registers.
fn all(registers: &Registers) -> Vec<String> {
    let named = REGISTERS
        .iter()
        .map(|(_, register)| registers.get(*register));
    named
        .chain([registers.get(Register::Cs) & 3])
        .map(hex)
        .collect()
}

/// The registers before each step, and after the last. QEMU's stub tells zeros for [`WIDE`] in 32-bit
/// code, which can't change them: they keep the value that 64-bit code finds or leaves.
fn states(record: &Record) -> Vec<Registers> {
    let before = record.steps.iter().map(|step| &step.before);
    let mut states: Vec<Registers> = before.chain([&record.after]).cloned().collect();
    let is_narrow = |state: &Registers| decode::bits(state.get(Register::Cs)) == 32;
    let entry = states.iter().position(|state| !is_narrow(state));
    for register in WIDE {
        let writes = |step: &Step| {
            let instruction = decode::decode(&step.bytes, step.rip, step.bits());
            instruction.mnemonic() == Mnemonic::Syscall && register == Register::R11
        };
        let first = entry.filter(|at| *at > 0 && !writes(&record.steps[at - 1]));
        let mut kept = first.map(|at| states[at].get(register));
        for state in &mut states {
            match kept {
                Some(value) if is_narrow(state) => state.set(register, value),
                _ if is_narrow(state) => {}
                _ => kept = Some(state.get(register)),
            }
        }
    }
    states
}

/// A stub's comment as a caption: without the numbers and references that only the source's reader has.
fn caption(comment: &str) -> String {
    let text = comment.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let text = text.strip_prefix(". ").unwrap_or(comment);
    let is_reference = |part: &str| {
        let part = part.to_lowercase();
        part.ends_with("as above") || part.starts_with("step ") || part.ends_with(".rs")
    };
    // What a reference has before or behind it: `As above: text`, `text, as in exit.rs: text`, `text: step 8`.
    let parts: Vec<&str> = text.split_inclusive([':', ',', '.', '(', ')']).collect();
    let mut kept = String::new();
    let mut parts = parts.as_slice();
    while let [part, rest @ ..] = parts {
        parts = rest;
        // A file's name has a dot of its own.
        let named = rest.first().filter(|next| next.starts_with("rs"));
        let end = named.map_or(*part, |next| {
            parts = &rest[1..];
            next
        });
        let whole = named.map_or((*part).to_owned(), |next| format!("{part}{next}"));
        let plain = whole.trim().trim_end_matches([':', ',', '.', ')']);
        if !is_reference(plain) {
            kept.push_str(&whole);
            continue;
        }
        let mark = end.chars().last().filter(|_| !kept.is_empty());
        let before = kept.trim_end().trim_end_matches([',', ':', '(']).trim_end();
        kept = before.to_owned();
        kept.extend(mark.filter(|mark| *mark != ')' && *mark != ','));
    }
    let kept = kept.trim_start();
    if text.starts_with(kept) {
        return kept.to_owned();
    }
    // The reference was the beginning.
    let mut letters = kept.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The registers that differ: number and new value, in turns.
fn changes(before: &Registers, after: &Registers) -> Vec<Value> {
    let pairs = all(before).into_iter().zip(all(after)).enumerate();
    let changed = pairs.filter(|(_, (before, after))| before != after);
    changed
        .flat_map(|(number, (_, after))| [json!(number), json!(after)])
        .collect()
}

/// A write in words: address, size and value, in turns.
fn words(write: &Write) -> Vec<Value> {
    let words = write
        .bytes
        .chunks(WORD)
        .zip(0..)
        .flat_map(|(bytes, index)| {
            let mut word = [0; WORD];
            word[..bytes.len()].copy_from_slice(bytes);
            let address = write.address + index * WORD as u64;
            [
                json!(hex(address)),
                json!(bytes.len()),
                json!(hex(u64::from_le_bytes(word))),
            ]
        });
    words.collect()
}

/// The top of the kernel stack that the first entry uses: the end of the first word pushed there. Linux
/// enters on a small stack of the CPU's, and leaves it before the handler.
fn top(record: &Record, phases: &[Phase]) -> Option<u64> {
    if record.journey.machine.is_linux {
        let handler = phases.iter().position(|phase| *phase == Phase::Handler)?;
        let rsp = record.steps[handler].before.get(Register::Rsp);
        return Some(rsp.next_multiple_of(LINUX_STACK));
    }
    let entry = record.steps.iter().position(|step| step.level() == 0)?;
    let gate = record.steps[entry.checked_sub(1)?].writes.last();
    if let Some(write) = gate.filter(|write| write.bytes.len() >= 40) {
        return Some((write.address + write.bytes.len() as u64).next_multiple_of(16));
    }
    let pushes = record.steps[entry..].iter().filter_map(|step| {
        let instruction = decode::decode(&step.bytes, step.rip, step.bits());
        let is_push = instruction.mnemonic() == Mnemonic::Push;
        step.writes.last().filter(|_| is_push)
    });
    pushes
        .map(|write| write.address + write.bytes.len() as u64)
        .next()
}

/// Names of the words below the top of a task's kernel stack, from the top down: the fields of `Frame`.
///
/// # Errors
/// The kernel's source can't be read.
pub fn frame() -> Result<Vec<String>> {
    let path = paths::root().join("kernel/src/abi/frame.rs");
    let text = std::fs::read_to_string(Path::new(&path))?;
    let fields = text
        .lines()
        .skip_while(|line| !line.starts_with("pub struct Frame<"));
    let fields = fields.take_while(|line| *line != "}");
    let names = fields.filter_map(|line| line.trim().strip_prefix("pub ")?.strip_suffix(": R,"));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.reverse();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journeys::{ALL, Journey};
    use crate::record::Kernels;

    #[test]
    fn a_caption_does_not_refer_to_the_source() {
        for (comment, wanted) in [
            ("1. The frame.", "The frame."),
            ("3. orig_rax: the number.", "orig_rax: the number."),
            (
                "1. GS base and stack, as above. The rest.",
                "GS base and stack. The rest.",
            ),
            (
                "5. As above: the number, the handler.",
                "The number, the handler.",
            ),
            ("6. As in syscall.rs: the number.", "The number."),
            (
                "6. The return (exit.rs): SYSRET, else IRET.",
                "The return: SYSRET, else IRET.",
            ),
            (
                "6. The return by IRET, as in exit.rs: it restores rip.",
                "The return by IRET: it restores rip.",
            ),
            (
                "7. The flags have no RF, and no TF: step 8.",
                "The flags have no RF, and no TF.",
            ),
        ] {
            assert_eq!(caption(comment), wanted);
        }
    }

    #[test]
    fn entries_from_32_bit_code_change_only_what_they_write() {
        let is_wanted = |journey: &&Journey| journey.id == "sysenter-getpid";
        let wanted: Vec<Journey> = ALL.iter().filter(is_wanted).copied().collect();
        let sessions = crate::sessions(&wanted, &Kernels::default()).expect("a record");
        let record = &sessions[0].records[0];
        let states = states(record);
        let narrow = |at: usize| decode::bits(states[at].get(Register::Cs)) == 32;
        let crossings: Vec<usize> = (1..states.len())
            .filter(|at| narrow(at - 1) != narrow(*at))
            .collect();
        assert_eq!(crossings.len(), 2, "in and out");
        for at in crossings {
            for register in WIDE {
                let (before, after) = (&states[at - 1], &states[at]);
                assert_eq!(before.get(register), after.get(register), "{register:?}");
            }
        }
    }

    #[test]
    fn the_frame_has_its_fields() {
        let names = frame().expect("the kernel's source");
        assert_eq!(names.len(), 22);
        assert_eq!((names[0].as_str(), names[21].as_str()), ("ss", "entry"));
    }
}
