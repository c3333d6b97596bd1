//! Structures of terminals.

use crate::mm::fallible::put;
use crate::trace::call::Fields;
use crate::trace::names::tty;
use crate::trace::text::Text;

/// The kernel's struct termios, and the start of struct termios2.
pub fn termios(out: &mut Text, fields: &mut Fields) {
    tty::termios(out, core::array::from_fn(|_| fields.u32().into()));
}

/// struct termio (System V), 18 bytes.
pub fn termio(out: &mut Text, fields: &mut Fields) {
    tty::termios(out, core::array::from_fn(|_| fields.u16().into()));
}

/// struct winsize, four shorts.
pub fn winsize(out: &mut Text, fields: &mut Fields) {
    put!(out, "{{ws_row={}, ws_col={}, ", fields.u16(), fields.u16());
    put!(
        out,
        "ws_xpixel={}, ws_ypixel={}}}",
        fields.u16(),
        fields.u16()
    );
}

/// An int that an argument points to: `[13]`.
pub fn int(out: &mut Text, fields: &mut Fields) {
    put!(out, "[{}]", fields.i32());
}
