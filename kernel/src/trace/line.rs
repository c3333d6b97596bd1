//! Lines on the console: one at a time, whole, each with the process and the door in front.
//!
//! A call's line comes out when the call returns. If another process has something to show
//! meanwhile, the call is shown as far as it got, as `strace -f` does: `wait4(-1,  <unfinished
//! ...>`, and later `<... wait4 resumed>`.

use crate::dev::log::always;
use crate::sync::{Mutex, rank};

use super::text::Text;
use crate::dev;
use crate::process::table;

/// A line that waits for its call to return.
struct Open {
    tid: u32,
    door: &'static str,
    text: Text,
}

static OPEN: Mutex<Option<Open>, rank::TraceLine> = Mutex::new(None);

/// Starts a call's line.
pub fn open(tid: u32, door: &'static str, text: Text) {
    flush();
    OPEN.set(Some(Open { tid, door, text }));
}

/// Ends a call's line with `rest`; `name` is the call's.
pub fn close(tid: u32, door: &'static str, name: &str, rest: &Text) {
    let mut slot = OPEN.lock();
    match slot.take_if(|open| open.tid == tid) {
        Some(open) => {
            drop(slot);
            print(
                tid,
                Some(door),
                format_args!("{}{}", open.text.as_str(), rest.as_str()),
            );
        }
        None => {
            drop(slot);
            flush();
            print(
                tid,
                Some(door),
                format_args!("<... {name} resumed>{}", rest.as_str()),
            );
        }
    }
}

/// Forgets the waiting line if it is of task `tid`.
pub fn discard(tid: u32) {
    let _ = OPEN.lock().take_if(|open| open.tid == tid);
}

/// Prints a complete line, after any unfinished one.
pub fn whole(tid: u32, door: Option<&'static str>, line: core::fmt::Arguments<'_>) {
    flush();
    print(tid, door, line);
}

/// Shows the waiting line as far as it got.
pub fn flush() {
    let open = OPEN.take();
    if let Some(open) = open {
        print(
            open.tid,
            Some(open.door),
            format_args!("{} <unfinished ...>", open.text.as_str()),
        );
    }
}

fn print(tid: u32, door: Option<&'static str>, line: core::fmt::Arguments<'_>) {
    // A program's own output may have stopped in the middle of a line.
    if !dev::console::at_line_start() {
        dev::console::print(format_args!("\n"));
    }
    let (open, door, close) = match door {
        Some(door) => ("[", door, "] "),
        None => ("", "", ""),
    };
    // With one task only, its ID needn't be said.
    if table::count() <= 1 {
        always!("{open}{door}{close}{line}");
    } else {
        always!("[pid {tid:5}] {open}{door}{close}{line}");
    }
}
