//! Tests of frames, kernel stacks and the heap.

use super::allocator;
use super::frame::{self, Frame};
use super::paging;
use crate::kernel_test;

mod fallible;
pub mod heap;

/// Number of free frames.
pub fn free_frames() -> u64 {
    frame::statistics().0
}

kernel_test!(
    fn frames_come_back_and_are_clean() {
        let before = free_frames();
        let first = Frame::zeroed().expect("a frame");
        first.write(100, b"left behind");
        let second = first.clone();
        let address = first.into_raw();
        assert_eq!(allocator::references(address), 2);
        // SAFETY: `into_raw` has just turned the reference into this address.
        let first = unsafe { Frame::from_raw(address) };
        drop(first);
        assert_eq!(free_frames(), before - 1);
        drop(second);
        assert_eq!(free_frames(), before);
        let again = Frame::zeroed().expect("a frame");
        let mut bytes = [1; 64];
        again.read(90, &mut bytes);
        assert_eq!(bytes, [0; 64]);
    }
);

kernel_test!(
    fn ist_stacks_have_a_guard() {
        for guard in crate::arch::gdt::guard_pages() {
            assert!(paging::kernel_to_phys(guard.as_u64()).is_none());
        }
    }
);
