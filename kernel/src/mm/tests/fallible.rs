//! Tests of fallible containers.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::{HashMap, HashSet};

use crate::abi::errno::Errno;
use crate::kernel_test;
use crate::mm::fallible::{self, Grow, Text, TryPush as _, put};
use crate::mm::{PAGE_SIZE, frame};

/// More bytes than the machine has memory.
fn too_many() -> usize {
    let (free, _) = frame::statistics();
    (free * PAGE_SIZE) as usize + 1
}

/// Reserves more than is free, and more than is possible: the container is unchanged.
fn refuses(container: &mut impl Grow) {
    for more in [too_many(), isize::MAX as usize, usize::MAX] {
        assert_eq!(container.room_for(more), Err(Errno::ENOMEM));
    }
    assert_eq!(container.room_for(1), Ok(()));
}

kernel_test!(
    fn what_is_too_large_is_an_answer() {
        refuses(&mut Vec::<u8>::new());
        refuses(&mut fallible::to_vec(&[1_u64; 100]).expect("there is memory"));
        refuses(&mut VecDeque::<u32>::new());
        refuses(&mut alloc::string::String::new());
        refuses(&mut HashMap::<u32, u64>::new());
        refuses(&mut HashSet::<u8>::new());
        assert_eq!(fallible::zeroed(too_many()), Err(Errno::ENOMEM));
        assert_eq!(
            fallible::with_capacity::<u64>(usize::MAX / 2),
            Err(Errno::ENOMEM)
        );
        // An iterator's size hint is not trusted.
        let endless = core::iter::from_fn(|| Some([7_u64; 64]));
        assert_eq!(fallible::collect(endless).err(), Some(Errno::ENOMEM));
    }
);

kernel_test!(
    fn the_kernels_own_memory_stays() {
        let mut taken: Vec<Vec<u8>> = fallible::with_capacity(100_000).expect("there is memory");
        while let Ok(more) = fallible::zeroed(16 * PAGE_SIZE as usize) {
            assert!(!frame::is_low());
            taken.push(more);
        }
        // Near the limit and not above it.
        assert!(!frame::is_low() && !frame::has_room(16));
        while let Ok(more) = fallible::zeroed(1) {
            taken.try_push(more).expect("there is room");
            if taken.len() == taken.capacity() {
                break;
            }
        }
        drop(taken);
        assert!(frame::has_room(16));
    }
);

kernel_test!(
    fn what_grows_holds_what_was_put_in() {
        let mut numbers = Vec::new();
        for number in 0..5000_u32 {
            numbers.try_push(number).expect("there is memory");
        }
        assert!(numbers.iter().copied().eq(0..5000));
        assert_eq!(fallible::collect(0..5000), Ok(numbers));
        let mut text = Text::new();
        for number in 0..1000 {
            put!(&mut text, "{number} ");
        }
        let all = text.len();
        let text = text.finish().expect("there is memory");
        assert_eq!(text.len(), all);
        assert_eq!(text.split_whitespace().count(), 1000);
        assert_eq!(fallible::lossy(b"a\xffb").as_deref(), Ok("a\u{fffd}b"));
        // A text with a missing part reports the error, whatever is appended later.
        let mut text = Text::new();
        text.fail();
        text.push_str("more");
        assert_eq!(text.finish(), Err(Errno::ENOMEM));
    }
);
