//! /proc/PID/{stat,statm}: state and resource use of a process in numbers (proc(5)).
//!
//! For the split of CPU time, see `process/rusage.rs`.

use core::sync::atomic::Ordering;

use super::status::{Masks, printable};
use super::subject::Subject;
use crate::abi::limits::INFINITY;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::{Text, put};
use crate::process::Process;
use crate::process::rusage;
use crate::process::usage::Totals;

/// Nanoseconds in a clock tick (USER_HZ is 100).
const TICK: u64 = 10_000_000;

/// (mapped, resident) pages.
pub(super) fn pages(subject: &Subject) -> (u64, u64) {
    let mm = subject.process.mm();
    mm.map_or((0, 0), |mm| mm.lock().page_counts())
}

/// Device number and foreground group of the controlling terminal; 0 and -1 without one.
fn terminal(process: &Process) -> (u32, i64) {
    let tty = process.terminal.lock().tty.clone();
    tty.map_or((0, -1), |tty| {
        (tty.number().encode(), tty.foreground().into())
    })
}

/// Resource use of the thread or the process.
pub(super) fn totals(subject: &Subject) -> Totals {
    match &subject.task {
        Some(task) if subject.thread => rusage::of_task(task),
        _ => rusage::of_process(&subject.process),
    }
}

pub(super) fn stat(subject: &Subject, text: &mut Text) {
    let process = &subject.process;
    let (size, resident) = pages(subject);
    let mm = process.mm();
    let mut marks = mm.map(|mm| mm.lock().landmarks.clone()).unwrap_or_default();
    // Addresses are shown only to a reader that may inspect the process.
    if subject.check_access().is_err() {
        marks = crate::vm::address_space::Landmarks {
            start_code: 1,
            end_code: 1,
            ..Default::default()
        };
    }
    let (pgid, sid) = subject.groups();
    let (tty, foreground) = terminal(process);
    let masks = Masks::of(subject);
    let used = totals(subject);
    let waited = process.usage.children();
    let threads = process.thread_count().max(1);
    let exit_signal = process.exit_signal.load(Ordering::Relaxed);
    let status = process.exit.status();
    let started = match &subject.task {
        Some(task) if subject.thread => task.started,
        _ => process.started,
    };
    put!(
        text,
        "{} ({}) {} {}",
        subject.id(),
        printable(&subject.comm()),
        subject.state().0,
        subject.parent()
    );
    // PF_RANDOMIZE; minor faults, of the process and of its children; no major faults.
    put!(
        text,
        " {pgid} {sid} {tty} {foreground} 4194304 {} {} 0 0",
        used.faults,
        waited.faults
    );
    for nanos in [used.user, used.system, waited.user, waited.system] {
        text.push_next(nanos / TICK);
    }
    let own = subject.task.as_ref().map(|task| *task.attributes.lock());
    let own = own.unwrap_or_default();
    // Nice values as 0 to 39, real-time priorities below 0.
    let nice = i32::from(own.nice);
    let priority = match own.priority {
        0 => 20 + nice,
        real_time => -1 - real_time as i32,
    };
    put!(text, " {priority} {nice} {threads} 0 {}", started / TICK);
    put!(text, " {} {resident} {INFINITY}", size * PAGE_SIZE);
    for mark in [marks.start_code, marks.end_code, marks.start_stack] {
        text.push_next(mark);
    }
    // Stack and instruction pointer are shown for a terminating process alone.
    let signals = [masks.pending, masks.blocked, masks.ignored, masks.caught];
    text.push_str(" 0 0");
    for mask in signals {
        // 31 bits: signals below the real-time ones.
        text.push_next(mask & 0x7fff_ffff);
    }
    let waits = u64::from(subject.state().0 == 'S');
    put!(text, " {waits} 0 0 {exit_signal} 0 0 0 0 0 0");
    for mark in [
        marks.start_data,
        marks.end_data,
        marks.start_brk,
        marks.arg_start,
        marks.arg_end,
        marks.env_start,
        marks.env_end,
    ] {
        text.push_next(mark);
    }
    put!(text, " {}\n", status.map_or(0, |s| s.wait_status()));
}

pub(super) fn statm(subject: &Subject, text: &mut Text) {
    let Some(mm) = subject.process.mm() else {
        return text.push_str("0 0 0 0 0 0 0\n");
    };
    let mm = mm.lock();
    let (used, (size, resident)) = (mm.usage(), mm.page_counts());
    let marks = &mm.landmarks;
    let code = (marks.end_code.div_ceil(PAGE_SIZE)).saturating_sub(marks.start_code / PAGE_SIZE);
    put!(
        text,
        "{size} {resident} {} {code} 0 {} 0\n",
        used.present_file + used.present_shared,
        used.data + used.stack
    );
}
