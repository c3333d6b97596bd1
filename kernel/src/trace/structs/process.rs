//! Structures of calls on processes and on the system.

use linux_raw_sys::general as linux;

use crate::mm::fallible::put;
use crate::trace::call::{Call, Fields};
use crate::trace::names::{self, signal};
use crate::trace::strings::{address, array, escaped, hex};
use crate::trace::text::Text;

/// struct rlimit: two longs.
pub fn rlimit(out: &mut Text, fields: &mut Fields) {
    let (infinity, unlimited) = if fields.wide {
        (u64::MAX, "RLIM64_INFINITY")
    } else {
        (u64::from(u32::MAX), "RLIM_INFINITY")
    };
    for (name, end) in [("{rlim_cur=", ", "), ("rlim_max=", "}")] {
        out.add(name);
        limit(out, fields.long(), infinity, unlimited);
        out.add(end);
    }
}

/// struct rlimit64: two 64-bit numbers.
pub fn rlimit64(out: &mut Text, fields: &mut Fields) {
    for (name, end) in [("{rlim_cur=", ", "), ("rlim_max=", "}")] {
        out.add(name);
        limit(out, fields.u64(), u64::MAX, "RLIM64_INFINITY");
        out.add(end);
    }
}

fn limit(out: &mut Text, value: u64, infinity: u64, name: &str) {
    if value == infinity {
        out.add(name);
    } else if value > 1024 && value.is_multiple_of(1024) {
        put!(out, "{}*1024", value / 1024);
    } else {
        put!(out, "{value}");
    }
}

/// The first two fields of struct utsname, 65 bytes each.
pub fn utsname(out: &mut Text, fields: &mut Fields) {
    for (name, end) in [("{sysname=\"", "\", "), ("nodename=\"", "\", ...}")] {
        out.add(name);
        let text: [u8; 65] = core::array::from_fn(|_| fields.u8());
        let len = text
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(text.len());
        escaped(out, &text[..len]);
        out.add(end);
    }
}

/// struct sysinfo, 112 or 64 bytes.
pub fn sysinfo(out: &mut Text, fields: &mut Fields) {
    put!(out, "{{uptime={}", fields.signed_long());
    put!(
        out,
        ", loads=[{}, {}, {}]",
        fields.long(),
        fields.long(),
        fields.long()
    );
    for name in [
        "totalram",
        "freeram",
        "sharedram",
        "bufferram",
        "totalswap",
        "freeswap",
    ] {
        put!(out, ", {name}={}", fields.long());
    }
    put!(out, ", procs={}", fields.u16());
    fields.skip(if fields.wide { 6 } else { 2 });
    put!(
        out,
        ", totalhigh={}, freehigh={}",
        fields.long(),
        fields.long()
    );
    put!(out, ", mem_unit={}}}", fields.u32());
}

/// The start of struct rusage: two struct timeval.
pub fn rusage(out: &mut Text, fields: &mut Fields) {
    out.add("{ru_utime=");
    super::time::timeval(out, fields);
    out.add(", ru_stime=");
    super::time::timeval(out, fields);
    out.add(", ...}");
}

/// wait4(2)'s status: `[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]`.
pub fn wait_status(out: &mut Text, fields: &mut Fields) {
    let status = fields.u32();
    let number = |out: &mut Text, value: u32| signal::name(out, value.into());
    out.add("[{");
    match status & 0x7f {
        0 => put!(
            out,
            "WIFEXITED(s) && WEXITSTATUS(s) == {}",
            status >> 8 & 0xff
        ),
        0x7f if status == 0xffff => out.add("WIFCONTINUED(s)"),
        0x7f => {
            out.add("WIFSTOPPED(s) && WSTOPSIG(s) == ");
            number(out, status >> 8 & 0xff);
        }
        killed => {
            out.add("WIFSIGNALED(s) && WTERMSIG(s) == ");
            number(out, killed);
            if status & 0x80 != 0 {
                out.add(" && WCOREDUMP(s)");
            }
        }
    }
    out.add("}]");
}

/// struct user_desc, 16 bytes.
pub fn user_desc(out: &mut Text, fields: &mut Fields) {
    let (entry, base, limit, bits) = (fields.i32(), fields.u32(), fields.u32(), fields.u32());
    put!(
        out,
        "{{entry_number={entry}, base_addr={base:#08x}, limit={limit:#08x}"
    );
    for (name, from, mask) in [
        ("seg_32bit", 0, 1),
        ("contents", 1, 3),
        ("read_exec_only", 3, 1),
        ("limit_in_pages", 4, 1),
        ("seg_not_present", 5, 1),
        ("useable", 6, 1),
    ] {
        put!(out, ", {name}={}", bits >> from & mask);
    }
    out.add("}");
}

/// struct tms: four counts of clock ticks.
pub fn tms(out: &mut Text, fields: &mut Fields) {
    out.add("{");
    for (name, end) in [
        ("tms_utime", ", "),
        ("tms_stime", ", "),
        ("tms_cutime", ", "),
        ("tms_cstime", "}"),
    ] {
        put!(out, "{name}={}{end}", fields.signed_long());
    }
}

/// A capability number of prctl(2).
pub fn capability(out: &mut Text, number: u64) {
    match usize::try_from(number)
        .ok()
        .and_then(|index| names::process::CAPABILITIES.get(index))
    {
        Some(name) => out.add(name),
        None => put!(out, "{number:#x} /* CAP_??? */"),
    }
}

/// clone(2)'s arguments that the flags use. The order of the last two differs between the tables.
pub fn clone(out: &mut Text, call: &Call) {
    let [flags, stack, parent, fourth, fifth, _] = call.args;
    let (child, tls) = if call.wide {
        (fourth, fifth)
    } else {
        (fifth, fourth)
    };
    let has = |flag: u32| flags & u64::from(flag) != 0;
    out.add("child_stack=");
    address(out, stack);
    out.add(", flags=");
    let rest = names::known_flags(out, flags & !0xff, names::process::CLONE, "");
    let mut separator = if rest == flags & !0xff { "" } else { "|" };
    if rest != 0 {
        put!(out, "{separator}{rest:#x}");
        separator = "|";
    }
    if flags & 0xff != 0 {
        out.add(separator);
        signal::name(out, flags & 0xff);
    } else if flags == 0 {
        out.add("0");
    }
    // The call writes either the thread ID or the descriptor there.
    if has(linux::CLONE_PARENT_SETTID | linux::CLONE_PIDFD) {
        out.add(", parent_tid=");
        match call.fields(parent, 4) {
            Some(mut fields) if !call.failed() => put!(out, "[{}]", fields.i32()),
            _ => address(out, parent),
        }
    }
    if has(linux::CLONE_SETTLS) {
        out.add(", tls=");
        if call.wide {
            address(out, tls);
        } else {
            super::whole(out, call, tls, 16, user_desc);
        }
    }
    if has(linux::CLONE_CHILD_SETTID | linux::CLONE_CHILD_CLEARTID) {
        out.add(", child_tidptr=");
        address(out, child);
    }
}

/// clone3(2)'s structure: the fields that the flags use, and the values written to the parent's
/// memory.
pub fn clone3(out: &mut Text, call: &Call) {
    let [at, size, ..] = call.args;
    let Some(mut fields) = call.fields(at, 64).filter(|_| size >= 64) else {
        return address(out, at);
    };
    let [
        flags,
        pidfd,
        child,
        parent,
        exit_signal,
        stack,
        stack_size,
        tls,
    ] = core::array::from_fn(|_| fields.u64());
    let has = |flag: u32| flags & u64::from(flag) != 0;
    out.add("{flags=");
    names::flags(out, flags, names::process::CLONE, "CLONE_???");
    for (name, value, is_shown) in [
        ("pidfd", pidfd, has(linux::CLONE_PIDFD)),
        (
            "child_tid",
            child,
            has(linux::CLONE_CHILD_SETTID | linux::CLONE_CHILD_CLEARTID),
        ),
        ("parent_tid", parent, has(linux::CLONE_PARENT_SETTID)),
    ] {
        if is_shown {
            put!(out, ", {name}=");
            address(out, value);
        }
    }
    out.add(", exit_signal=");
    if exit_signal == 0 {
        out.add("0");
    } else {
        signal::name(out, exit_signal);
    }
    out.add(", stack=");
    address(out, stack);
    out.add(", stack_size=");
    hex(out, stack_size);
    if has(linux::CLONE_SETTLS) {
        out.add(", tls=");
        address(out, tls);
    }
    out.add("}");
    if call.failed() {
        return;
    }
    let mut separator = " => {";
    for (name, at, is_shown) in [
        ("pidfd", pidfd, has(linux::CLONE_PIDFD)),
        ("parent_tid", parent, has(linux::CLONE_PARENT_SETTID)),
    ] {
        if is_shown && let Some(mut number) = call.fields(at, 4) {
            put!(out, "{separator}{name}=[{}]", number.i32());
            separator = ", ";
        }
    }
    if separator == ", " {
        out.add("}");
    }
}

/// Group IDs: `[0, 5]`.
pub fn groups(out: &mut Text, call: &Call, at: u64, count: u64) {
    array(out, at, count, 4, |out, at| {
        let group = call.fields(at, 4).map(|mut fields| fields.u32());
        group.map(|group| put!(out, "{group}")).is_some()
    });
}

/// The six arguments of i386's old mmap(2), printed like arguments in registers.
pub fn old_mmap(out: &mut Text, fields: &mut Fields) {
    address(out, fields.long());
    put!(out, ", {}, ", fields.long());
    names::flags(out, fields.long(), names::memory::PROT, "PROT_???");
    out.add(", ");
    names::memory::map_flags(out, fields.long());
    put!(out, ", {}, ", fields.i32());
    hex(out, fields.long());
}
