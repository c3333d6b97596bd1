//! Rules 1 and 2: the choice between SYSRET and IRET, clause by clause, and frames that IRET can't
//! load.

use anyhow::{Result, bail, ensure};
use harness::gdb::{self, Gdb, Register};
use harness::{Case, Verdict, cases, paths};

use super::{AMD, INTEL, RF, TF, frame, machine, passes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![sysret_only_where_it_is_safe];
    for (width, name, changes) in UNMARKED {
        cases.push(Case::new(format!("unmarked_edit::{name}"), || {
            an_unmarked_edit_is_a_panic(*width, changes)
        }));
    }
    for (name, changes) in BAD_FRAMES {
        cases.push(Case::new(format!("bad_frame::{name}"), || {
            bad_frame(changes)
        }));
    }
    cases
}

/// Steps from the first instruction of an exit path to its SWAPGS; returns true if SYSRET follows,
/// false for IRET.
fn leaves_by_sysret(gdb: &mut Gdb) -> Result<bool> {
    for _ in 0..STEPS {
        let rip = gdb.rip()?;
        let code = gdb.read(rip, 6)?;
        match code[..] {
            [0x0f, 0x01, 0xf8, 0x48, 0xcf, _] => return Ok(false),
            [0x0f, 0x01, 0xf8, 0x48, 0x0f, 0x07] | [0x0f, 0x01, 0xf8, 0x0f, 0x07, _] => {
                return Ok(true);
            }
            _ => gdb.step()?,
        }
    }
    bail!("no SWAPGS in {STEPS} instructions")
}

/// Most instructions of an exit path, with work that finds nothing to do.
const STEPS: u32 = 3000;

/// A description of a frame, its changes (offset, value), and whether SYSRET may load it.
type Row<'a> = (&'a str, &'a [(u64, u64)], bool);

/// At an exit path: makes each row's changes to the frame, checks the path, restores the frame.
fn check_frames(gdb: &mut Gdb, rows: &[Row<'_>]) -> Result<()> {
    let registers = gdb.registers()?;
    let at = registers.get(Register::Rsp);
    let saved = gdb.read(at, frame::SIZE)?;
    for (what, changes, sysret) in rows {
        for (offset, value) in *changes {
            gdb.write(at + offset, &value.to_le_bytes())?;
        }
        let way = leaves_by_sysret(gdb)?;
        ensure!(
            way == *sysret,
            "{what}: {}",
            if way { "SYSRET" } else { "IRET" }
        );
        gdb.write(at, &saved)?;
        gdb.set_registers(&registers)?;
    }
    Ok(())
}

/// Offset of the work bits in the per-CPU data (kernel/src/arch/percpu.rs).
const WORK: u64 = 16;
/// The work bit of an edited frame.
const FRAME_EDITED: u64 = 1 << 4;
/// Those of a pending signal, and of what is left to do.
const SIGNAL: u64 = 1 << 2;
const LEFTOVERS: u64 = 1 << 8;

/// Rule 1: a flag that SYSRET can't restore, or an edit of the frame, makes the return one by IRET.
fn sysret_only_where_it_is_safe() -> Result<()> {
    for (cpu, width, exit) in [
        (AMD, 64, "return_from_syscall"),
        (AMD, 32, "return_from_syscall32"),
        (INTEL, 32, "return_from_sysenter"),
    ] {
        // SYSENTER's stub has marked a frame with TF, and saves no RF.
        let tests_flags = exit != "return_from_sysenter";
        passes(machine(cpu, width, "door_regs")?, move |gdb| {
            let exit = gdb.symbol(exit)?;
            gdb.go_to(exit)?;
            let at = gdb.registers()?.get(Register::Rsp);
            let flags = gdb.word(at + frame::RFLAGS)?;
            let flag = |flag: u64| [(frame::RFLAGS, flags | flag), (frame::R11, flags | flag)];
            check_frames(gdb, &[("the unchanged frame", &[], true)])?;
            // The test build ends at a flag that no door leaves there: `unmarked_edit`.
            if tests_flags || !paths::is_checked() {
                let frames = [
                    ("TF", &flag(TF)[..], !tests_flags),
                    ("RF", &flag(RF)[..], !tests_flags),
                    ("the unchanged frame, again", &[][..], true),
                ];
                check_frames(gdb, &frames)?;
            }
            set_work(gdb, FRAME_EDITED)?;
            check_frames(gdb, &[("an edited frame", &[], false)])?;
            // The exit work has cleared the bit.
            check_frames(gdb, &[("the next frame", &[], true)])?;
            set_work(gdb, SIGNAL | LEFTOVERS)?;
            check_frames(gdb, &[("work without an edit", &[], true)])
        })?;
    }
    Ok(())
}

/// An exit path, and a change of its frame that is no edit by the kernel's method: each clause of
/// rule 1 in turn.
// ANCHOR: unmarked
const UNMARKED: &[(u32, &str, Changes)] = &[
    (64, "rcx", &[(frame::RCX, 0x1000)]),
    (64, "rip", &[(frame::RIP, 0x1000)]),
    (64, "r11", &[(frame::R11, 0x203)]),
    (64, "cs", &[(frame::CS, 0x23)]),
    (64, "ss", &[(frame::SS, 0x63)]),
    (
        64,
        "not_canonical",
        &[(frame::RIP, 1 << 47), (frame::RCX, 1 << 47)],
    ),
    (32, "not_canonical_32", &[(frame::RIP, 1 << 47)]),
    (32, "cs_32", &[(frame::CS, 0x33)]),
    (32, "ss_32", &[(frame::SS, 0x63)]),
];
// ANCHOR_END: unmarked

/// Rule 1: the test build panics before a SYSRET that does not restore the frame. gdb changes the
/// frame as a kernel would that forgot to mark its edit.
fn an_unmarked_edit_is_a_panic(width: u32, changes: Changes) -> Result<()> {
    let exit = match width {
        64 => "return_from_syscall",
        _ => "return_from_syscall32",
    };
    let vm = machine(AMD, width, "door_regs")?.checked();
    let outcome = gdb::run(vm, move |gdb| change_frame(gdb, exit, changes))?;
    outcome.expect(Verdict::Panic)?.contains("SYSRET")?;
    Ok(())
}

/// Sets work bits. The GS base is the kernel's.
fn set_work(gdb: &mut Gdb, added: u64) -> Result<()> {
    let work = gdb.registers()?.get(Register::GsBase) + WORK;
    let bits = gdb.word(work)?;
    gdb.write(work, &(bits | added).to_le_bytes())
}

/// Lets the machine run to an exit path, and changes the frame there.
fn change_frame(gdb: &mut Gdb, exit: &str, changes: Changes) -> Result<()> {
    let exit = gdb.symbol(exit)?;
    gdb.go_to(exit)?;
    let at = gdb.registers()?.get(Register::Rsp);
    for (offset, value) in changes {
        gdb.write(at + offset, &value.to_le_bytes())?;
    }
    Ok(())
}

/// Changes of a frame: offset and value.
type Changes = &'static [(u64, u64)];

/// Frames that IRET cannot load.
const BAD_FRAMES: &[(&str, Changes)] = &[
    ("rip_not_canonical", &[(frame::RIP, 1 << 47)]),
    ("rip_not_canonical_high", &[(frame::RIP, 1 << 63)]),
    ("cs_of_the_tss", &[(frame::CS, 0x43)]),
    ("cs_past_the_table", &[(frame::CS, 0x1003)]),
    ("cs_null", &[(frame::CS, 3)]),
    ("ss_null", &[(frame::SS, 0)]),
    ("ss_of_code", &[(frame::SS, 0x33)]),
    ("ss_of_nothing", &[(frame::SS, 0x63)]),
];

/// Rule 2: the fault of such an IRET, in ring 0 with the user GS base, kills the program by
/// SIGSEGV.
fn bad_frame(changes: Changes) -> Result<()> {
    for (width, exit) in [
        (64, "return_from_syscall"),
        (64, "return_from_int80"),
        (32, "return_from_int80"),
    ] {
        let vm = machine(AMD, width, "door_regs")?;
        let outcome = gdb::run(vm, move |gdb| {
            change_frame(gdb, exit, changes)?;
            // INT 0x80's own IRET faults; the edit of the other frame makes the return one by IRET.
            if exit == "return_from_int80" {
                return Ok(());
            }
            set_work(gdb, FRAME_EDITED)
        })?;
        outcome
            .expect(Verdict::InitFailed)?
            .contains("killed by signal 11")?;
    }
    Ok(())
}
