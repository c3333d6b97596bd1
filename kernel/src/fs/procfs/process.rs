//! A process's files in /proc/PID, in Linux's formats (proc(5)).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use linux_raw_sys::general as linux;

use super::maps;
use super::status::{comm, stat, statm, status};
use crate::arch::percpu::work;
use crate::mm::address_space::AddressSpace;
use crate::mm::layout::TASK_SIZE;
use crate::process::limits::INFINITY;
use crate::process::{Process, Task};
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
    ProcessFile {
        name,
        permissions,
        text,
        accept: None,
    }
}

/// All of them.
pub(super) static FILES: [ProcessFile; 14] = [
    file("auxv", 0o400, auxv),
    file("cmdline", 0o444, |task| {
        memory(task, |mm| (mm.landmarks.arg_start, mm.landmarks.arg_end))
    }),
    file("comm", 0o644, |task| {
        Ok([comm(task), b"\n".to_vec()].concat())
    }),
    file("environ", 0o400, |task| {
        memory(task, |mm| (mm.landmarks.env_start, mm.landmarks.env_end))
    }),
    file("limits", 0o444, |task| {
        Ok(limits(&task.process).into_bytes())
    }),
    file("maps", 0o444, maps::text),
    file("mountinfo", 0o444, |_| {
        Ok(super::system::mounts::mountinfo().into_bytes())
    }),
    file("mounts", 0o444, |_| {
        Ok(super::system::mounts::mounts().into_bytes())
    }),
    file("personality", 0o400, |_| Ok(b"00000000\n".to_vec())),
    file("stat", 0o444, |task| Ok(stat(task).into_bytes())),
    file("statm", 0o444, |task| Ok(statm(task).into_bytes())),
    file("status", 0o444, |task| Ok(status(task).into_bytes())),
    ProcessFile {
        accept: Some(set_trace),
        ..file("trace", 0o644, trace)
    },
    file("wchan", 0o444, |_| Ok(b"0".to_vec())),
];

/// The auxiliary vector, in the width of the program.
fn auxv(task: &Task) -> Result<Vec<u8>, Errno> {
    let Some(mm) = task.mm() else {
        return Ok(Vec::new());
    };
    let mm = mm.lock();
    let values = mm.auxv.iter().flat_map(|(kind, value)| [*kind, *value]);
    Ok(if mm.task_size == TASK_SIZE {
        values.flat_map(u64::to_ne_bytes).collect()
    } else {
        values
            .flat_map(|value| (value as u32).to_ne_bytes())
            .collect()
    })
}

/// The bytes of the program's memory in the range that `part` picks, as far as they can be read.
fn memory(task: &Task, part: impl Fn(&AddressSpace) -> (u64, u64)) -> Result<Vec<u8>, Errno> {
    /// More than a stack's worth of strings there never is.
    const MOST: u64 = 2 << 20;
    let Some(mm) = task.mm() else {
        return Ok(Vec::new());
    };
    let mut mm = mm.lock();
    let (start, end) = part(&mm);
    let mut bytes = crate::fs::io::buffer(end.saturating_sub(start).min(MOST) as usize)?;
    let read = mm.peek(start, &mut bytes);
    bytes.truncate(read);
    Ok(bytes)
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
    let mut text = format!(
        "{:<26}{:<21}{:<21}{:<10}\n",
        "Limit", "Soft Limit", "Hard Limit", "Units"
    );
    let value = |limit| {
        if limit == INFINITY {
            String::from("unlimited")
        } else {
            format!("{limit}")
        }
    };
    for (resource, name, unit) in NAMES {
        let (soft, hard) = limits.0[resource as usize];
        let _ = writeln!(
            text,
            "{name:<25} {:<20} {:<20} {unit:<10}",
            value(soft),
            value(hard)
        );
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
