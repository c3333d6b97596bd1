//! The same calls with increasing numbers of processes, mappings and directory entries.

use core::ffi::CStr;

use programs::measure::Cost;
use sys::numbers;
use sys::os::{MAP_ANONYMOUS, PROT_READ, PROT_WRITE};
use sys::println;

use crate::calls::{self, PAGE, must};
use crate::files::{self, Directory};
use crate::{memory, processes};

fn row(name: &str, count: usize, Cost(tenths): Cost) {
    println!("bench: {name}_{count} {}.{}", tenths / 10, tenths % 10);
}

/// All rows.
pub fn measure() {
    for count in [1, 10, 100, 1000] {
        with_processes(count);
    }
    for count in [10, 100, 1000, 10_000] {
        with_mappings(count);
    }
    let directory = Directory::new(c"/growing");
    let mut made = 0;
    for count in [10, 100, 1000, 10_000, 100_000] {
        directory.fill(made, count);
        made = count;
        with_entries(&directory, count);
    }
}

/// fork, exit and wait with `count` other processes.
fn with_processes(count: usize) {
    let (end, hold) = calls::pipe();
    for _ in 0..count {
        calls::fork(|| {
            calls::close(hold);
            calls::read_byte(end);
        });
    }
    row("grow_fork_exit", count, processes::fork_exit());
    calls::close(hold);
    calls::close(end);
    for _ in 0..count {
        calls::wait(usize::MAX);
    }
}

/// mmap, munmap and faults with `count` mappings.
fn with_mappings(count: usize) {
    let length = count * PAGE;
    let base = calls::map(length, PROT_READ, MAP_ANONYMOUS, usize::MAX);
    // Neighbours with different protection aren't merged.
    for at in (base..base + length).step_by(2 * PAGE) {
        must(
            numbers::MPROTECT,
            [at, PAGE, PROT_READ | PROT_WRITE, 0, 0, 0],
        );
    }
    row("grow_mmap_munmap", count, memory::mmap_munmap());
    row("grow_fault", count, memory::fault_anonymous());
    calls::unmap(base, length);
}

/// A path lookup, and getdents64 per entry, in a directory of `count` entries.
fn with_entries(directory: &Directory, count: usize) {
    let found = directory.with_name(count / 2, |path: &CStr| files::stat(path));
    row("grow_lookup", count, found);
    let Cost(all) = directory.list();
    row("grow_getdents", count, Cost(all / count as u64));
}
