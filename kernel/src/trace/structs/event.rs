//! Structures of epoll calls.

use crate::trace::call::{Call, Fields};
use crate::trace::names::{self, event};
use crate::trace::strings::array;
use crate::trace::text::{Text, put};

/// struct epoll_event: 12 bytes in both ABIs.
pub fn epoll_event(out: &mut Text, fields: &mut Fields) {
    out.add("{events=");
    names::flags(out, fields.u32().into(), event::EPOLL_EVENTS, "EPOLL???");
    // Not aligned: two halves.
    let (low, high) = (u64::from(fields.u32()), u64::from(fields.u32()));
    put!(out, ", data={{u32={low}, u64={}}}}}", low | high << 32);
}

/// The events that a call returned.
pub fn epoll_events(out: &mut Text, call: &Call, at: u64, count: u64) {
    if count == 0 {
        return out.add("[]");
    }
    array(out, at, count, 12, |out, at| {
        let fields = call.fields(at, 12);
        fields
            .map(|mut fields| epoll_event(out, &mut fields))
            .is_some()
    });
}
