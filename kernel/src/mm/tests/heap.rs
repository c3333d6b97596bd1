//! Tests of the kernel heap and kernel stacks.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::free_frames;
use crate::kernel_test;
use crate::mm::frame::Frame;
use crate::mm::kstack::{self, KernelStack};
use crate::mm::{heap, paging, pattern};

mod random;

pub use random::Random;

kernel_test!(
    fn heap_blocks_are_aligned_and_apart() {
        let mut blocks: Vec<Box<[u64]>> = Vec::new();
        for len in [1, 2, 3, 9, 31, 200, 700, 5000] {
            blocks.push(vec![len as u64; len].into_boxed_slice());
        }
        for block in &blocks {
            assert!(block.iter().all(|word| *word == block.len() as u64));
            assert_eq!(block.as_ptr() as usize % 8, 0);
        }
    }
);

kernel_test!(
    fn memory_without_contents_has_the_pattern() {
        for size in [1, 16, 100, 700, 1300, 2000, 3000, 4096, 5000, 70_000] {
            // The second time the block has been used.
            for _ in 0..2 {
                let mut block = Vec::<u8>::with_capacity(size);
                for byte in block.spare_capacity_mut() {
                    // SAFETY: within the block, which the allocator has filled. Volatile: to the
                    // compiler it has no contents.
                    assert_eq!(unsafe { byte.as_ptr().read_volatile() }, pattern::BYTE);
                }
                block.resize(size, 1);
                assert!(alloc::vec![0_u8; size].iter().all(|byte| *byte == 0));
            }
        }
        for _ in 0..2 {
            let frame = Frame::uninitialised().expect("a frame");
            frame.with_bytes_mut(|bytes| {
                assert!(bytes.iter().all(|byte| *byte == pattern::BYTE));
                bytes.fill(1);
            });
        }
    }
);

kernel_test!(
    fn the_heap_gives_its_pages_back() {
        let sizes = [
            1, 16, 40, 100, 200, 400, 1000, 1300, 2000, 3000, 5000, 70_000,
        ];
        // Caches and the page tables of the heap's addresses are created once, here.
        for _ in 0..2 {
            drop(sizes.map(|size| vec![0_u8; size]));
        }
        let (frames, bytes) = (free_frames(), heap::in_use());
        let mut blocks: Vec<Vec<Vec<u8>>> = Vec::new();
        for round in 0..40_u8 {
            blocks.push(sizes.map(|size| vec![round; size]).into());
        }
        assert!(free_frames() + 800 < frames);
        // Every other block first, so that pages become empty in all orders.
        for part in [1, 0] {
            for (i, block) in blocks.iter_mut().enumerate().filter(|(i, _)| i % 2 == part) {
                assert!(block.iter().flatten().all(|byte| usize::from(*byte) == i));
                *block = Vec::new();
            }
        }
        drop(blocks);
        assert_eq!(heap::in_use(), bytes);
        assert!(free_frames() + 12 >= frames, "at most a page a class stays");
    }
);

kernel_test!(
    fn middle_blocks_keep_apart_and_give_their_arenas_back() {
        let page = crate::mm::PAGE_SIZE as usize;
        let all = |count: usize| -> Vec<Vec<u8>> {
            let size = |i: usize| page + 1 + (i * 2741) % (7 * page - 1);
            (0..count).map(|i| vec![i as u8; size(i)]).collect()
        };
        // Page tables and the classes' spare pages are not freed: create them first.
        drop(all(300));
        let before = free_frames();
        let mut blocks = all(300);
        for round in [7, 3, 2] {
            let mut index = 0;
            blocks.retain(|_| {
                index += 1;
                index % round != 0
            });
            for block in &blocks {
                assert!(block.iter().all(|byte| *byte == block[0]));
            }
        }
        let more = all(50);
        for block in blocks.iter().chain(&more) {
            assert!(block.iter().all(|byte| *byte == block[0]));
        }
        drop(blocks);
        drop(more);
        let after = free_frames();
        assert!(
            before - after <= 1,
            "{before} frames were free, now {after}"
        );
    }
);

kernel_test!(
    fn blocks_that_grow_and_shrink_leave_their_neighbours_alone() {
        // By one byte, within the same number of pages, from two pages to nine.
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        for (number, size) in (4097..9 * 4096).step_by(1999).enumerate() {
            blocks.push(vec![number as u8; size]);
        }
        for grows in [true, true, false, true] {
            for number in 0..blocks.len() {
                let block = &mut blocks[number];
                if grows {
                    block.try_reserve_exact(1).expect("memory for it");
                    block.push(number as u8);
                } else {
                    block.truncate(block.len() - 100);
                    block.shrink_to_fit();
                }
                for (number, block) in blocks.iter().enumerate() {
                    assert!(block.iter().all(|byte| usize::from(*byte) == number));
                }
            }
        }
    }
);

kernel_test!(
    fn random_blocks_keep_their_content() {
        let bytes = heap::in_use();
        for seed in 1..=4 {
            let counts = random::run(&heap::HEAP, seed, 3000);
            assert!(counts.refused == 0 && counts.stayed > 100, "{counts:?}");
        }
        assert_eq!(heap::in_use(), bytes);
    }
);

kernel_test!(
    fn kernel_stacks_have_a_guard() {
        let before = free_frames();
        let stack = KernelStack::new().expect("a stack");
        let top = stack.top();
        assert!(paging::kernel_to_phys(top - 1).is_some());
        assert!(paging::kernel_to_phys(top - kstack::SIZE).is_some());
        assert!(paging::kernel_to_phys(top - kstack::SIZE - 1).is_none());
        assert!(kstack::is_guard(top - kstack::SIZE - 1) && !kstack::is_guard(top - 1));
        drop(stack);
        kstack::release_kept();
        // Its page tables stay; its frames are freed.
        assert!(free_frames() + 3 >= before);
    }
);
