//! The instruction at which a program met an exception, read from its memory. The program may change it
//! at any time: what is done for it is decided by one copy.

use core::ops::Deref;

use super::{Task, current};
use crate::arch::gdt::{self, TLS_FIRST, USER_CS};
use crate::arch::user_desc;
use crate::entry::frame::Frame;
use crate::usercopy::UserPtr;

/// The half of an address that 32-bit code has.
const LOW: u64 = 0xffff_ffff;
/// Most bytes of an instruction (Intel SDM vol. 2, 2.3.11).
const LONGEST: usize = 15;

/// Its bytes, as far as they can be read, and maybe some behind it.
pub struct Bytes {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What the running program stands at; nothing where it can't be read.
pub fn bytes(frame: &Frame) -> Bytes {
    let mut bytes = [0; LONGEST];
    // A segment of the program's own may begin elsewhere than at 0 (insn_get_effective_ip).
    let start = if frame.cs == u64::from(USER_CS) {
        frame.rip
    } else {
        base(&current(), frame.cs as u16).wrapping_add(frame.rip) & LOW
    };
    // Up to the first byte that isn't there.
    let len = UserPtr::new(start).read_prefix(&mut bytes);
    Bytes { bytes, len }
}

/// The base that loading `selector` gives a program (x86_fsgsbase_read_task).
pub fn base(task: &Task, selector: u16) -> u64 {
    descriptor(task, selector).map_or(0, user_desc::base)
}

/// The descriptor that a selector of a program's names: one of the GDT's for programs, or of its LDT.
pub fn descriptor(task: &Task, selector: u16) -> Option<u64> {
    const LOCAL: u16 = 1 << 2;
    let index = usize::from(selector >> 3);
    if selector & LOCAL != 0 {
        let mm = task.mm()?;
        let descriptor = mm.lock().ldt.descriptors().get(index).copied();
        return descriptor;
    }
    match index.checked_sub(TLS_FIRST) {
        Some(slot) if slot < 3 => Some(task.tls.lock()[slot]),
        _ => gdt::user_descriptor(index),
    }
}
