//! /proc/PID/{stat,statm,status}: how a process is doing.
//!
//! Left out: CPU times and fault counts, which are 0; fields about swap and security.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::Ordering;

use crate::mm::PAGE_SIZE;
use crate::process::limits::INFINITY;
use crate::process::{Process, Task, TaskState};

pub(super) fn comm(task: &Task) -> Vec<u8> {
    let comm = *task.comm.lock();
    comm.split(|&byte| byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// State as a letter and a word.
fn state(task: &Task) -> (char, &'static str) {
    match task.state() {
        _ if task.process.status.lock().is_some() => ('Z', "zombie"),
        TaskState::Runnable => ('R', "running"),
        TaskState::Blocked => ('S', "sleeping"),
        TaskState::Stopped => ('T', "stopped"),
        TaskState::Traced => ('t', "tracing stop"),
        TaskState::Dead => ('X', "dead"),
    }
}

fn parent_id(process: &Arc<Process>) -> u32 {
    process
        .parent
        .lock()
        .upgrade()
        .map_or(0, |parent| parent.pid)
}

/// (all, present) pages.
fn pages(task: &Task) -> (u64, u64) {
    task.mm().map_or((0, 0), |mm| mm.lock().page_counts())
}

pub(super) fn stat(task: &Task) -> String {
    let process = &task.process;
    let (size, resident) = pages(task);
    let marks = task
        .mm()
        .map(|mm| mm.lock().landmarks.clone())
        .unwrap_or_default();
    let (pgid, sid) = (
        process.pgid.load(Ordering::Relaxed),
        process.sid.load(Ordering::Relaxed),
    );
    let signals = task.signals.lock().clone();
    let name = String::from_utf8_lossy(&comm(task)).into_owned();
    let threads = process.threads.lock().len();
    let mut text = format!(
        "{} ({name}) {} {}",
        task.tid(),
        state(task).0,
        parent_id(process)
    );
    let tty = process.terminal.lock().tty.clone();
    let (terminal, foreground) = tty.map_or((0, -1), |tty| {
        (tty.number.encode(), i64::from(tty.foreground()))
    });
    // Flags follow, and counts that nobody keeps here.
    let _ = write!(
        text,
        " {pgid} {sid} {terminal} {foreground} 4194304 0 0 0 0 0 0 0 0 20 0 {threads} 0 0"
    );
    let _ = write!(text, " {} {resident} {}", size * PAGE_SIZE, INFINITY);
    let _ = write!(
        text,
        " {} {} {}",
        marks.start_code, marks.end_code, marks.start_stack
    );
    let _ = write!(
        text,
        " 0 0 {} {} 0 0 0 0 0 17 0 0 0 0 0 0",
        signals.pending.set(),
        signals.blocked
    );
    let _ = write!(
        text,
        " {} {} {}",
        marks.start_data, marks.end_data, marks.start_brk
    );
    let _ = write!(
        text,
        " {} {} {} {}",
        marks.arg_start, marks.arg_end, marks.env_start, marks.env_end
    );
    text + " 0\n"
}

pub(super) fn statm(task: &Task) -> String {
    let (size, resident) = pages(task);
    let marks = task
        .mm()
        .map(|mm| mm.lock().landmarks.clone())
        .unwrap_or_default();
    let code = marks
        .end_code
        .div_ceil(PAGE_SIZE)
        .saturating_sub(marks.start_code / PAGE_SIZE);
    format!(
        "{size} {resident} 0 {code} 0 {} 0\n",
        size.saturating_sub(code)
    )
}

pub(super) fn status(task: &Task) -> String {
    let process = &task.process;
    let (size, resident) = pages(task);
    let (letter, word) = state(task);
    let cred = process.cred.lock().clone();
    let (fs, files) = (process.fs.lock().clone(), process.files.lock().clone());
    let signals = task.signals.lock().clone();
    let kib = PAGE_SIZE / 1024;
    let mut text = format!("Name:\t{}\n", String::from_utf8_lossy(&comm(task)));
    let _ = write!(
        text,
        "Umask:\t{:04o}\nState:\t{letter} ({word})\n",
        fs.umask
    );
    let _ = write!(
        text,
        "Tgid:\t{}\nNgid:\t0\nPid:\t{}\n",
        process.pid,
        task.tid()
    );
    let _ = write!(text, "PPid:\t{}\nTracerPid:\t0\n", parent_id(process));
    let _ = writeln!(
        text,
        "Uid:\t{}\t{}\t{}\t{}",
        cred.uid, cred.euid, cred.suid, cred.fsuid
    );
    let _ = writeln!(
        text,
        "Gid:\t{}\t{}\t{}\t{}",
        cred.gid, cred.egid, cred.sgid, cred.fsgid
    );
    let _ = write!(text, "FDSize:\t{}\nGroups:\t", files.lock().capacity());
    for group in &cred.groups {
        let _ = write!(text, "{group} ");
    }
    text.push('\n');
    let amounts = [
        ("VmPeak", size),
        ("VmSize", size),
        ("VmLck", 0),
        ("VmHWM", resident),
        ("VmRSS", resident),
    ];
    for (name, pages) in amounts {
        let _ = writeln!(text, "{name}:\t{:8} kB", pages * kib);
    }
    let _ = writeln!(text, "Threads:\t{}", process.threads.lock().len());
    let masks = [
        ("SigPnd", signals.pending.set()),
        ("ShdPnd", process.signals.lock().pending.set()),
        ("SigBlk", signals.blocked),
    ];
    for (name, mask) in masks {
        let _ = writeln!(text, "{name}:\t{mask:016x}");
    }
    let capabilities = if cred.is_privileged() {
        0x1ff_ffff_ffff_u64
    } else {
        0
    };
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let held = if matches!(name, "CapInh" | "CapAmb") {
            0
        } else {
            capabilities
        };
        let _ = writeln!(text, "{name}:\t{held:016x}");
    }
    text + "NoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\n\
            Mems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
}
