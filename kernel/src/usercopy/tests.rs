//! Tests of copies to and from user memory.

use super::{UserPtr, UserRange};
use crate::kernel_test;
use crate::mm::frame::Frame;
use crate::sync::{Mutex, is_noticed, rank};

kernel_test!(
    fn each_way_to_user_memory_notices_a_held_lock() {
        /// No program's address: the copy itself fails.
        const AT: u64 = u64::MAX - 4096;
        let ways: &[(&str, fn())] = &[
            ("read", || {
                let _ = UserPtr::<u64>::new(AT).read();
            }),
            ("write", || {
                let _ = UserPtr::<u64>::new(AT).write(1);
            }),
            ("read_opt", || {
                let _ = UserPtr::<u64>::new(AT).read_opt();
            }),
            ("write_opt", || {
                let _ = UserPtr::<u64>::new(AT).write_opt(1);
            }),
            ("write_slice", || {
                let _ = UserPtr::<u64>::new(AT).write_slice(&[1]);
            }),
            ("read_into", || {
                let _ = UserPtr::<u8>::new(AT).read_into(&mut [0]);
            }),
            ("read_prefix", || {
                UserPtr::<u8>::new(AT).read_prefix(&mut [0]);
            }),
            ("take", || {
                { UserRange::EMPTY }.take(&mut [0]);
            }),
            ("put", || {
                { UserRange::EMPTY }.put(&[0]);
            }),
            ("put_zeros", || {
                { UserRange::EMPTY }.put_zeros(1);
            }),
            ("take_page", || {
                { UserRange::EMPTY }.take_page(&Frame::zeroed().unwrap(), 0, 1);
            }),
            ("put_page", || {
                { UserRange::EMPTY }.put_page(&Frame::zeroed().unwrap(), 0, 1);
            }),
            ("read_u32", || {
                let _ = super::read_u32(AT);
            }),
        ];
        let lock = Mutex::<_, rank::FileData>::new(());
        for (name, way) in ways {
            assert!(!is_noticed(way), "{name}");
            let held = lock.lock();
            assert!(is_noticed(way), "{name}");
            drop(held);
        }
    }
);
