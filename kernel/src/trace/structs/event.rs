//! Structures of epoll calls, and struct sigevent.

use linux_raw_sys::general::SIGEV_THREAD_ID;

use crate::mm::fallible::put;
use crate::trace::call::{Call, Fields};
use crate::trace::names::{self, event, signal};
use crate::trace::strings::{address, array};
use crate::trace::text::Text;

/// struct epoll_event: 12 bytes in both ABIs.
pub fn epoll_event(out: &mut Text, fields: &mut Fields) {
    out.add("{events=");
    names::flags(out, fields.u32().into(), event::EPOLL_EVENTS, "EPOLL???");
    // An unaligned 64-bit field, read as two halves.
    let (low, high) = (u64::from(fields.u32()), u64::from(fields.u32()));
    put!(out, ", data={{u32={low}, u64={}}}}}", low | high << 32);
}

/// struct sigevent, 64 bytes.
pub fn sigevent(out: &mut Text, fields: &mut Fields) {
    let value = fields.long();
    let (signo, notify, thread) = (fields.u32(), fields.u32(), fields.i32());
    put!(
        out,
        "{{sigev_value={{sival_int={}, sival_ptr=",
        value as i32
    );
    address(out, value);
    out.add("}, sigev_signo=");
    signal::name(out, signo.into());
    out.add(", sigev_notify=");
    names::name(out, notify.into(), event::SIGEV, "SIGEV_???");
    if u64::from(notify) == SIGEV_THREAD_ID.into() {
        put!(out, ", sigev_notify_thread_id={thread}");
    }
    out.add("}");
}

/// Array of `count` struct epoll_event that epoll_wait(2) returned.
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
