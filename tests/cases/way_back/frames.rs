//! Rules 1 and 2: the choice between SYSRET and IRET, clause by clause, and frames that IRET can't
//! load.

use anyhow::{Result, bail, ensure};
use harness::gdb::{self, Gdb, Register};
use harness::{Case, Verdict, cases};

use super::{AMD, INTEL, RF, TF, frame, machine, passes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![
        sysret_only_where_it_is_safe,
        sysret_to_32_bit_code_only_where_it_is_safe
    ];
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
    for _ in 0..80 {
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
    bail!("no SWAPGS in 80 instructions")
}

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

/// Rule 1, clause by clause.
fn sysret_only_where_it_is_safe() -> Result<()> {
    passes(machine(AMD, 64, "door_regs")?, |gdb| {
        let exit = gdb.symbol("return_from_syscall")?;
        gdb.go_to(exit)?;
        let at = gdb.registers()?.get(Register::Rsp);
        let (rip, flags) = (gdb.word(at + frame::RIP)?, gdb.word(at + frame::RFLAGS)?);
        use frame::{CS, R11, RCX, RFLAGS, RIP, SS};
        const LIMIT: u64 = 0x7fff_ffff_f000;
        check_frames(
            gdb,
            &[
                ("the unchanged frame", &[], true),
                ("another rip", &[(RIP, rip + 2)], false),
                ("another rcx", &[(RCX, rip + 2)], false),
                (
                    "rip and rcx changed alike",
                    &[(RIP, rip + 2), (RCX, rip + 2)],
                    true,
                ),
                ("another rflags", &[(RFLAGS, flags | 1 << 11)], false),
                ("another r11", &[(R11, flags ^ 1)], false),
                (
                    "rflags and r11 changed alike",
                    &[(RFLAGS, flags | 1 << 11), (R11, flags | 1 << 11)],
                    true,
                ),
                ("TF", &[(RFLAGS, flags | TF), (R11, flags | TF)], false),
                ("RF", &[(RFLAGS, flags | RF), (R11, flags | RF)], false),
                ("CS of 32-bit code", &[(CS, 0x23)], false),
                ("CS of the kernel", &[(CS, 0x10)], false),
                ("another SS", &[(SS, 0x2a)], false),
                ("SS of a TLS segment", &[(SS, 0x63)], false),
                (
                    "the program's last address",
                    &[(RIP, LIMIT - 1), (RCX, LIMIT - 1)],
                    true,
                ),
                ("the program's limit", &[(RIP, LIMIT), (RCX, LIMIT)], false),
                (
                    "the last canonical address",
                    &[(RIP, (1 << 47) - 1), (RCX, (1 << 47) - 1)],
                    false,
                ),
                ("not canonical", &[(RIP, 1 << 47), (RCX, 1 << 47)], false),
                (
                    "not canonical, high",
                    &[(RIP, 1 << 63), (RCX, 1 << 63)],
                    false,
                ),
                (
                    "a kernel address",
                    &[(RIP, u64::MAX), (RCX, u64::MAX)],
                    false,
                ),
                ("the unchanged frame, again", &[], true),
            ],
        )
    })?;
    Ok(())
}

/// Rule 1 for 32-bit programs, where rip is always the landing pad.
fn sysret_to_32_bit_code_only_where_it_is_safe() -> Result<()> {
    for cpu in [AMD, INTEL] {
        passes(machine(cpu, 32, "door_regs")?, |gdb| {
            let exit = gdb.symbol("return_from_syscall32")?;
            gdb.go_to(exit)?;
            let at = gdb.registers()?.get(Register::Rsp);
            let flags = gdb.word(at + frame::RFLAGS)?;
            use frame::{CS, RFLAGS, SS};
            check_frames(
                gdb,
                &[
                    ("the unchanged frame", &[], true),
                    ("TF", &[(RFLAGS, flags | TF)], false),
                    ("RF", &[(RFLAGS, flags | RF)], false),
                    ("CS of 64-bit code", &[(CS, 0x33)], false),
                    ("another SS", &[(SS, 0x63)], false),
                    ("the unchanged frame, again", &[], true),
                ],
            )
        })?;
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
            let exit = gdb.symbol(exit)?;
            gdb.go_to(exit)?;
            let at = gdb.registers()?.get(Register::Rsp);
            for (offset, value) in changes {
                gdb.write(at + offset, &value.to_le_bytes())?;
            }
            Ok(())
        })?;
        outcome
            .expect(Verdict::InitFailed)?
            .contains("killed by signal 11")?;
    }
    Ok(())
}
