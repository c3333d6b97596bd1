//! /proc/sys: kernel settings (sysctl(8)).
//!
//! Writable are host and domain name, the protection of links, and the limits of inotify(7). The
//! others report fixed behaviour.

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use spin::Once;

use super::{SystemFile, file};
use crate::abi::errno::Errno;
use crate::dev::random;
use crate::mm::fallible::{Text, put};
use crate::mm::layout;
use crate::process::table;
use crate::process::uts;
use crate::vfs::inotify::limits;
use crate::vfs::{fdtable, protected};
use crate::vm::mapping;
use crate::vm::randomize;

/// A constant setting.
macro_rules! fixed {
    ($path:literal, $text:literal) => {
        file(concat!("sys/", $path), |_, text| {
            text.push_str(concat!($text, "\n"))
        })
    };
}

/// A switch, 0 or 1, writable by root.
macro_rules! switch {
    ($path:literal, $value:expr) => {
        SystemFile {
            accept: Some(|text| set_switch(&$value, text)),
            ..file(concat!("sys/", $path), |_, text| {
                put!(text, "{}\n", u8::from($value.load(Ordering::Relaxed)));
            })
        }
    };
}

/// A nonnegative int, writable by root.
macro_rules! number {
    ($path:literal, $value:expr) => {
        SystemFile {
            accept: Some(|text| set(&$value, text)),
            ..file(concat!("sys/", $path), |_, text| {
                put!(text, "{}\n", $value.load(Ordering::Relaxed));
            })
        }
    };
}

/// The files below sys/.
pub(super) static FILES: &[SystemFile] = &[
    fixed!("fs/aio-max-nr", "65536"),
    fixed!("fs/aio-nr", "0"),
    fixed!("fs/dentry-state", "0\t0\t45\t0\t0\t0"),
    file("sys/fs/epoll/max_user_watches", |_, text| {
        put!(text, "{}\n", crate::vfs::epoll::quota::max());
    }),
    file("sys/fs/file-max", |_, text| put!(text, "{}\n", i64::MAX)),
    file("sys/fs/file-nr", |_, text| {
        put!(
            text,
            "{}\t0\t{}\n",
            crate::vfs::file::open_files(),
            i64::MAX
        );
    }),
    fixed!("fs/inode-nr", "0\t0"),
    number!("fs/inotify/max_queued_events", limits::MAX_QUEUED),
    number!("fs/inotify/max_user_instances", limits::MAX_INSTANCES),
    number!("fs/inotify/max_user_watches", limits::max_watches()),
    fixed!("fs/lease-break-time", "45"),
    fixed!("fs/leases-enable", "0"),
    fixed!("fs/mount-max", "100000"),
    file("sys/fs/nr_open", |_, text| {
        put!(text, "{}\n", fdtable::NR_OPEN);
    }),
    fixed!("fs/overflowgid", "65534"),
    fixed!("fs/overflowuid", "65534"),
    fixed!("fs/pipe-max-size", "1048576"),
    fixed!("fs/protected_fifos", "0"),
    switch!("fs/protected_hardlinks", protected::HARD_LINKS),
    fixed!("fs/protected_regular", "0"),
    switch!("fs/protected_symlinks", protected::SYMBOLIC_LINKS),
    fixed!("fs/suid_dumpable", "0"),
    fixed!("kernel/acct", "4\t2\t30"),
    fixed!("kernel/cap_last_cap", "40"),
    fixed!("kernel/core_pattern", "core"),
    fixed!("kernel/core_uses_pid", "0"),
    fixed!("kernel/dmesg_restrict", "1"),
    SystemFile {
        accept: Some(|text| uts::DOMAIN.set(line(text))),
        ..file("sys/kernel/domainname", |_, text| {
            put!(text, "{}\n", uts::DOMAIN.get());
        })
    },
    SystemFile {
        accept: Some(|text| uts::HOST.set(line(text))),
        ..file("sys/kernel/hostname", |_, text| {
            put!(text, "{}\n", uts::HOST.get());
        })
    },
    fixed!("kernel/kptr_restrict", "0"),
    fixed!("kernel/msgmax", "8192"),
    fixed!("kernel/ngroups_max", "65536"),
    file("sys/kernel/osrelease", |_, text| {
        put!(text, "{}\n", uts::RELEASE);
    }),
    fixed!("kernel/ostype", "Linux"),
    fixed!("kernel/overflowgid", "65534"),
    fixed!("kernel/overflowuid", "65534"),
    fixed!("kernel/panic", "0"),
    fixed!("kernel/perf_event_paranoid", "4"),
    file("sys/kernel/pid_max", |_, text| {
        put!(text, "{}\n", table::PID_MAX);
    }),
    fixed!("kernel/printk", "7\t4\t1\t7"),
    file("sys/kernel/random/boot_id", boot_id),
    fixed!("kernel/random/entropy_avail", "256"),
    fixed!("kernel/random/poolsize", "256"),
    file("sys/kernel/random/uuid", |_, text| {
        put!(text, "{}\n", uuid());
    }),
    file("sys/kernel/randomize_va_space", |_, text| {
        put!(text, "{}\n", if randomize::is_randomised() { 2 } else { 0 });
    }),
    fixed!("kernel/sched_child_runs_first", "0"),
    file("sys/kernel/threads-max", |_, text| {
        put!(text, "{}\n", table::PID_MAX);
    }),
    file("sys/kernel/version", |_, text| {
        put!(text, "{}\n", uts::VERSION);
    }),
    fixed!("net/core/somaxconn", "4096"),
    fixed!("net/unix/max_dgram_qlen", "512"),
    fixed!("vm/drop_caches", "0"),
    file("sys/vm/max_map_count", |_, text| {
        put!(text, "{}\n", mapping::MAP_COUNT_MAX);
    }),
    file("sys/vm/mmap_min_addr", |_, text| {
        put!(text, "{}\n", layout::MMAP_MIN);
    }),
    fixed!("vm/overcommit_kbytes", "0"),
    fixed!("vm/overcommit_memory", "1"),
    fixed!("vm/overcommit_ratio", "50"),
    fixed!("vm/swappiness", "60"),
];

/// Sets a switch from the text 0 or 1.
fn set_switch(switch: &AtomicBool, text: &[u8]) -> Result<(), Errno> {
    let is_on = match line(text).trim_ascii() {
        b"0" => false,
        b"1" => true,
        _ => return Err(Errno::EINVAL),
    };
    switch.store(is_on, Ordering::Relaxed);
    Ok(())
}

/// Sets a number from its decimal text.
fn set(value: &AtomicU32, text: &[u8]) -> Result<(), Errno> {
    let text = core::str::from_utf8(text.trim_ascii()).map_err(|_| Errno::EINVAL)?;
    let number = text.parse::<i32>().map_err(|_| Errno::EINVAL)?;
    value.store(
        u32::try_from(number).map_err(|_| Errno::EINVAL)?,
        Ordering::Relaxed,
    );
    Ok(())
}

/// The first line of `text`, without the line feed of echo(1).
fn line(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let (a, b) = (random::next_u64(), random::next_u64());
    let (version, variant) = (a & 0x0fff | 0x4000, b >> 48 & 0x3fff | 0x8000);
    let node = b & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-{version:04x}-{variant:04x}-{node:012x}",
        a >> 32,
        a >> 16 & 0xffff
    )
}

/// A random UUID, constant until the next boot.
fn boot_id(_: &(), text: &mut Text) {
    static ID: Once<String> = Once::new();
    put!(text, "{}\n", ID.call_once(uuid));
}
