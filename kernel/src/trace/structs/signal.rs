//! Structures of signal calls.

use crate::trace::call::Fields;
use crate::trace::names::{self, signal};
use crate::trace::strings::address;
use crate::trace::text::{Text, put};

/// The kernel's struct sigaction: handler, flags, restorer, mask.
pub fn sigaction(out: &mut Text, fields: &mut Fields) {
    let (handler, flags, restorer, mask) =
        (fields.long(), fields.long(), fields.long(), fields.u64());
    out.add("{sa_handler=");
    match handler {
        0 => out.add("SIG_DFL"),
        1 => out.add("SIG_IGN"),
        _ => put!(out, "{handler:#x}"),
    }
    out.add(", sa_mask=");
    signal::set(out, mask);
    out.add(", sa_flags=");
    names::flags(out, flags, signal::ACTION, "SA_???");
    if flags & 0x0400_0000 != 0 {
        out.add(", sa_restorer=");
        address(out, restorer);
    }
    out.add("}");
}

/// A signal set, 8 bytes in both ABIs.
pub fn sigset(out: &mut Text, fields: &mut Fields) {
    signal::set(out, fields.u64());
}

/// stack_t, 24 or 12 bytes.
pub fn sigaltstack(out: &mut Text, fields: &mut Fields) {
    out.add("{ss_sp=");
    address(out, fields.long());
    out.add(", ss_flags=");
    names::flags(out, fields.u32().into(), signal::STACK, "SS_???");
    fields.skip(if fields.wide { 4 } else { 0 });
    put!(out, ", ss_size={}}}", fields.long());
}
