//! The tracer: every call in strace's own format, with the door in front.

use crate::always;
use crate::entry::frame::{Door, Frame};
use crate::syscall::table;

pub mod kinds;

/// What [`exit`] needs from before the call.
pub struct Pending {
    number: u32,
}

/// Called before a traced call.
pub fn enter(frame: &Frame) -> Pending {
    Pending { number: frame.orig_rax as u32 }
}

/// Called after a traced call.
pub fn exit(frame: &Frame, pending: Pending) {
    let Some(door) = Door::of(frame.entry) else { return };
    let name = table::lookup(door, pending.number).map_or("?", |entry| entry.name);
    always!("[{}] {name}() = {}", door.name(), frame.rax as i64);
}
