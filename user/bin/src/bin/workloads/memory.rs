//! Memory: mmap, munmap and each kind of page fault.

use programs::measure::{Cost, first_touch, long_cost};
use sys::numbers;
use sys::os::{self, MAP_ANONYMOUS, PROT_READ, PROT_WRITE};

use crate::calls::{self, PAGE, must, row};

const BATCHES: usize = 15;
/// Number of pages touched per batch.
const PAGES: usize = 64;

/// All rows.
pub fn measure() {
    row("mmap_munmap", mmap_munmap());
    row("mmap_touch_munmap", mmap_touch_munmap());
    row("fault_anonymous", fault_anonymous());
    let file = file_of_pages();
    row(
        "fault_file_read",
        fault_file(file, |at| {
            // SAFETY: the page is mapped.
            unsafe { (at as *const u8).read_volatile() };
        }),
    );
    row("fault_file_write", fault_file(file, write));
    calls::close(file);
    row("fault_copy_on_write", fault_copy_on_write());
}

fn write(at: usize) {
    // SAFETY: the callers pass an address in a writable mapping.
    unsafe { (at as *mut u8).write_volatile(1) };
}

/// One page, not touched.
pub fn mmap_munmap() -> Cost {
    long_cost(BATCHES, 100, || {
        let at = calls::map(PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX);
        calls::unmap(at, PAGE);
    })
}

/// One page, touched.
fn mmap_touch_munmap() -> Cost {
    long_cost(BATCHES, 100, || {
        let at = calls::map(PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX);
        write(at);
        calls::unmap(at, PAGE);
    })
}

/// The first store to a page of anonymous memory.
pub fn fault_anonymous() -> Cost {
    let length = PAGES * PAGE;
    first_touch(
        PAGES,
        || calls::map(length, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX),
        |base| calls::unmap(base, length),
    )
}

/// A file of [`PAGES`] pages, all in the page cache.
fn file_of_pages() -> usize {
    let file = calls::open(c"/pages", os::O_RDWR | os::O_CREAT);
    let page = [7_u8; PAGE];
    for _ in 0..PAGES {
        must(
            numbers::WRITE,
            [file, page.as_ptr() as usize, PAGE, 0, 0, 0],
        );
    }
    file
}

/// The first access to each page of a private mapping of a file, per page.
fn fault_file(file: usize, access: impl Fn(usize)) -> Cost {
    let length = PAGES * PAGE;
    let mut least = Cost(u64::MAX);
    for _ in 0..BATCHES {
        let base = calls::map(length, PROT_READ | PROT_WRITE, 0, file);
        let mut at = base;
        let cost = long_cost(1, PAGES, || {
            access(at);
            at += PAGE;
        });
        least = least.min(cost);
        calls::unmap(base, length);
    }
    least
}

/// The first store to each page shared with a child, per page.
fn fault_copy_on_write() -> Cost {
    let length = PAGES * PAGE;
    let base = calls::map(length, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX);
    (base..base + length).step_by(PAGE).for_each(write);
    let mut least = Cost(u64::MAX);
    for _ in 0..BATCHES {
        let (end, hold) = calls::pipe();
        let child = calls::fork(|| {
            calls::close(hold);
            calls::read_byte(end);
        });
        let mut at = base;
        let cost = long_cost(1, PAGES, || {
            write(at);
            at += PAGE;
        });
        least = least.min(cost);
        calls::close(hold);
        calls::close(end);
        calls::wait(child);
    }
    calls::unmap(base, length);
    least
}
