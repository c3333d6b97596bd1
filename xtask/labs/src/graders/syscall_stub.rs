//! Lab 4, SYSCALL's stub: the grader steps through one call, instruction by instruction, and looks at
//! the stack pointer, the GS base and the frame; then its program makes calls with random registers.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use harness::gdb::{self, Gdb, Register, Registers};

use super::{go_to_program, hex, lines_of};
use crate::crash::Crash;
use crate::grade::Context;
use crate::machine::{Bench, Machine};
use crate::report::Marks;

/// First address of the kernel's half.
const KERNEL: u64 = 1 << 63;
/// Most instructions of the stub up to the call of the handler.
const MOST_BEFORE: usize = 80;
/// Most instructions of a call.
const MOST: usize = 2000;
/// Instructions that a call may take beyond those of INT 0x80.
const MORE: usize = 4;
/// The frame: its words from rsp upwards, and the registers that they are from.
const FRAME: [(&str, Source); 22] = [
    ("entry", Source::Value(0x100)),
    ("r15", Source::Register(Register::R15)),
    ("r14", Source::Register(Register::R14)),
    ("r13", Source::Register(Register::R13)),
    ("r12", Source::Register(Register::R12)),
    ("rbp", Source::Register(Register::Rbp)),
    ("rbx", Source::Register(Register::Rbx)),
    ("r11", Source::Register(Register::R11)),
    ("r10", Source::Register(Register::R10)),
    ("r9", Source::Register(Register::R9)),
    ("r8", Source::Register(Register::R8)),
    ("rax", Source::Value(-38_i64 as u64)),
    ("rcx", Source::Register(Register::Rcx)),
    ("rdx", Source::Register(Register::Rdx)),
    ("rsi", Source::Register(Register::Rsi)),
    ("rdi", Source::Register(Register::Rdi)),
    ("orig_rax", Source::Register(Register::Rax)),
    ("rip", Source::Register(Register::Rcx)),
    ("cs", Source::Value(0x33)),
    ("rflags", Source::Register(Register::R11)),
    ("rsp", Source::Register(Register::Rsp)),
    ("ss", Source::Value(0x2b)),
];

/// Where a word of the frame is from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A register at the stub's first instruction.
    Register(Register),
    /// Always this value.
    Value(u64),
}

/// What the grader saw of one call. A crash leaves what was seen before it.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The registers at the stub's first instruction.
    entry: Option<Registers>,
    /// The stub's first address.
    stub: u64,
    /// A `gs:` operand while the GS base was the program's: the instruction's address.
    early_gs: Option<u64>,
    /// A push while rsp was the program's.
    early_push: Option<u64>,
    /// rsp at the dispatch, and the frame there.
    rsp: Option<u64>,
    frame: Vec<u64>,
    /// rsp at the dispatch of INT 0x80: there is only one right place for a frame.
    wanted_rsp: u64,
    /// Instructions of the two calls.
    steps: Option<usize>,
    steps_of_int80: usize,
    /// The last instruction in the kernel.
    last: Vec<u8>,
    /// The GS base in the program was the kernel's after the call.
    gs_lost: bool,
}

/// Marks all checks.
pub fn grade(
    context: &mut Context<'_>,
    bench: &Bench,
    marks: &mut Marks<'_>,
) -> Result<Option<Crash>> {
    let token: Vec<u8> = (0..4096).map(|_| context.random.u8(..)).collect();
    let offset = 8 * context.random.usize(8..400);
    let seed = context.random.u32(..).to_string();
    let machine =
        Machine::new(context.program, &[&seed, &offset.to_string()]).file("/token", &token);
    let symbols = gdb::symbols(context.program)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let notes = seen.clone();
    let watched = bench.watch(&machine, move |gdb| follow(gdb, &symbols, &notes))?;
    let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
    let serial = &watched.serial;
    stack(&seen, serial, marks)?;
    frame(&seen, marks)?;
    if seen.gs_lost {
        marks.fail("registers", "gs-lost", &[])?;
    }
    registers(serial, marks)?;
    way(&seen, marks)?;
    fourth(serial, &token[offset..offset + 8], offset, marks)?;
    match watched.end() {
        Some(crash) => Ok(Some(crash)),
        None => traced(&machine, bench, offset, marks),
    }
}

/// Steps through the program's first call.
fn follow(gdb: &mut Gdb, program: &[(String, u64)], seen: &Mutex<Seen>) -> Result<()> {
    let note = |change: &dyn Fn(&mut Seen)| {
        if let Ok(mut seen) = seen.lock() {
            change(&mut seen);
        }
    };
    let ready = program.iter().find(|(name, _)| name == "ready");
    go_to_program(gdb, ready.context("no ready")?.1)?;

    gdb.go_to(gdb.symbol("entry_int80")?)?;
    let (mut registers, mut steps) = (gdb.registers()?, 1);
    let dispatch = gdb.symbol("call_by_int80")?;
    let mut gs_of_kernel = 0;
    while registers.get(Register::Rip) >= KERNEL {
        if registers.get(Register::Rip) == dispatch {
            gs_of_kernel = registers.get(Register::GsBase);
            note(&|seen| seen.wanted_rsp = registers.get(Register::Rsp));
        }
        registers = gdb.step_from(&registers)?;
        steps += 1;
        ensure!(steps < MOST, "INT 0x80 takes too many instructions");
    }
    note(&|seen| seen.steps_of_int80 = steps);

    let stub = gdb.symbol("entry_syscall_64")?;
    let dispatch = gdb.symbol("call_by_syscall")?;
    gdb.go_to(stub)?;
    let mut registers = gdb.registers()?;
    note(&|seen| {
        seen.entry = Some(registers.clone());
        seen.stub = stub;
    });
    let mut steps = 1;
    loop {
        let rip = registers.get(Register::Rip);
        if rip < KERNEL {
            let gs_lost = registers.get(Register::GsBase) == gs_of_kernel;
            note(&|seen| {
                seen.steps = Some(steps);
                seen.gs_lost = gs_lost;
            });
            return Ok(());
        }
        let rsp = registers.get(Register::Rsp);
        let code = gdb.read(rip, 16).unwrap_or_default();
        note(&|seen| seen.last.clone_from(&code));
        let is_before = steps <= MOST_BEFORE && (stub..dispatch).contains(&rip);
        if is_before
            && code.first() == Some(&0x65)
            && registers.get(Register::GsBase) != gs_of_kernel
        {
            note(&|seen| seen.early_gs = seen.early_gs.or(Some(rip)));
        }
        if rip == dispatch {
            let bytes = gdb.read(rsp, 8 * FRAME.len()).unwrap_or_default();
            let words = bytes
                .chunks_exact(8)
                .filter_map(|word| word.try_into().ok());
            let words: Vec<u64> = words.map(u64::from_le_bytes).collect();
            note(&|seen| {
                seen.rsp = Some(rsp);
                seen.frame.clone_from(&words);
            });
        }
        let is_push = is_push(&code);
        if is_before && is_push && rsp < KERNEL {
            note(&|seen| seen.early_push = seen.early_push.or(Some(rip)));
        }
        registers = gdb.step_from(&registers)?;
        steps += 1;
        if steps == MOST {
            // A panic, or a loop: the machine goes on by itself to its end.
            return Ok(());
        }
    }
}

/// Whether code begins with a PUSH of a register, a constant or a word of memory.
fn is_push(code: &[u8]) -> bool {
    match code {
        [0x50..=0x57 | 0x68 | 0x6a, ..] | [0x41, 0x50..=0x57, ..] => true,
        [0xff, mode, ..] | [0x65, 0xff, mode, ..] => mode >> 3 & 7 == 6,
        _ => false,
    }
}

/// The check `stack`.
fn stack(seen: &Seen, serial: &str, marks: &mut Marks<'_>) -> Result<()> {
    let place = |at: u64| format!("entry_syscall_64+{:#x}", at - seen.stub);
    if let Some(at) = seen.early_gs {
        marks.fail("stack", "early-gs", &[("place", place(at))])?;
    }
    if let Some(at) = seen.early_push {
        let rsp = seen
            .entry
            .as_ref()
            .map_or(0, |entry| entry.get(Register::Rsp));
        let values = [("place", place(at)), ("rsp", format!("{rsp:#x}"))];
        marks.fail("stack", "early-push", &values)?;
    }
    if let Some(row) = lines_of(serial, "stack").first() {
        marks.fail("stack", "stack-written", &[("offset", row.join(" "))])?;
    }
    let Some(rsp) = seen.rsp else {
        return Ok(());
    };
    if rsp < KERNEL {
        marks.fail("stack", "users-stack", &[("rsp", format!("{rsp:#x}"))])?;
    } else if rsp.abs_diff(seen.wanted_rsp) > 8 * 64 {
        let values = [
            ("rsp", format!("{rsp:#x}")),
            ("wanted", format!("{:#x}", seen.wanted_rsp)),
        ];
        marks.fail("stack", "other-stack", &values)?;
    }
    if seen.steps.is_some() {
        marks.pass("stack")?;
    }
    Ok(())
}

/// The check `frame`.
fn frame(seen: &Seen, marks: &mut Marks<'_>) -> Result<()> {
    let (Some(rsp), Some(entry)) = (seen.rsp, &seen.entry) else {
        return Ok(());
    };
    if rsp != seen.wanted_rsp && rsp.abs_diff(seen.wanted_rsp) <= 8 * 64 {
        // A frame that begins lower has more words than it should.
        let more = (seen.wanted_rsp as i64 - rsp as i64) / 8;
        let count = (FRAME.len() as i64 + more).to_string();
        return marks.fail("frame", "frame-length", &[("count", count)]);
    }
    // From its end: the first word that is pushed is the last of the frame.
    for (place, (name, source)) in FRAME.iter().enumerate().rev() {
        let (wanted, what) = match source {
            Source::Value(value) => (*value, "a constant".to_owned()),
            Source::Register(register) => {
                let value = entry.get(*register);
                (
                    value,
                    format!("{register:?} at the stub's first instruction").to_lowercase(),
                )
            }
        };
        let found = seen.frame.get(place).copied().unwrap_or(0);
        if found != wanted {
            let values = [
                ("offset", format!("{:#04x}", 8 * place)),
                ("name", (*name).to_owned()),
                ("found", format!("{found:#x}")),
                ("origin", origin(found, entry)),
                ("what", what),
            ];
            return marks.fail("frame", "frame-word", &values);
        }
    }
    marks.pass("frame")
}

/// The register that had a value when the stub began.
fn origin(value: u64, entry: &Registers) -> String {
    let all = [
        (Register::Rax, "rax"),
        (Register::Rbx, "rbx"),
        (Register::Rcx, "rcx, the return address"),
        (Register::Rdx, "rdx"),
        (Register::Rsi, "rsi"),
        (Register::Rdi, "rdi"),
        (Register::Rbp, "rbp"),
        (Register::Rsp, "rsp"),
        (Register::R8, "r8"),
        (Register::R9, "r9"),
        (Register::R10, "r10"),
        (Register::R11, "r11, the flags"),
        (Register::R12, "r12"),
        (Register::R13, "r13"),
        (Register::R14, "r14"),
        (Register::R15, "r15"),
    ];
    let found = all
        .iter()
        .find(|(register, _)| entry.get(*register) == value);
    match (found, value) {
        (Some((_, name)), _) => format!("the program's {name}"),
        (None, 0x2b | 0x33 | 0x23) => "a selector".into(),
        (None, KERNEL..) => "an address of the kernel".into(),
        _ => "no register's value".into(),
    }
}

/// The check `registers`.
fn registers(serial: &str, marks: &mut Marks<'_>) -> Result<()> {
    let names = [
        "result", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15", "rflags",
    ];
    let call = |name: &str| {
        let before = serial
            .split(&format!("\n{name} "))
            .next()
            .unwrap_or_default();
        lines_of(before, "call")
            .last()
            .map_or("39".into(), |row| row.join(" "))
    };
    for name in names {
        if let Some([before, after]) = lines_of(serial, name).first().map(Vec::as_slice) {
            let message = match name {
                "result" => "result",
                "rsp" => "rsp-lost",
                "rcx" | "r11" => "by-iret",
                "rflags" => "flags-lost",
                _ => "register-lost",
            };
            let (before, after) = ((*before).to_owned(), (*after).to_owned());
            let values = [
                ("name", name.to_owned()),
                ("before", before),
                ("after", after),
                ("nr", call(name)),
            ];
            marks.fail("registers", message, &values)?;
        }
    }
    if !lines_of(serial, "calls-done").is_empty() {
        marks.pass("registers")?;
    }
    Ok(())
}

/// The check `sysret`.
fn way(seen: &Seen, marks: &mut Marks<'_>) -> Result<()> {
    const SYSRETQ: [u8; 3] = [0x48, 0x0f, 0x07];
    const SYSRETL: [u8; 2] = [0x0f, 0x07];
    const IRETQ: [u8; 2] = [0x48, 0xcf];
    let Some(steps) = seen.steps else {
        return Ok(());
    };
    let most = seen.steps_of_int80 + MORE;
    let values = [
        ("steps", steps.to_string()),
        ("int", seen.steps_of_int80.to_string()),
        ("most", most.to_string()),
    ];
    if seen.last.starts_with(&IRETQ) {
        marks.fail("sysret", "iret", &values)?;
    } else if seen.last.starts_with(&SYSRETL) {
        marks.fail("sysret", "sysret-32", &values)?;
    } else if !seen.last.starts_with(&SYSRETQ) {
        marks.fail("sysret", "no-return", &values)?;
    }
    marks.check("sysret", steps <= most, "too-long", &values)?;
    Ok(())
}

/// The check `fourth`.
fn fourth(serial: &str, wanted: &[u8], offset: usize, marks: &mut Marks<'_>) -> Result<()> {
    let rows = lines_of(serial, "pread");
    let Some([result, found]) = rows.first().map(Vec::as_slice) else {
        return Ok(());
    };
    let is_right = hex(found)?.to_le_bytes() == wanted && *result == "16";
    let values = [
        ("offset", offset.to_string()),
        ("result", (*result).to_owned()),
        ("found", (*found).to_owned()),
    ];
    marks.check("fourth", is_right, "fourth", &values)?;
    Ok(())
}

/// The check `traced`: the call log takes number and arguments out of the frame.
fn traced(
    machine: &Machine,
    bench: &Bench,
    offset: usize,
    marks: &mut Marks<'_>,
) -> Result<Option<Crash>> {
    let serial = match bench.run(&machine.clone().words("strace"))? {
        Ok(serial) => serial,
        Err(crash) => return Ok(Some(crash)),
    };
    let mut lines = serial.lines().filter(|line| line.contains("[syscall] "));
    let found = lines.find(|line| line.contains("pread64("));
    let is_right = found.is_some_and(|line| line.contains(&format!(" 16, {offset}) = 16")));
    let found = found.unwrap_or("no line of pread64").trim().to_owned();
    marks.check(
        "traced",
        is_right,
        "traced",
        &[("found", found), ("offset", offset.to_string())],
    )?;
    Ok(None)
}
