//! Fault injection and reserve accounting of `mm/injection.rs`, as far as they concern the running
//! task: the settings of `/proc/self/fail-nth` and `/proc/self/make-it-fail`, and the names of
//! calls in reports.

use core::sync::atomic::Ordering;

use super::{table, try_current};
use crate::abi::door::Table;
use crate::dev::log::log;
use crate::mm::fallible::{Text, put};
use crate::mm::injection::{Hooks, count_strike, counts};
use crate::mm::reserve::{MOST_DRAWN, STEP};
use crate::mm::{frame, heap};

/// Hooks for `mm/injection.rs`.
pub const HOOKS: Hooks = Hooks {
    strikes,
    is_call_to_fail: || try_current().is_some_and(|task| task.is_to_fail.load(Ordering::Relaxed)),
    call: current_call,
    unasked: |call, bytes| {
        log!(
            "reserve: {} makes an infallible allocation of {bytes} bytes",
            name(call)
        );
    },
};

/// Counts a fail point of the running task; returns whether it fails.
fn strikes() -> bool {
    let Some(task) = try_current() else {
        return false;
    };
    let left = task.fail_nth.load(Ordering::Relaxed);
    if left == 0 {
        return false;
    }
    task.fail_nth.store(left - 1, Ordering::Relaxed);
    left == 1
}

/// Whether the call that begins must find no memory (`make-it-fail`); clears the setting.
pub fn strikes_call() -> bool {
    let strikes = try_current().is_some_and(|task| task.is_to_fail.swap(false, Ordering::Relaxed));
    if strikes {
        count_strike();
    }
    strikes
}

/// Added to a call's number for the i386 table.
const I386: u32 = 512;

/// The running task's system call: its number, plus [`I386`] for that table.
fn current_call() -> u32 {
    try_current().map_or(u32::MAX, |task| {
        let frame = task.frame();
        let number = frame.orig_rax as u32 & (I386 - 1);
        match frame.table() {
            Some(Table::I386) => number + I386,
            Some(Table::X86_64) | None => number,
        }
    })
}

/// Name of a call encoded by [`current_call`].
fn name(call: u32) -> &'static str {
    let table = if call & I386 == 0 {
        Table::X86_64
    } else {
        Table::I386
    };
    table.linux_name(call & (I386 - 1)).unwrap_or("?")
}

/// Logs the maximum used by a step, at power-off.
pub fn log_counts() {
    let counts = counts();
    log!(
        "reserve: a step drew {} frames of {STEP}, in {}; {} large blocks were not asked for",
        counts.drawn,
        name(counts.drawn_in),
        counts.unasked
    );
}

/// Text of `/proc/reserve`, of constant length so that each read allocates the same.
pub fn report(_: &(), text: &mut Text) {
    let counts = counts();
    let lines = [
        ("struck", counts.struck),
        ("heap", heap::in_use() as u64),
        ("frames", frame::statistics().0),
        ("tasks", table::count() as u64),
        ("drawn", counts.drawn),
        ("measured", MOST_DRAWN),
        ("step", STEP),
        ("unasked", counts.unasked),
    ];
    for (name, value) in lines {
        put!(text, "{name:8}{value:12}\n");
    }
    let call = name(counts.drawn_in);
    put!(text, "drawn by {call:32}\n");
}
