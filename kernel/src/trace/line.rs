//! Lines of the call log on the console. A call's line is prefixed with its door, and every line
//! with the thread ID if there are several threads.
//!
//! A call's line is printed when the call returns. If another thread prints a line before that, the
//! unfinished line is printed first, as by `strace -f`: `wait4(-1,  <unfinished ...>`, and after
//! the return `<... wait4 resumed>`.

use crate::dev::log::always;
use crate::sync::{Mutex, rank};

use super::text::Text;
use crate::dev;
use crate::process::table;

/// The line of a call that has not returned.
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

/// Prints a call's line with `rest` at its end, or a `resumed` line for the call `name`.
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

/// Discards the unfinished line if it is thread `tid`'s.
pub fn discard(tid: u32) {
    let _ = OPEN.lock().take_if(|open| open.tid == tid);
}

/// Prints a complete line, after flushing any unfinished one.
pub fn whole(tid: u32, door: Option<&'static str>, line: core::fmt::Arguments<'_>) {
    flush();
    print(tid, door, line);
}

/// Prints the unfinished line, marked `<unfinished ...>`.
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
    // As in strace, a single thread's lines have no ID.
    if table::count() <= 1 {
        always!("{open}{door}{close}{line}");
    } else {
        always!("[pid {tid:5}] {open}{door}{close}{line}");
    }
}
