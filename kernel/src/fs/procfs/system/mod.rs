//! Files of /proc that belong to no process, in Linux's formats (proc(5)).

use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;

use super::ProcNode;
use super::files::{Make, Part};
use crate::abi::errno::Errno;
use crate::dev::{local_apic, pic};
use crate::fs::Shown;
use crate::mm::fallible::{Text, put};
use crate::process::table;
use crate::process::uts;
use crate::sched::run_queue;
use crate::sched::{cputime, load};
use crate::vfs::{lock, mount};

mod cpuinfo;
mod memory;
pub(super) mod mounts;
mod sysctl;

static SHOWN: Once<Shown> = Once::new();

/// Sets the contents that floors above provide.
pub fn init(shown: Shown) {
    SHOWN.call_once(|| shown);
}

/// Handler of a write by root.
type Accept = fn(&[u8]) -> Result<(), Errno>;

/// A file of /proc.
pub(super) struct SystemFile {
    pub path: &'static str,
    /// Generator of the content.
    pub text: Make<()>,
    /// Handler of a write by root; `None` for a read-only file.
    pub accept: Option<Accept>,
}

const fn file(path: &'static str, text: fn(&(), &mut Text)) -> SystemFile {
    SystemFile {
        path,
        text: Make::Whole(text),
        accept: None,
    }
}

/// A part of /proc/locks; its place is the number of locks before it.
fn locks(_: &(), from: u64) -> Result<Part, Errno> {
    let mut text = Text::new();
    let is_last = lock::list(from as usize, &mut text);
    let text = text.finish()?;
    let next = from + text.lines().count() as u64;
    Ok((text.into_bytes(), (!is_last).then_some(next)))
}

/// The files outside of sys/.
static FILES: &[SystemFile] = &[
    #[cfg(debug_assertions)]
    file("capability-checks", |_, text| {
        for (place, refused, granted) in crate::abi::capability_checks::noted() {
            put!(
                text,
                "{place} {} {}\n",
                u8::from(refused),
                u8::from(granted)
            );
        }
    }),
    file("cmdline", |_, text| {
        let line = SHOWN.get().map_or(&[][..], |shown| shown.command_line);
        for chunk in line.utf8_chunks() {
            let invalid = if chunk.invalid().is_empty() {
                ""
            } else {
                "\u{fffd}"
            };
            put!(text, "{}{invalid}", chunk.valid());
        }
        text.push_str("\n");
    }),
    file("cpuinfo", cpuinfo::cpuinfo),
    file("devices", |_, text| {
        text.push_str(
            "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n\
             128 ptm\n136 pts\n\nBlock devices:\n",
        );
    }),
    file("diskstats", |_, _| {}),
    file("doors", |_, text| {
        if let Some(shown) = SHOWN.get() {
            (shown.doors)(text);
        }
    }),
    file("filesystems", |_, text| {
        for kind in mount::kinds() {
            put!(text, "nodev\t{}\n", kind.name);
        }
    }),
    file("interrupts", |_, text| {
        text.push_str("           CPU0       \n");
    }),
    file("loadavg", loadavg),
    SystemFile {
        path: "locks",
        text: Make::Parts(locks),
        accept: None,
    },
    file("meminfo", memory::meminfo),
    file("modules", |_, _| {}),
    file("partitions", |_, text| {
        text.push_str("major minor  #blocks  name\n\n");
    }),
    #[cfg(debug_assertions)]
    file("reserve", crate::process::injection::report),
    file("stat", stat),
    file("swaps", |_, text| {
        text.push_str("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    }),
    file("tty/drivers", |_, text| {
        text.push_str(
            "/dev/tty             /dev/tty        5       0 system:/dev/tty\n\
             /dev/console         /dev/console    5       1 system:console\n\
             /dev/ptmx            /dev/ptmx       5       2 system\n\
             serial               /dev/ttyS       4 64-95 serial\n\
             pty_slave            /dev/pts      136 0-1048575 pty:slave\n\
             pty_master           /dev/ptm      128 0-1048575 pty:master\n",
        );
    }),
    file("uptime", uptime),
    file("version", version),
    file("vmstat", memory::vmstat),
];

/// Directories of these files.
static DIRECTORIES: [&str; 11] = [
    "sys",
    "sys/fs",
    "sys/fs/epoll",
    "sys/fs/inotify",
    "sys/kernel",
    "sys/kernel/random",
    "sys/net",
    "sys/net/core",
    "sys/net/unix",
    "sys/vm",
    "tty",
];

fn files() -> impl Iterator<Item = &'static SystemFile> {
    FILES.iter().chain(sysctl::FILES)
}

/// The last component of `path`, if its directory is `dir`.
fn name_in(path: &'static str, dir: &str) -> Option<&'static str> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    (parent == dir).then_some(name)
}

/// The entries of the directory `dir`, a path below /proc.
pub(super) fn entries(dir: &str) -> impl Iterator<Item = (&'static str, ProcNode)> {
    let directories = DIRECTORIES
        .iter()
        .filter_map(move |path| Some((name_in(path, dir)?, ProcNode::SystemDir(path))));
    let files =
        files().filter_map(move |file| Some((name_in(file.path, dir)?, ProcNode::System(file))));
    directories.chain(files)
}

fn loadavg(_: &(), text: &mut Text) {
    for load in load::averages() {
        // Rounded to hundredths.
        let hundredths = (load * 100 + (1 << (load::SHIFT - 1))) >> load::SHIFT;
        put!(text, "{}.{:02} ", hundredths / 100, hundredths % 100);
    }
    let (last, _) = table::reserved();
    put!(
        text,
        "{}/{} {last}\n",
        run_queue::runnable(),
        table::count()
    );
}

/// Clock ticks since boot and idle ticks, both monotonic. They are read one after the other, so
/// their difference may decrease.
fn ticks() -> (u64, u64) {
    static IDLE: AtomicU64 = AtomicU64::new(0);
    let all = crate::time::uptime_ns() / 10_000_000;
    let idle = all.saturating_sub(cputime::busy_ticks());
    let before = IDLE.fetch_max(idle, Ordering::Relaxed);
    (all, idle.max(before))
}

fn stat(_: &(), text: &mut Text) {
    let (_, idle) = ticks();
    let user = cputime::busy_ticks();
    let boot = crate::time::wall_clock().sec - (crate::time::uptime_ns() / 1_000_000_000) as i64;
    let (_, processes) = table::reserved();
    let running = run_queue::runnable();
    let lines = pic::counts();
    let interrupts = lines.iter().sum::<u64>() + local_apic::interrupts();
    put!(
        text,
        "cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {user} 0 0 {idle} 0 0 0 0 0 0\nintr {interrupts}"
    );
    for count in lines {
        put!(text, " {count}");
    }
    put!(
        text,
        "\nctxt 0\n\
         btime {boot}\nprocesses {processes}\nprocs_running {running}\nprocs_blocked 0\n\
         softirq 0 0 0 0 0 0 0 0 0 0 0\n"
    );
}

fn uptime(_: &(), text: &mut Text) {
    let (all, idle) = ticks();
    let (seconds, part) = (all / 100, all % 100);
    let (idle_seconds, idle_part) = (idle / 100, idle % 100);
    put!(text, "{seconds}.{part:02} {idle_seconds}.{idle_part:02}\n");
}

fn version(_: &(), text: &mut Text) {
    put!(
        text,
        "Linux version {} (trident) (rustc) {}\n",
        uts::RELEASE,
        uts::VERSION
    );
}
