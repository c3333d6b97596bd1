//! A stopped thread's registers as `struct user_regs_struct` of either width.

use core::cell::Cell;

use crate::abi::errno::Errno;
use crate::abi::frame::USER32_CS;
use crate::abi::frame::{LiveFrame, TF};
use crate::arch::cpu;
use crate::arch::segments::Segments;
use crate::mm::layout::TASK_SIZE;
use crate::process::{Task, instruction};

/// Number of registers of a 64-bit thread (arch/x86/include/asm/user_64.h).
pub const COUNT: usize = 27;
/// Number of registers of a 32-bit thread (user_32.h).
pub const COUNT_32: usize = 17;

/// Indices into the 64-bit structure, whose first registers are in the order of
/// [`Frame`](crate::abi::frame::Frame).
mod index {
    pub const CS: usize = 17;
    pub const FLAGS: usize = 18;
    pub const SS: usize = 20;
    pub const FS_BASE: usize = 21;
    pub const GS_BASE: usize = 22;
    pub const DS: usize = 23;
    pub const ES: usize = 24;
    pub const FS: usize = 25;
    pub const GS: usize = 26;
}

/// Flags that a tracer may set (FLAG_MASK): CF, PF, AF, ZF, SF, TF, DF, OF, NT, RF, AC.
const WRITABLE_FLAGS: u64 = 0xdd5 | 1 << 14 | 1 << 16 | 1 << 18;

/// Index in the 64-bit structure of each register of the 32-bit one: bx cx dx si di bp ax ds es fs
/// gs orig_ax ip cs flags sp ss.
const INDICES_32: [usize; COUNT_32] = [
    5, 11, 12, 13, 14, 4, 10, 23, 24, 25, 26, 15, 16, 17, 18, 19, 20,
];

/// Whether the thread runs 32-bit code, which decides the layout of its register sets.
pub fn is_32bit(task: &Task) -> bool {
    task.frame().cs == u64::from(USER32_CS)
}

/// Whether the next instruction is POPF or IRET, with any prefixes (arch/x86/kernel/step.c:
/// is_setting_trap_flag).
pub fn is_at_flags_instruction(task: &Task) -> bool {
    const MAX_LENGTH: usize = 15;
    let mut bytes = [0; MAX_LENGTH];
    let Some(mm) = task.mm() else {
        return false;
    };
    let len = mm.lock().peek(task.frame().rip, &mut bytes);
    let is_prefix = |byte: &u8| match byte {
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3 => true,
        0x40..=0x4f => !is_32bit(task),
        _ => false,
    };
    let first = bytes[..len].iter().find(|byte| !is_prefix(byte));
    matches!(first, Some(0x9d | 0xcf))
}

/// The segment registers with which a stopped thread continues. Without FSGSBASE the base of a
/// non-null selector is its descriptor's, whatever was written (load_seg_legacy); with a null
/// selector the written base is kept.
fn segments(task: &Task) -> Segments {
    let mut segments = *task.segments.lock();
    if !cpu::features().fsgsbase {
        let base = |selector| (selector > 3).then(|| instruction::base(task, selector));
        segments.fs_base = base(segments.fs).unwrap_or(segments.fs_base);
        segments.gs_base = base(segments.gs).unwrap_or(segments.gs_base);
    }
    segments
}

/// Stores the segment registers with which a stopped thread continues, before it is resumed.
pub(super) fn settle_segments(task: &Task) {
    let settled = segments(task);
    task.segments.set(settled);
}

/// All registers, in the order of the 64-bit structure.
pub fn read(task: &Task) -> [u64; COUNT] {
    let (f, s) = (task.frame(), segments(task));
    let forced_tf = task.tracing.lock().as_ref().is_some_and(|t| t.forced_tf);
    let mut flags = f.rflags;
    if forced_tf {
        flags &= !TF;
    }
    let (ds, es, fs, gs) = (s.ds.into(), s.es.into(), s.fs.into(), s.gs.into());
    [
        f.r15, f.r14, f.r13, f.r12, f.rbp, f.rbx, f.r11, f.r10, f.r9, f.r8, f.rax, f.rcx, f.rdx,
        f.rsi, f.rdi, f.orig_rax, f.rip, f.cs, flags, f.rsp, f.ss, s.fs_base, s.gs_base, ds, es,
        fs, gs,
    ]
}

/// All registers of the 32-bit structure, in its order.
pub fn read_32(task: &Task) -> [u32; COUNT_32] {
    let all = read(task);
    INDICES_32.map(|place| all[place] as u32)
}

/// The register of the frame with this index in the 64-bit structure.
fn general_register(f: &LiveFrame, place: usize) -> Option<&Cell<u64>> {
    Some(match place {
        0 => &f.r15,
        1 => &f.r14,
        2 => &f.r13,
        3 => &f.r12,
        4 => &f.rbp,
        5 => &f.rbx,
        6 => &f.r11,
        7 => &f.r10,
        8 => &f.r9,
        9 => &f.r8,
        10 => &f.rax,
        11 => &f.rcx,
        12 => &f.rdx,
        13 => &f.rsi,
        14 => &f.rdi,
        15 => &f.orig_rax,
        16 => &f.rip,
        19 => &f.rsp,
        _ => return None,
    })
}

/// Whether a selector may be loaded in ring 3: null or with RPL 3 (invalid_selector).
fn is_valid_selector(value: u16) -> bool {
    value == 0 || value & 3 == 3
}

/// Writes a register, by its index in the 64-bit structure.
///
/// # Errors
/// `EIO` for a value that the register can't hold in ring 3.
pub fn write(task: &Task, place: usize, value: u64) -> Result<(), Errno> {
    use index::*;
    // ANCHOR: selectors
    // Bits above a selector's 16 are ignored (set_segment_reg).
    let selector = value as u16;
    match place {
        CS | SS if !is_valid_selector(selector) || selector == 0 => return Err(Errno::EIO),
        DS..=GS if !is_valid_selector(selector) => return Err(Errno::EIO),
        FS_BASE | GS_BASE if value >= TASK_SIZE => return Err(Errno::EIO),
        // ANCHOR_END: selectors
        FLAGS => {
            // A TF that the tracer writes counts as the program's own.
            if value & TF != 0
                && let Some(tracing) = task.tracing.lock().as_mut()
            {
                tracing.forced_tf = false;
            }
        }
        _ => {}
    }
    let keeps_tf = task.tracing.lock().as_ref().is_some_and(|t| t.forced_tf);
    {
        let mut segments = task.segments.lock();
        match place {
            FS_BASE => segments.fs_base = value,
            GS_BASE => segments.gs_base = value,
            DS => segments.ds = selector,
            ES => segments.es = selector,
            FS => segments.fs = selector,
            GS => segments.gs = selector,
            _ => {}
        }
    }
    let done = task.edit_held_frame(|frame| match place {
        CS => frame.cs.set(selector.into()),
        SS => frame.ss.set(selector.into()),
        FLAGS => {
            let kept = frame.rflags.get() & !WRITABLE_FLAGS | if keeps_tf { TF } else { 0 };
            frame.rflags.set(kept | value & WRITABLE_FLAGS);
        }
        _ => {
            if let Some(register) = general_register(frame, place) {
                register.set(value);
            }
        }
    });
    done.ok_or(Errno::ESRCH)
}

fn write_base(task: &Task, place: usize, base: u64) {
    let mut segments = task.segments.lock();
    match place {
        index::FS => segments.fs_base = base,
        index::GS => segments.gs_base = base,
        _ => {}
    }
}

/// Writes a register, by its index in the 32-bit structure. FS and GS also get the base of their
/// new selector, which a 32-bit tracer can't write (putreg32).
///
/// # Errors
/// As [`write()`].
pub fn write_32(task: &Task, place: usize, value: u32) -> Result<(), Errno> {
    // Sign-extended: orig_eax may be -1, eax may be an error.
    let is_signed = matches!(INDICES_32[place], 10 | 15);
    let value = if is_signed {
        value as i32 as i64 as u64
    } else {
        value.into()
    };
    let place = INDICES_32[place];
    write(task, place, value)?;
    write_base(task, place, instruction::base(task, value as u16));
    Ok(())
}
