//! Latency of other processes and of signals during calls on much memory or many bytes. The unit is
//! the nanosecond, which is one instruction under `-icount shift=0`.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use programs::measure::Cost;
use sys::cpu::rdtsc;
use sys::numbers;
use sys::os::{MAP_ANONYMOUS, PROT_READ, PROT_WRITE};

use crate::calls::{self, PAGE, must, row};

const MIB: usize = 1 << 20;
const MAP_SHARED: usize = 1;
const MAP_FIXED: usize = 0x10;
const MAP_NORESERVE: usize = 0x4000;
const MAP_POPULATE: usize = 0x8000;
/// Size of the calls' memory.
const SIZE: usize = 64 * MIB;
/// Duration of the waiter's sleeps in nanoseconds.
const SLEEP: u64 = 1_000_000;

/// Memory shared by the two processes.
struct Shared {
    /// Whether the call is running.
    works: AtomicBool,
    ends: AtomicBool,
    /// The maximum delay of a sleep.
    latest: AtomicU64,
    /// Number of sleeps during the whole of which the call ran.
    sleeps: AtomicU64,
}

/// All rows.
pub fn measure() {
    // First, so that it shares none of the memory mapped below.
    let waiter = Waiter::start();
    let protection = PROT_READ | PROT_WRITE;
    let buffer = calls::map(SIZE, protection, MAP_ANONYMOUS, usize::MAX);
    let file = must(
        numbers::MEMFD_CREATE,
        [c"".as_ptr() as usize, 0, 0, 0, 0, 0],
    );
    let whole = [file, buffer, SIZE, 0, 0, 0];
    // Once beforehand, to allocate the pages.
    must(numbers::PWRITE64, whole);
    must(numbers::PREAD64, whole);
    let sleeps = waiter.late("late_write", || {
        must(numbers::PWRITE64, whole);
    });
    row("sleeps_in_write", Cost(sleeps * 10));
    let sleeps = waiter.late("late_read", || {
        must(numbers::PREAD64, whole);
    });
    row("sleeps_in_read", Cost(sleeps * 10));
    calls::close(file);
    waiter.late("late_fork", || calls::wait(calls::fork(|| {})));
    // At another offset within a page table.
    let room = calls::map(SIZE + 2 * PAGE, PROT_READ, MAP_ANONYMOUS, usize::MAX);
    let new = room + PAGE;
    waiter.late("late_mremap", || {
        const MAYMOVE_FIXED: usize = 3;
        must(numbers::MREMAP, [buffer, SIZE, SIZE, MAYMOVE_FIXED, new, 0]);
    });
    waiter.late("late_munmap", || calls::unmap(new, SIZE));
    let mut buffer = 0;
    waiter.late("late_populate", || {
        let flags = MAP_ANONYMOUS | MAP_POPULATE;
        buffer = calls::map(SIZE, protection, flags, usize::MAX);
    });
    calls::unmap(buffer, SIZE);
    last_references(&waiter);
    loops(&waiter);
    waiter.end();
    let buffer = calls::map(SIZE, protection, MAP_ANONYMOUS, usize::MAX);
    row("timer_in_urandom", timer_in_urandom(buffer));
    row("kill_in_getrandom", kill_in_getrandom());
}

/// Size of a file that is freed with its last reference.
const LARGE: usize = 3 * SIZE;

/// A memfd of [`LARGE`] allocated bytes.
fn large_file() -> usize {
    let file = must(
        numbers::MEMFD_CREATE,
        [c"".as_ptr() as usize, 0, 0, 0, 0, 0],
    );
    must(numbers::FALLOCATE, [file, 0, 0, LARGE, 0, 0]);
    file
}

/// Frees memory with its last reference: a descriptor, a mapping, a process.
fn last_references(waiter: &Waiter) {
    let file = large_file();
    waiter.late("late_last_close", || calls::close(file));
    let flags = MAP_ANONYMOUS | MAP_SHARED | MAP_POPULATE;
    let shared = |length| {
        let protection = PROT_READ | PROT_WRITE;
        must(numbers::MMAP, [0, length, protection, flags, usize::MAX, 0])
    };
    let at = shared(LARGE);
    waiter.late("late_last_unmap", || calls::unmap(at, LARGE));
    waiter.late("late_exit_with_file", || {
        calls::wait(calls::fork(|| {
            large_file();
        }));
    });
    waiter.late("late_exit_with_tables", || {
        calls::wait(calls::fork(sparse_memory));
    });
    waiter.late("late_exit_with_descriptors", || {
        calls::wait(calls::fork(|| many_descriptors(DESCRIPTORS)));
    });
    many_descriptors(DESCRIPTORS);
    let last = u32::MAX as usize;
    waiter.late("late_close_range", || {
        must(numbers::CLOSE_RANGE, [100, last, 0, 0, 0, 0]);
    });
}

/// Touches one page in each of many page tables.
fn sparse_memory() {
    const TABLES: usize = 4000;
    const TABLE: usize = 2 * MIB;
    let at = calls::map(
        TABLES * TABLE,
        PROT_READ | PROT_WRITE,
        MAP_ANONYMOUS | MAP_NORESERVE,
        usize::MAX,
    );
    for page in (at..at + TABLES * TABLE).step_by(TABLE) {
        // SAFETY: just mapped.
        unsafe { (page as *mut u8).write_volatile(1) };
    }
}

const DESCRIPTORS: usize = 100_000;

/// Opens `count` files, at descriptors from 100 on.
fn many_descriptors(count: usize) {
    const NOFILE: usize = 7;
    let limit = [1_u64 << 20, 1 << 20];
    let limit = limit.as_ptr() as usize;
    must(numbers::PRLIMIT64, [0, NOFILE, limit, 0, 0, 0]);
    for at in 100..100 + count {
        let file = calls::open(c"/", 0);
        must(numbers::DUP2, [file, at, 0, 0, 0, 0]);
        calls::close(file);
    }
}

/// Other calls that loop over a size from the program.
fn loops(waiter: &Waiter) {
    // The same pages mapped many times: page tables for far more than the machine's memory.
    const COPIES: usize = 16;
    let file = must(
        numbers::MEMFD_CREATE,
        [c"".as_ptr() as usize, 0, 0, 0, 0, 0],
    );
    must(numbers::FALLOCATE, [file, 0, 0, SIZE, 0, 0]);
    let room = calls::map(COPIES * SIZE, PROT_READ, MAP_ANONYMOUS, usize::MAX);
    for at in (room..room + COPIES * SIZE).step_by(SIZE) {
        let flags = MAP_SHARED | MAP_POPULATE | MAP_FIXED;
        must(
            numbers::MMAP,
            [at, SIZE, PROT_READ | PROT_WRITE, flags, file, 0],
        );
    }
    waiter.late("late_mprotect", || {
        must(numbers::MPROTECT, [room, COPIES * SIZE, PROT_READ, 0, 0, 0]);
    });
    calls::unmap(room, COPIES * SIZE);
    calls::close(file);

    // Mappings that can't be merged.
    const AREAS: usize = 30_000;
    let areas = calls::map(AREAS * PAGE, PROT_READ, MAP_ANONYMOUS, usize::MAX);
    for at in (areas..areas + AREAS * PAGE).step_by(2 * PAGE) {
        must(
            numbers::MPROTECT,
            [at, PAGE, PROT_READ | PROT_WRITE, 0, 0, 0],
        );
    }
    waiter.late("late_msync", || {
        const MS_SYNC: usize = 4;
        must(numbers::MSYNC, [areas, AREAS * PAGE, MS_SYNC, 0, 0, 0]);
    });
    calls::unmap(areas, AREAS * PAGE);

    // struct pollfd, all without a descriptor.
    const POLLED: usize = 500_000;
    let entries = calls::map(
        8 * POLLED,
        PROT_READ | PROT_WRITE,
        MAP_ANONYMOUS,
        usize::MAX,
    );
    for at in (entries..entries + 8 * POLLED).step_by(8) {
        // SAFETY: just mapped.
        unsafe { (at as *mut i32).write_volatile(-1) };
    }
    waiter.late("late_poll", || {
        must(numbers::POLL, [entries, POLLED, 0, 0, 0, 0]);
    });
    calls::unmap(entries, 8 * POLLED);

    // The serial line, which accepts any amount.
    const TEXT: usize = 64 * 1024;
    static SPACES: [u8; TEXT] = {
        let mut text = [b' '; TEXT];
        text[TEXT - 1] = b'\n';
        text
    };
    waiter.late("late_terminal", || {
        must(numbers::WRITE, [1, SPACES.as_ptr() as usize, TEXT, 0, 0, 0]);
    });
}

/// A process that sleeps in a loop.
struct Waiter {
    shared: &'static Shared,
    child: usize,
}

impl Waiter {
    fn start() -> Self {
        let flags = MAP_ANONYMOUS | MAP_SHARED;
        let protection = PROT_READ | PROT_WRITE;
        let page = must(numbers::MMAP, [0, PAGE, protection, flags, usize::MAX, 0]);
        // SAFETY: zeros are a valid value, and the page stays mapped.
        let shared = unsafe { &*(page as *const Shared) };
        let child = calls::fork(|| {
            while !shared.ends.load(Relaxed) {
                let (start, within) = (rdtsc(), shared.works.load(Relaxed));
                calls::sleep(SLEEP);
                shared.latest.fetch_max(rdtsc() - start - SLEEP, Relaxed);
                if within && shared.works.load(Relaxed) {
                    shared.sleeps.fetch_add(1, Relaxed);
                }
            }
        });
        Self { shared, child }
    }

    /// Prints the maximum delay of a sleep while `work` runs; returns the number of sleeps.
    fn late(&self, name: &str, work: impl FnOnce()) -> u64 {
        let shared = self.shared;
        calls::sleep(5 * SLEEP);
        shared.latest.store(0, Relaxed);
        shared.sleeps.store(0, Relaxed);
        shared.works.store(true, Relaxed);
        work();
        shared.works.store(false, Relaxed);
        // The waiter may not have run since.
        calls::sleep(3 * SLEEP);
        row(name, Cost(shared.latest.load(Relaxed) * 10));
        shared.sleeps.load(Relaxed)
    }

    fn end(self) {
        self.shared.ends.store(true, Relaxed);
        calls::wait(self.child);
    }
}

/// The time at which the handler ran.
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handler() {
    HANDLED.store(rdtsc(), Relaxed);
}

/// Time from setting a 5 ms timer to its handler, which interrupts a read of /dev/urandom.
fn timer_in_urandom(buffer: usize) -> Cost {
    const SIGALRM: usize = 14;
    calls::handle(SIGALRM, handler);
    must(
        numbers::MKDIR,
        [c"/devices".as_ptr() as usize, 0o700, 0, 0, 0, 0],
    );
    let device = random_device();
    let timer = [0_u64, 0, 0, 5000];
    let start = rdtsc();
    must(
        numbers::SETITIMER,
        [0, ptr::from_ref(&timer) as usize, 0, 0, 0, 0],
    );
    let read = must(numbers::READ, [device, buffer, SIZE, 0, 0, 0]);
    calls::close(device);
    let handled = HANDLED.load(Relaxed);
    // Invalid if the read was not interrupted.
    if read == SIZE || handled < start {
        return Cost(u64::MAX);
    }
    Cost((handled - start) * 10)
}

/// Makes and opens a node for /dev/urandom.
fn random_device() -> usize {
    const MKNOD_MODE: usize = 0o020_600;
    const URANDOM: usize = 1 << 8 | 9;
    let path = c"/urandom";
    must(
        numbers::MKNOD,
        [path.as_ptr() as usize, MKNOD_MODE, URANDOM, 0, 0, 0],
    );
    calls::open(path, 0)
}

/// Time from SIGKILL to the end of a process in getrandom(2) of 2 GiB.
fn kill_in_getrandom() -> Cost {
    const SIGKILL: usize = 9;
    let child = calls::fork(|| {
        let size = 2048 * MIB - 1;
        let protection = PROT_READ | PROT_WRITE;
        let at = calls::map(size, protection, MAP_ANONYMOUS | MAP_NORESERVE, usize::MAX);
        must(numbers::GETRANDOM, [at, size, 0, 0, 0, 0]);
    });
    calls::sleep(5 * SLEEP);
    let start = rdtsc();
    must(numbers::KILL, [child, SIGKILL, 0, 0, 0, 0]);
    calls::wait(child);
    Cost((rdtsc() - start) * 10)
}
