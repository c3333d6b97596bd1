//! A process's files in /proc/PID, in Linux's formats (proc(5)).
//!
//! Left out: CPU times and fault counts, which are 0; fields about swap and security.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::Ordering;

use linux_raw_sys::general as linux;

use super::maps;
use crate::arch::percpu::work;
use crate::mm::layout::TASK_SIZE;
use crate::mm::{PAGE_SIZE, address_space::AddressSpace};
use crate::process::limits::INFINITY;
use crate::process::{Process, Task, TaskState};
use crate::syscall::errno::Errno;

/// Makes a file's text.
type MakeText = fn(&Task) -> Result<Vec<u8>, Errno>;
/// Takes what is written to a file.
type Accept = fn(&Task, &[u8]) -> Result<(), Errno>;

/// A file in a process's directory.
pub(super) struct ProcessFile {
    pub name: &'static str,
    pub permissions: u32,
    pub text: MakeText,
    pub accept: Option<Accept>,
}

const fn file(name: &'static str, permissions: u32, text: MakeText) -> ProcessFile {
    ProcessFile { name, permissions, text, accept: None }
}

/// All of them.
pub(super) static FILES: [ProcessFile; 14] = [
    file("auxv", 0o400, auxv),
    file("cmdline", 0o444, |task| memory(task, |mm| (mm.landmarks.arg_start, mm.landmarks.arg_end))),
    file("comm", 0o644, |task| Ok([comm(task), b"\n".to_vec()].concat())),
    file("environ", 0o400, |task| memory(task, |mm| (mm.landmarks.env_start, mm.landmarks.env_end))),
    file("limits", 0o444, |task| Ok(limits(&task.process).into_bytes())),
    file("maps", 0o444, maps::text),
    file("mountinfo", 0o444, |_| Ok(super::system::mountinfo().into_bytes())),
    file("mounts", 0o444, |_| Ok(super::system::mounts().into_bytes())),
    file("personality", 0o400, |_| Ok(b"00000000\n".to_vec())),
    file("stat", 0o444, |task| Ok(stat(task).into_bytes())),
    file("statm", 0o444, |task| Ok(statm(task).into_bytes())),
    file("status", 0o444, |task| Ok(status(task).into_bytes())),
    ProcessFile { accept: Some(set_trace), ..file("trace", 0o644, trace) },
    file("wchan", 0o444, |_| Ok(b"0".to_vec())),
];

/// The auxiliary vector, in the width of the program.
fn auxv(task: &Task) -> Result<Vec<u8>, Errno> {
    let Some(mm) = task.mm() else { return Ok(Vec::new()) };
    let mm = mm.lock();
    let values = mm.auxv.iter().flat_map(|(kind, value)| [*kind, *value]);
    Ok(if mm.task_size == TASK_SIZE {
        values.flat_map(u64::to_ne_bytes).collect()
    } else {
        values.flat_map(|value| (value as u32).to_ne_bytes()).collect()
    })
}

/// The bytes of the program's memory in the range that `part` picks, as far as they can be read.
fn memory(task: &Task, part: impl Fn(&AddressSpace) -> (u64, u64)) -> Result<Vec<u8>, Errno> {
    /// More than a stack's worth of strings there never is.
    const MOST: u64 = 2 << 20;
    let Some(mm) = task.mm() else { return Ok(Vec::new()) };
    let mut mm = mm.lock();
    let (start, end) = part(&mm);
    let mut bytes = crate::fs::io::buffer(end.saturating_sub(start).min(MOST) as usize)?;
    let read = mm.peek(start, &mut bytes);
    bytes.truncate(read);
    Ok(bytes)
}

fn comm(task: &Task) -> Vec<u8> {
    let comm = *task.comm.lock();
    comm.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// State as a letter and a word.
fn state(task: &Task) -> (char, &'static str) {
    match task.state() {
        _ if task.process.status.lock().is_some() => ('Z', "zombie"),
        TaskState::Runnable => ('R', "running"),
        TaskState::Blocked => ('S', "sleeping"),
        TaskState::Dead => ('X', "dead"),
    }
}

fn parent_id(process: &Arc<Process>) -> u32 {
    process.parent.lock().upgrade().map_or(0, |parent| parent.pid)
}

/// (all, present) pages.
fn pages(task: &Task) -> (u64, u64) {
    task.mm().map_or((0, 0), |mm| mm.lock().page_counts())
}

fn stat(task: &Task) -> String {
    let process = &task.process;
    let (size, resident) = pages(task);
    let marks = task.mm().map(|mm| mm.lock().landmarks.clone()).unwrap_or_default();
    let (pgid, sid) = (process.pgid.load(Ordering::Relaxed), process.sid.load(Ordering::Relaxed));
    let signals = *task.signals.lock();
    let name = String::from_utf8_lossy(&comm(task)).into_owned();
    let threads = process.live_tasks.load(Ordering::Relaxed);
    let mut text = format!("{} ({name}) {} {}", task.tid, state(task).0, parent_id(process));
    // Terminal: /dev/console, of group `pgid`. Then flags, and counts that nobody keeps here.
    let _ = write!(text, " {pgid} {sid} 1281 {pgid} 4194304 0 0 0 0 0 0 0 0 20 0 {threads} 0 0");
    let _ = write!(text, " {} {resident} {}", size * PAGE_SIZE, INFINITY);
    let _ = write!(text, " {} {} {}", marks.start_code, marks.end_code, marks.start_stack);
    let _ = write!(text, " 0 0 {} {} 0 0 0 0 0 17 0 0 0 0 0 0", signals.pending, signals.blocked);
    let _ = write!(text, " {} {} {}", marks.start_data, marks.end_data, marks.start_brk);
    let _ = write!(text, " {} {} {} {}", marks.arg_start, marks.arg_end, marks.env_start, marks.env_end);
    text + " 0\n"
}

fn statm(task: &Task) -> String {
    let (size, resident) = pages(task);
    let marks = task.mm().map(|mm| mm.lock().landmarks.clone()).unwrap_or_default();
    let code = marks.end_code.div_ceil(PAGE_SIZE).saturating_sub(marks.start_code / PAGE_SIZE);
    format!("{size} {resident} 0 {code} 0 {} 0\n", size.saturating_sub(code))
}

fn status(task: &Task) -> String {
    let process = &task.process;
    let (size, resident) = pages(task);
    let (letter, word) = state(task);
    let cred = process.cred.lock().clone();
    let (fs, files) = (process.fs.lock().clone(), process.files.lock().clone());
    let signals = *task.signals.lock();
    let kib = PAGE_SIZE / 1024;
    let mut text = format!("Name:\t{}\n", String::from_utf8_lossy(&comm(task)));
    let _ = write!(text, "Umask:\t{:04o}\nState:\t{letter} ({word})\n", fs.umask);
    let _ = write!(text, "Tgid:\t{}\nNgid:\t0\nPid:\t{}\n", process.pid, task.tid);
    let _ = write!(text, "PPid:\t{}\nTracerPid:\t0\n", parent_id(process));
    let _ = writeln!(text, "Uid:\t{}\t{}\t{}\t{}", cred.uid, cred.euid, cred.suid, cred.fsuid);
    let _ = writeln!(text, "Gid:\t{}\t{}\t{}\t{}", cred.gid, cred.egid, cred.sgid, cred.fsgid);
    let _ = write!(text, "FDSize:\t{}\nGroups:\t", files.lock().capacity());
    for group in &cred.groups {
        let _ = write!(text, "{group} ");
    }
    text.push('\n');
    let amounts = [("VmPeak", size), ("VmSize", size), ("VmLck", 0), ("VmHWM", resident), ("VmRSS", resident)];
    for (name, pages) in amounts {
        let _ = writeln!(text, "{name}:\t{:8} kB", pages * kib);
    }
    let _ = writeln!(text, "Threads:\t{}", process.live_tasks.load(Ordering::Relaxed));
    let masks = [("SigPnd", signals.pending), ("ShdPnd", 0), ("SigBlk", signals.blocked)];
    for (name, mask) in masks {
        let _ = writeln!(text, "{name}:\t{mask:016x}");
    }
    let capabilities = if cred.is_privileged() { 0x1ff_ffff_ffff_u64 } else { 0 };
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let held = if matches!(name, "CapInh" | "CapAmb") { 0 } else { capabilities };
        let _ = writeln!(text, "{name}:\t{held:016x}");
    }
    text + "NoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\n\
            Mems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
}

fn limits(process: &Process) -> String {
    const NAMES: [(u32, &str, &str); 16] = [
        (linux::RLIMIT_CPU, "Max cpu time", "seconds"),
        (linux::RLIMIT_FSIZE, "Max file size", "bytes"),
        (linux::RLIMIT_DATA, "Max data size", "bytes"),
        (linux::RLIMIT_STACK, "Max stack size", "bytes"),
        (linux::RLIMIT_CORE, "Max core file size", "bytes"),
        (linux::RLIMIT_RSS, "Max resident set", "bytes"),
        (linux::RLIMIT_NPROC, "Max processes", "processes"),
        (linux::RLIMIT_NOFILE, "Max open files", "files"),
        (linux::RLIMIT_MEMLOCK, "Max locked memory", "bytes"),
        (linux::RLIMIT_AS, "Max address space", "bytes"),
        (linux::RLIMIT_LOCKS, "Max file locks", "locks"),
        (linux::RLIMIT_SIGPENDING, "Max pending signals", "signals"),
        (linux::RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"),
        (linux::RLIMIT_NICE, "Max nice priority", ""),
        (linux::RLIMIT_RTPRIO, "Max realtime priority", ""),
        (linux::RLIMIT_RTTIME, "Max realtime timeout", "us"),
    ];
    let limits = process.limits.lock().clone();
    let mut text = format!("{:<26}{:<21}{:<21}{:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let value = |limit| if limit == INFINITY { String::from("unlimited") } else { format!("{limit}") };
    for (resource, name, unit) in NAMES {
        let (soft, hard) = limits.0[resource as usize];
        let _ = writeln!(text, "{name:<25} {:<20} {:<20} {unit:<10}", value(soft), value(hard));
    }
    text
}

fn trace(task: &Task) -> Result<Vec<u8>, Errno> {
    let on = task.has_work(work::TRACE);
    Ok(if on { b"1\n".to_vec() } else { b"0\n".to_vec() })
}

/// `1` has the kernel print each call of the thread, `0` ends that.
fn set_trace(task: &Task, text: &[u8]) -> Result<(), Errno> {
    match text.trim_ascii() {
        b"1" => task.set_work(work::TRACE),
        b"0" => task.clear_work(work::TRACE),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}
