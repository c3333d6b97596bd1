//! Files of /proc/PID in Linux's formats (proc(5)).
//!
//! Left out: files without a counterpart here (cgroups except for an empty list, namespaces, NUMA,
//! security modules), I/O statistics (`io` is all zeros), page maps.

use alloc::vec::Vec;
use core::ops::Range;

use super::files::{Make, Part};
use super::stat::{stat, statm};
use super::status::status;
use super::subject::Subject;
use super::system::mounts;
use super::{limits, maps, oom};
use crate::abi::errno::Errno;
use crate::arch::percpu::work;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::{self, Text, TryPush as _, put};
use crate::mm::layout::TASK_SIZE;
use crate::process::current;
use crate::usercopy::first_nul;
use crate::vm::address_space::AddressSpace;

/// Handler of a write to a file.
pub(super) type Accept = fn(&Subject, &[u8]) -> Result<(), Errno>;

/// When the right to inspect the process is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Never.
    None,
    /// At the open (`EACCES`); after execve(2) the open file reads as empty.
    Open,
    /// At each read, with this error.
    Read(Errno),
}

/// A file in a process's directory.
pub(super) struct ProcessFile {
    pub name: &'static str,
    pub permissions: u32,
    /// The check of the reader's rights.
    pub guard: Guard,
    pub text: Make<Subject>,
    pub accept: Option<Accept>,
    /// The range of program memory that the file shows instead of `text`.
    pub memory: Option<fn(&mut AddressSpace) -> Range<u64>>,
}

const fn made(name: &'static str, permissions: u32, text: Make<Subject>) -> ProcessFile {
    ProcessFile {
        name,
        permissions,
        guard: Guard::None,
        text,
        accept: None,
        memory: None,
    }
}

pub(super) const fn file(
    name: &'static str,
    mode: u32,
    text: fn(&Subject, &mut Text),
) -> ProcessFile {
    made(name, mode, Make::Whole(text))
}

/// A file generated in parts.
const fn parts(name: &'static str, mode: u32, make: MakePart) -> ProcessFile {
    made(name, mode, Make::Parts(make))
}

/// A file that requires the right to inspect the process.
const fn restricted(file: ProcessFile) -> ProcessFile {
    ProcessFile {
        guard: Guard::Open,
        ..file
    }
}

/// Generates the part at a place ([`Make::Parts`]).
type MakePart = fn(&Subject, u64) -> Result<Part, Errno>;

/// A file with the same text for all processes.
macro_rules! fixed {
    ($name:literal, $mode:literal, $text:literal) => {
        file($name, $mode, |_, text| text.push_str($text))
    };
}

/// All files of a process's directory, sorted by name.
pub(super) static FILES: &[ProcessFile] = &[
    restricted(parts("auxv", 0o400, auxv)),
    #[cfg(debug_assertions)]
    super::fail_nth::FAIL_NTH,
    fixed!("cgroup", 0o444, "0::/\n"),
    ProcessFile {
        memory: Some(arguments),
        ..fixed!("cmdline", 0o444, "")
    },
    ProcessFile {
        accept: Some(set_comm),
        ..parts("comm", 0o644, comm)
    },
    fixed!("coredump_filter", 0o644, "00000033\n"),
    restricted(ProcessFile {
        memory: Some(|mm| mm.landmarks.env_start..mm.landmarks.env_end),
        ..fixed!("environ", 0o400, "")
    }),
    ProcessFile {
        guard: Guard::Read(Errno::EACCES),
        ..fixed!(
            "io",
            0o400,
            "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n\
             cancelled_write_bytes: 0\n"
        )
    },
    file("limits", 0o444, limits::limits),
    fixed!("loginuid", 0o644, "4294967295"),
    restricted(parts("maps", 0o444, maps::maps)),
    #[cfg(debug_assertions)]
    super::fail_nth::MAKE_IT_FAIL,
    parts("mountinfo", 0o444, |_, from| mounts::mountinfo(from)),
    parts("mounts", 0o444, |_, from| mounts::mounts(from)),
    ProcessFile {
        accept: Some(oom::set_adj),
        ..file("oom_adj", 0o644, oom::adj)
    },
    file("oom_score", 0o444, oom::score),
    ProcessFile {
        accept: Some(oom::set_score_adj),
        ..file("oom_score_adj", 0o644, oom::score_adj)
    },
    ProcessFile {
        guard: Guard::Read(Errno::EPERM),
        ..file("personality", 0o400, |subject, text| {
            let task = subject.task.as_ref();
            let personality = task.map_or(0, |task| task.attributes.lock().personality);
            put!(text, "{personality:08x}\n");
        })
    },
    fixed!("sessionid", 0o444, "4294967295"),
    restricted(parts("smaps", 0o444, maps::smaps)),
    restricted(file("smaps_rollup", 0o444, maps::rollup)),
    file("stat", 0o444, stat),
    file("statm", 0o444, statm),
    parts("status", 0o444, status),
    ProcessFile {
        accept: Some(set_trace),
        ..file("trace", 0o644, trace)
    },
    fixed!("wchan", 0o444, "0"),
];

/// The auxiliary vector, in words of the program's width.
fn auxv(subject: &Subject, _from: u64) -> Result<Part, Errno> {
    let mut bytes = Vec::new();
    let Some(mm) = subject.process.mm() else {
        return Ok((bytes, None));
    };
    let mm = mm.lock();
    let values = mm.auxv.iter().flat_map(|(kind, value)| [*kind, *value]);
    if mm.task_size == TASK_SIZE {
        fallible::extend(&mut bytes, values.flat_map(u64::to_ne_bytes))?;
    } else {
        let low = values.map(|value| value as u32);
        fallible::extend(&mut bytes, low.flat_map(u32::to_ne_bytes))?;
    }
    Ok((bytes, None))
}

/// The range of the arguments. If a program has overwritten the NUL of the last argument, it is one
/// string, which may extend into the environment (setproctitle; get_mm_proctitle in
/// fs/proc/base.c).
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

fn comm(subject: &Subject, _from: u64) -> Result<Part, Errno> {
    let name = subject.comm();
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut bytes = fallible::to_vec(name)?;
    bytes.try_push(b'\n')?;
    Ok((bytes, None))
}

/// Sets the name of a thread of the caller's process.
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
    task.comm.set(name);
    Ok(())
}

fn trace(subject: &Subject, text: &mut Text) {
    let on = subject
        .task
        .as_ref()
        .is_some_and(|task| task.has_work(work::TRACE));
    text.push_str(if on { "1\n" } else { "0\n" });
}

/// `1` makes the kernel log each system call of the thread, `0` stops that.
fn set_trace(subject: &Subject, text: &[u8]) -> Result<(), Errno> {
    subject.check_access()?;
    let task = subject.task.as_ref().ok_or(Errno::ESRCH)?;
    match text.trim_ascii() {
        b"1" => task.set_work(work::TRACE),
        b"0" => task.clear_work::<{ work::TRACE }>(),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}
