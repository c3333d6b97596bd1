//! A process's files in /proc/PID, in Linux's formats (proc(5)).
//!
//! Left out: what there is no counterpart of here (cgroups but for their empty list, namespaces, NUMA,
//! security modules), counts of input and output (`io` is all zeros), page maps.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use super::stat::{stat, statm};
use super::status::status;
use super::subject::Subject;
use super::system::mounts;
use super::{limits, maps};
use crate::arch::percpu::work;
use crate::mm::PAGE_SIZE;
use crate::mm::address_space::AddressSpace;
use crate::mm::layout::TASK_SIZE;
use crate::process::current;
use crate::syscall::errno::Errno;
use crate::usercopy::first_nul;

/// Makes a file's text.
pub(super) type MakeText = fn(&Subject) -> Result<Vec<u8>, Errno>;
/// Takes what is written to a file.
pub(super) type Accept = fn(&Subject, &[u8]) -> Result<(), Errno>;

/// When it is asked whether the reader may look into the process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Never.
    None,
    /// At the open (`EACCES`); the file then tells of the program that ran at that time.
    Open,
    /// At each read, with this error.
    Read(Errno),
}

/// A file in a process's directory.
pub(super) struct ProcessFile {
    pub name: &'static str,
    pub permissions: u32,
    /// Whether it is only for who may look into the process.
    pub guard: Guard,
    pub text: MakeText,
    pub accept: Option<Accept>,
    /// The part of the program's memory that it shows, in place of a text.
    pub memory: Option<fn(&mut AddressSpace) -> Range<u64>>,
}

pub(super) const fn file(name: &'static str, permissions: u32, text: MakeText) -> ProcessFile {
    ProcessFile {
        name,
        permissions,
        guard: Guard::None,
        text,
        accept: None,
        memory: None,
    }
}

const fn restricted(name: &'static str, permissions: u32, text: MakeText) -> ProcessFile {
    ProcessFile {
        guard: Guard::Open,
        ..file(name, permissions, text)
    }
}

/// A file that says the same of every process.
macro_rules! fixed {
    ($name:literal, $mode:literal, $text:literal) => {
        file($name, $mode, |_| Ok($text.to_vec()))
    };
}

/// All of them.
pub(super) static FILES: &[ProcessFile] = &[
    restricted("auxv", 0o400, auxv),
    #[cfg(debug_assertions)]
    super::fail_nth::FAIL_NTH,
    fixed!("cgroup", 0o444, b"0::/\n"),
    ProcessFile {
        memory: Some(arguments),
        ..fixed!("cmdline", 0o444, b"")
    },
    ProcessFile {
        accept: Some(set_comm),
        ..file("comm", 0o644, comm)
    },
    fixed!("coredump_filter", 0o644, b"00000033\n"),
    ProcessFile {
        guard: Guard::Open,
        memory: Some(|mm| mm.landmarks.env_start..mm.landmarks.env_end),
        ..fixed!("environ", 0o400, b"")
    },
    ProcessFile {
        guard: Guard::Read(Errno::EACCES),
        ..file("io", 0o400, |_| {
            let text = "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n\
                        cancelled_write_bytes: 0\n";
            Ok(text.as_bytes().to_vec())
        })
    },
    file("limits", 0o444, |subject| {
        Ok(limits::limits(&subject.process).into_bytes())
    }),
    fixed!("loginuid", 0o644, b"4294967295"),
    restricted("maps", 0o444, |subject| maps::text(subject, maps::line)),
    file("mountinfo", 0o444, |_| Ok(mounts::mountinfo().into_bytes())),
    file("mounts", 0o444, |_| Ok(mounts::mounts().into_bytes())),
    #[cfg(debug_assertions)]
    super::fail_nth::MAKE_IT_FAIL,
    fixed!("oom_adj", 0o644, b"0\n"),
    fixed!("oom_score", 0o444, b"0\n"),
    fixed!("oom_score_adj", 0o644, b"0\n"),
    ProcessFile {
        guard: Guard::Read(Errno::EPERM),
        ..file("personality", 0o400, |subject| {
            let task = subject.task.as_ref().ok_or(Errno::ESRCH)?;
            let personality = task.attributes.lock().personality;
            Ok(format!("{personality:08x}\n").into_bytes())
        })
    },
    fixed!("sessionid", 0o444, b"4294967295"),
    restricted("smaps", 0o444, |subject| {
        maps::text(subject, maps::detailed)
    }),
    restricted("smaps_rollup", 0o444, maps::rollup),
    file("stat", 0o444, |subject| Ok(stat(subject).into_bytes())),
    file("statm", 0o444, |subject| Ok(statm(subject).into_bytes())),
    file("status", 0o444, |subject| Ok(status(subject).into_bytes())),
    ProcessFile {
        accept: Some(set_trace),
        ..file("trace", 0o644, trace)
    },
    fixed!("wchan", 0o444, b"0"),
];

/// The auxiliary vector, in the width of the program.
fn auxv(subject: &Subject) -> Result<Vec<u8>, Errno> {
    let Some(mm) = subject.process.mm.lock().clone() else {
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

/// Where the arguments lie. A program that has written over the NUL of the last one shows one string
/// only, which may go on into the environment (setproctitle; get_mm_proctitle in fs/proc/base.c).
fn arguments(mm: &mut AddressSpace) -> Range<u64> {
    let (start, end) = (mm.landmarks.arg_start, mm.landmarks.arg_end);
    let mut last = [0];
    if start >= end || mm.peek(end - 1, &mut last) == 0 || last == [0] {
        return start..end;
    }
    let mut title = [0; PAGE_SIZE as usize];
    let room = (mm.landmarks.env_end.max(end) - start).min(PAGE_SIZE) as usize;
    let read = mm.peek(start, &mut title[..room]);
    let length = first_nul(&title[..read]).map_or(read, |nul| nul + 1);
    start..start + length as u64
}

fn comm(subject: &Subject) -> Result<Vec<u8>, Errno> {
    let name = subject.comm();
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok([name, b"\n"].concat())
}

/// Gives a thread of the writer's own process another name.
fn set_comm(subject: &Subject, text: &[u8]) -> Result<(), Errno> {
    let Some(task) = &subject.task else {
        return Err(Errno::ESRCH);
    };
    if subject.process.pid != current().process.pid {
        return Err(Errno::EINVAL);
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut name = [0; 16];
    let len = text.len().min(15);
    name[..len].copy_from_slice(&text[..len]);
    *task.comm.lock() = name;
    Ok(())
}

fn trace(subject: &Subject) -> Result<Vec<u8>, Errno> {
    let on = subject
        .task
        .as_ref()
        .is_some_and(|task| task.has_work(work::TRACE));
    Ok(if on { b"1\n".to_vec() } else { b"0\n".to_vec() })
}

/// `1` has the kernel print each call of the thread, `0` ends that.
fn set_trace(subject: &Subject, text: &[u8]) -> Result<(), Errno> {
    subject.check_access()?;
    let task = subject.task.as_ref().ok_or(Errno::ESRCH)?;
    match text.trim_ascii() {
        b"1" => task.set_work(work::TRACE),
        b"0" => task.clear_work(work::TRACE),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}
