//! /proc/PID/status: state and resource use of a process in words (proc(5)).
//!
//! Left out: values without a counterpart here (huge pages, details of seccomp); VmPeak equals
//! VmSize.

use alloc::string::String;

use linux_raw_sys::general::RLIMIT_SIGPENDING;

use super::files::Part;
use super::subject::Subject;
use crate::abi::errno::Errno;
use crate::abi::signal::{DEFAULT, IGNORE, NSIG, bit};
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::{Text, put};
use crate::process::ptrace::tracer_of;
use crate::process::signal;

/// The bytes of a name up to its NUL, with backslash and line feed escaped.
pub(super) fn printable(comm: &[u8; 16]) -> String {
    let name = comm.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(name);
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// Sets of signals; bit `n - 1` is signal `n`.
pub(super) struct Masks {
    pub pending: u64,
    pub shared: u64,
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
}

impl Masks {
    pub fn of(subject: &Subject) -> Self {
        let process = &subject.process;
        let (mut ignored, mut caught) = (0, 0);
        {
            let actions = process.actions();
            let actions = actions.lock();
            for signo in 1..=NSIG {
                match actions.get(signo).handler {
                    DEFAULT => {}
                    IGNORE => ignored |= bit(signo),
                    _ => caught |= bit(signo),
                }
            }
        }
        let shared = process.pending_signals();
        let (mut pending, mut blocked) = (0, 0);
        if let Some(task) = &subject.task {
            (pending, blocked) = task.pending_and_blocked_signals();
        }
        Self {
            pending,
            shared,
            blocked,
            ignored,
            caught,
        }
    }
}

/// /proc/PID/status. There may be tens of thousands of supplementary groups: parts begin with one.
pub(super) fn status(subject: &Subject, from: u64) -> Result<Part, Errno> {
    const AT_ONCE: usize = 512;
    let mut text = Text::new();
    if from == 0 {
        head(subject, &mut text);
    }
    let groups = &subject.credentials().groups;
    let first = groups.len().min(from as usize);
    let end = groups.len().min(first + AT_ONCE);
    for (index, group) in (first..end).zip(&groups[first..end]) {
        let space = if index == 0 { "" } else { " " };
        put!(&mut text, "{space}{group}");
    }
    let next = (end < groups.len()).then_some(end as u64);
    if next.is_none() {
        tail(subject, &mut text);
    }
    Ok((text.finish()?.into_bytes(), next))
}

/// The lines before the supplementary groups.
fn head(subject: &Subject, text: &mut Text) {
    let process = &subject.process;
    let (letter, word) = subject.state();
    put!(text, "Name:\t{}\n", printable(&subject.comm()));
    let umask = process.fs.lock().umask;
    let (pid, id, parent) = (process.pid, subject.id(), subject.parent());
    put!(
        text,
        "Umask:\t{umask:04o}\nState:\t{letter} ({word})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{id}\nPPid:\t{parent}\n"
    );
    put!(text, "TracerPid:\t{}\n", tracer(subject));
    let cred = subject.credentials();
    let ids = [
        ("Uid", [cred.uid, cred.euid, cred.suid, cred.fsuid]),
        ("Gid", [cred.gid, cred.egid, cred.sgid, cred.fsgid]),
    ];
    for (name, ids) in ids {
        text.push_str(name);
        text.push_str(":");
        for id in ids {
            text.push_str("\t");
            text.push_decimal(id.into(), 0);
        }
        text.push_str("\n");
    }
    let files = process.files();
    put!(text, "FDSize:\t{}\nGroups:\t", files.lock().capacity());
}

/// The lines behind the supplementary groups.
fn tail(subject: &Subject, text: &mut Text) {
    let process = &subject.process;
    let (pid, id, cred) = (process.pid, subject.id(), subject.credentials());
    let (pgid, sid) = subject.groups();
    put!(
        text,
        " \nNStgid:\t{pid}\nNSpid:\t{id}\nNSpgid:\t{pgid}\nNSsid:\t{sid}\nKthread:\t0\n"
    );
    memory(text, subject);
    let masks = Masks::of(subject);
    let threads = process.thread_count().max(1);
    let limit = process.soft_limit(RLIMIT_SIGPENDING);
    put!(
        text,
        "Threads:\t{threads}\nSigQ:\t{}/{limit}\n",
        signal::account::of_user(cred.uid)
    );
    for (name, mask) in [
        ("SigPnd", masks.pending),
        ("ShdPnd", masks.shared),
        ("SigBlk", masks.blocked),
        ("SigIgn", masks.ignored),
        ("SigCgt", masks.caught),
        ("CapInh", cred.inheritable.bits()),
        ("CapPrm", cred.permitted.bits()),
        ("CapEff", cred.effective.bits()),
        ("CapBnd", cred.bounding.bits()),
        ("CapAmb", cred.ambient.bits()),
    ] {
        text.push_str(name);
        text.push_str(":\t");
        text.push_hex(mask, 16);
        text.push_str("\n");
    }
    let task = subject.task.as_ref();
    let no_new_privs = task.is_some_and(|task| task.attributes.lock().no_new_privs);
    put!(text, "NoNewPrivs:\t{}\n", u32::from(no_new_privs));
    text.push_str(
        "Seccomp:\t0\nSeccomp_filters:\t0\n\
            Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\talways enabled\n\
            Cpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_allowed_list:\t0\n",
    );
    let used = super::stat::totals(subject);
    put!(
        text,
        "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
        used.voluntary,
        used.involuntary
    );
}

/// Process ID of the tracer (ptrace(2)); 0 for none.
fn tracer(subject: &Subject) -> u32 {
    let tracer = subject.task.as_ref().and_then(|task| tracer_of(task));
    tracer.map_or(0, |tracer| tracer.pid)
}

/// The lines about memory; none for a terminated process.
fn memory(text: &mut Text, subject: &Subject) {
    let Some(mm) = subject.process.mm() else {
        return;
    };
    let mm = mm.lock();
    let used = mm.usage();
    let marks = &mm.landmarks;
    let code = (marks.end_code.div_ceil(PAGE_SIZE)).saturating_sub(marks.start_code / PAGE_SIZE);
    let resident = used.present_anonymous + used.present_file + used.present_shared;
    let lines = [
        ("VmPeak", used.all),
        ("VmSize", used.all),
        ("VmLck", mm.locked_pages()),
        ("VmPin", 0),
        ("VmHWM", mm.peak_pages()),
        ("VmRSS", resident),
        ("RssAnon", used.present_anonymous),
        ("RssFile", used.present_file),
        ("RssShmem", used.present_shared),
        ("VmData", used.data),
        ("VmStk", used.stack),
        ("VmExe", code),
        ("VmLib", used.code.saturating_sub(code)),
        ("VmSwap", 0),
    ];
    for (name, pages) in lines {
        text.push_str(name);
        text.push_str(":\t");
        text.push_decimal(pages * (PAGE_SIZE / 1024), 8);
        text.push_str(" kB\n");
    }
    text.push_str("CoreDumping:\t0\nTHP_enabled:\t0\n");
}
