//! The files in /proc that belong to no process, in Linux's formats (proc(5)).

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::ProcNode;
use crate::entry::frame::Door;
use crate::fs::{lock, mount};
use crate::process::{sched, table};
use crate::syscall::errno::Errno;
use crate::syscall::{counters, misc};
use crate::time::{cputime, load};

mod cpuinfo;
mod memory;
pub(super) mod mounts;
mod sysctl;

/// Takes what root writes to a file.
type Accept = fn(&[u8]) -> Result<(), Errno>;

/// A file, by its path below /proc.
pub(super) struct SystemFile {
    pub path: &'static str,
    /// Makes its text.
    pub text: fn() -> String,
    /// Takes what root writes to it.
    pub accept: Option<Accept>,
}

const fn file(path: &'static str, text: fn() -> String) -> SystemFile {
    SystemFile {
        path,
        text,
        accept: None,
    }
}

/// Those outside sys/.
static FILES: &[SystemFile] = &[
    file("cmdline", || {
        String::from_utf8_lossy(crate::boot::line()).into_owned() + "\n"
    }),
    file("cpuinfo", cpuinfo::cpuinfo),
    file("devices", || {
        String::from(
            "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n\
             128 ptm\n136 pts\n\nBlock devices:\n",
        )
    }),
    file("diskstats", String::new),
    file("doors", doors),
    file("filesystems", || {
        mount::KINDS
            .iter()
            .map(|kind| format!("nodev\t{kind}\n"))
            .collect()
    }),
    file("interrupts", || String::from("           CPU0       \n")),
    file("loadavg", loadavg),
    file("locks", lock::list),
    file("meminfo", memory::meminfo),
    file("modules", String::new),
    file("partitions", || {
        String::from("major minor  #blocks  name\n\n")
    }),
    #[cfg(debug_assertions)]
    file("reserve", crate::mm::injection::report),
    file("stat", stat),
    file("swaps", || {
        String::from("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
    }),
    file("tty/drivers", || {
        String::from(
            "/dev/tty             /dev/tty        5       0 system:/dev/tty\n\
             /dev/console         /dev/console    5       1 system:console\n\
             /dev/ptmx            /dev/ptmx       5       2 system\n\
             serial               /dev/ttyS       4 64-95 serial\n\
             pty_slave            /dev/pts      136 0-1048575 pty:slave\n\
             pty_master           /dev/ptm      128 0-1048575 pty:master\n",
        )
    }),
    file("uptime", uptime),
    file("version", version),
    file("vmstat", memory::vmstat),
];

/// Directories that the paths go through.
static DIRECTORIES: [&str; 9] = [
    "sys",
    "sys/fs",
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

/// The name of `path` if it is in directory `dir`.
fn name_in(path: &'static str, dir: &str) -> Option<&'static str> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    (parent == dir).then_some(name)
}

/// What is in the directory `dir`, a path below /proc.
pub(super) fn entries(dir: &str) -> impl Iterator<Item = (&'static str, ProcNode)> {
    let directories = DIRECTORIES
        .iter()
        .filter_map(move |path| Some((name_in(path, dir)?, ProcNode::SystemDir(path))));
    let files =
        files().filter_map(move |file| Some((name_in(file.path, dir)?, ProcNode::System(file))));
    directories.chain(files)
}

/// Calls by door: its total, then one line for each call that came through it.
fn doors() -> String {
    let mut text = String::new();
    for door in Door::ALL {
        let _ = writeln!(text, "{} total {}", door.name(), counters::total(door));
        for (number, count) in counters::by_number(door) {
            match crate::syscall::table::linux_name(door, number as u32) {
                Some(name) => writeln!(text, "{} {name} {count}", door.name()),
                None => writeln!(text, "{} #{number} {count}", door.name()),
            }
            // Writing to a String can't fail.
            .unwrap_or_default();
        }
    }
    text
}

fn loadavg() -> String {
    let mut text = String::new();
    for load in load::averages() {
        // To the nearest hundredth.
        let hundredths = (load * 100 + (1 << (load::SHIFT - 1))) >> load::SHIFT;
        // Writing to a String can't fail.
        let _ = write!(text, "{}.{:02} ", hundredths / 100, hundredths % 100);
    }
    let (last, _) = table::reserved();
    let _ = writeln!(text, "{}/{} {last}", sched::runnable(), table::count());
    text
}

/// Clock ticks since boot, and those of them in which nothing ran.
fn ticks() -> (u64, u64) {
    let all = crate::time::uptime_ns() / 10_000_000;
    (all, all.saturating_sub(cputime::busy_ticks()))
}

fn stat() -> String {
    let (all, idle) = ticks();
    let user = all - idle;
    let boot = crate::fs::now().sec - (crate::time::uptime_ns() / 1_000_000_000) as i64;
    let (_, processes) = table::reserved();
    let running = sched::runnable();
    format!(
        "cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {user} 0 0 {idle} 0 0 0 0 0 0\nintr {all}\nctxt 0\n\
         btime {boot}\nprocesses {processes}\nprocs_running {running}\nprocs_blocked 0\n\
         softirq 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

fn uptime() -> String {
    let (all, idle) = ticks();
    let seconds = |ticks| format!("{}.{:02}", ticks / 100, ticks % 100);
    format!("{} {}\n", seconds(all), seconds(idle))
}

fn version() -> String {
    format!(
        "Linux version {} (trident) (rustc) {}\n",
        misc::RELEASE,
        misc::VERSION
    )
}
