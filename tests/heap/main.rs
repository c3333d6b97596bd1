//! The kernel's heap on the host: its own sources, with frames of a memory file and mappings by mmap
//! in place of the kernel's. An access to a freed block faults here, and a test can limit memory.

#![allow(missing_docs, dead_code)] // A test uses a part of the kernel's modules.

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

#[path = "../../kernel/src/mm/arena.rs"]
mod arena;
mod frame;
#[path = "../../kernel/src/mm/heap.rs"]
mod heap;
#[path = "../../kernel/src/mm/heap_pages.rs"]
mod heap_pages;
mod paging;
#[path = "../../kernel/src/mm/pattern.rs"]
mod pattern;
#[path = "../../kernel/src/mm/tests/heap/random.rs"]
mod random;
#[path = "../../kernel/src/mm/slab.rs"]
mod slab;

const PAGE_SIZE: u64 = 4096;

/// The kernel's locks, without the checks of test builds.
mod sync {
    use std::marker::PhantomData;

    pub mod rank {
        pub struct Heap;
    }

    pub struct Mutex<T, R>(spin::Mutex<T>, PhantomData<fn() -> R>);

    impl<T, R> Mutex<T, R> {
        pub const fn new(value: T) -> Self {
            Self(spin::Mutex::new(value), PhantomData)
        }

        pub fn lock(&self) -> spin::MutexGuard<'_, T> {
            self.0.lock()
        }
    }
}

/// Stubs of the kernel test build's counters.
mod injection {
    pub fn note_block(_: usize, _: bool) {}
    pub fn note_allocation(_: usize) {}
    pub fn note_free(_: usize) {}
    pub fn draw() {}
    pub fn undraw() {}
}

/// No kernel stacks are cached here.
mod kstack {
    pub fn release_kept() -> bool {
        false
    }
}

/// Addresses that nothing else in the process uses.
mod layout {
    pub const HEAP_START: u64 = 0x2000_0000_0000;
}

/// One spare page per size class, and the pages of the lists of free addresses.
const KEPT: u64 = 9 + 8;

/// A single test: frames and heap are shared by the process.
#[test]
fn random_blocks_keep_their_content() {
    let too_large = Layout::from_size_align(10, 8192).expect("a power of two");
    // SAFETY: the size isn't 0.
    assert!(unsafe { heap::HEAP.alloc(too_large) }.is_null());
    for seed in 1..=12 {
        // Every other round has less memory than the test asks for.
        frame::limit(if seed % 2 == 0 { 250 } else { frame::ALL });
        let counts = random::run(&heap::HEAP, seed, 10_000);
        assert!(counts.granted > 1000 && counts.stayed > 100, "{counts:?}");
        assert_eq!(counts.refused > 100, seed % 2 == 0, "{counts:?}");
        assert_eq!(heap::in_use(), 0);
        let used = frame::used();
        assert!(used <= KEPT, "seed {seed}: {used} frames are lost");
    }
}
