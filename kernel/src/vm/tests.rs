//! Tests of address spaces: mappings do what mmap's callers count on.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::address_space::AddressSpace;
use super::fault::{Access, FaultError};
use super::mapped::Mapped;
use super::mapping::{NewArea, Place};
use super::remap::{Remap, Request};
use super::shared::SharedMemory;
use super::vma::{Backing, PageSource, Prot, Role};
use crate::abi::errno::Errno;
use crate::kernel_test;
use crate::mm::frame::Frame;
use crate::mm::tests::free_frames;
use crate::mm::{PAGE_SIZE, layout, paging};

mod mappers;
mod reserve;
mod tables;

const RW: Prot = Prot::READ.union(Prot::WRITE);

fn space() -> AddressSpace {
    AddressSpace::new(false).expect("memory for a test")
}

fn starts(mm: &AddressSpace) -> Vec<(u64, u64)> {
    mm.areas().map(|area| (area.start, area.end)).collect()
}

/// The byte at `address`, read through the page tables.
fn peek(mm: &AddressSpace, address: u64) -> Option<u8> {
    let page = mm.tables.lookup(crate::mm::page_down(address))?;
    let mut byte = [0];
    // SAFETY: the entry holds a reference.
    unsafe { Frame::share_raw(page.frame) }.read((address % PAGE_SIZE) as usize, &mut byte);
    Some(byte[0])
}

kernel_test!(
    fn mappings_join_and_split() {
        let mut mm = space();
        let at = 0x10_0000;
        mm.map(Place::Fixed(at), 0x3000, NewArea::anonymous(RW))
            .expect("room");
        mm.map(Place::Fixed(at + 0x3000), 0x1000, NewArea::anonymous(RW))
            .expect("room");
        assert_eq!(starts(&mm), [(at, at + 0x4000)]);
        mm.protect(at + 0x1000, 0x1000, Prot::READ, Prot::empty(), None)
            .expect("mapped");
        assert_eq!(
            starts(&mm),
            [
                (at, at + 0x1000),
                (at + 0x1000, at + 0x2000),
                (at + 0x2000, at + 0x4000)
            ]
        );
        mm.protect(at + 0x1000, 0x1000, RW, Prot::empty(), None)
            .expect("mapped");
        assert_eq!(starts(&mm), [(at, at + 0x4000)]);
        mm.unmap(at + 0x1000, 0x1000).expect("mapped");
        assert_eq!(starts(&mm), [(at, at + 0x1000), (at + 0x2000, at + 0x4000)]);
        assert_eq!(
            mm.protect(at, 0x4000, RW, Prot::empty(), None),
            Err(Errno::ENOMEM)
        );
    }
);

kernel_test!(
    fn places_are_checked() {
        let mut mm = space();
        let area = || NewArea::anonymous(RW);
        assert_eq!(
            mm.map(Place::Fixed(0x10_0001), 0x1000, area()),
            Err(Errno::EINVAL)
        );
        assert_eq!(mm.map(Place::Fixed(0), 0x1000, area()), Err(Errno::EPERM));
        assert_eq!(
            mm.map(Place::Fixed(layout::TASK_SIZE), 0x1000, area()),
            Err(Errno::ENOMEM)
        );
        assert_eq!(
            mm.map(Place::Fixed(u64::MAX - 0xfff), 0x1000, area()),
            Err(Errno::ENOMEM)
        );
        assert_eq!(mm.map(Place::Hint(0), 0, area()), Err(Errno::EINVAL));
        assert_eq!(mm.map(Place::Hint(0), u64::MAX, area()), Err(Errno::ENOMEM));
        assert_eq!(
            mm.map(Place::Hint(0), layout::TASK_SIZE + 0x1000, area()),
            Err(Errno::ENOMEM)
        );
        let at = mm.map(Place::Hint(0), 0x1000, area()).expect("room");
        assert_eq!(
            mm.map(Place::FixedNoReplace(at), 0x1000, area()),
            Err(Errno::EEXIST)
        );
        assert_eq!(mm.unmap(at + 1, 0x1000), Err(Errno::EINVAL));
        assert_eq!(mm.unmap(at, 0), Err(Errno::EINVAL));
    }
);

kernel_test!(
    fn fork_copies_on_write() {
        let before = free_frames();
        let mut parent = space();
        let at = 0x20_0000;
        parent
            .map(Place::Fixed(at), 0x2000, NewArea::anonymous(RW))
            .expect("room");
        parent.poke(at, b"parent").expect("mapped");
        let mut child = parent.fork().expect("memory");
        assert_eq!(peek(&child, at), Some(b'p'));
        // Neither side may write to the shared page before it has a copy.
        for mm in [&parent, &child] {
            let page = mm.tables.lookup(at).expect("present");
            assert!(!page.flags.contains(paging::PageFlags::WRITABLE));
        }
        child.fault(at, Access::Write).expect("allowed");
        child.poke(at, b"child").expect("mapped");
        assert_eq!(
            (peek(&parent, at), peek(&child, at)),
            (Some(b'p'), Some(b'c'))
        );
        // The last owner writes without a copy.
        drop(child);
        let frame = parent.tables.lookup(at).expect("present").frame;
        parent.fault(at, Access::Write).expect("allowed");
        assert_eq!(parent.tables.lookup(at).expect("present").frame, frame);
        drop(parent);
        assert_eq!(free_frames(), before);
    }
);

kernel_test!(
    fn shared_memory_is_shared() {
        let mut parent = space();
        let source: Arc<dyn PageSource> = Arc::new(SharedMemory::new(PAGE_SIZE));
        let area = NewArea {
            shared: true,
            backing: Backing::File {
                source,
                offset: 0,
                mapped: Mapped::memory(""),
            },
            ..NewArea::anonymous(RW)
        };
        let at = parent.map(Place::Hint(0), 0x1000, area).expect("room");
        let mut child = parent.fork().expect("memory");
        for mm in [&mut parent, &mut child] {
            mm.fault(at, Access::Write).expect("allowed");
        }
        // What others share is written only where the program may write itself.
        assert_eq!(child.poke(at + 7, b"!"), Err(Errno::EFAULT));
        assert_eq!(child.poke_by_force(at + 7, b"!"), 1);
        assert_eq!(peek(&parent, at + 7), Some(b'!'));
    }
);

kernel_test!(
    fn protection_none_keeps_the_page() {
        let mut mm = space();
        let at = mm
            .map(Place::Hint(0), 0x1000, NewArea::anonymous(RW))
            .expect("room");
        mm.poke(at, b"kept").expect("mapped");
        mm.protect(at, 0x1000, Prot::empty(), Prot::empty(), None)
            .expect("mapped");
        assert_eq!(mm.fault(at, Access::Read), Err(FaultError::NotAllowed));
        let hidden = mm.tables.lookup(at).expect("still there");
        assert!(!hidden.flags.contains(paging::PageFlags::PRESENT));
        mm.protect(at, 0x1000, RW, Prot::empty(), None)
            .expect("mapped");
        assert_eq!(peek(&mm, at), Some(b'k'));
    }
);

kernel_test!(
    fn remap_moves_pages() {
        let mut mm = space();
        let at = mm
            .map(Place::Hint(0), 0x2000, NewArea::anonymous(RW))
            .expect("room");
        mm.poke(at + 0x1000, b"moved").expect("mapped");
        let to = 0x4000_0000;
        assert_eq!(
            mm.remap(Request::new(at, 0x2000, 0x4000, Remap::To(to), false).expect("is valid")),
            Ok(to)
        );
        assert_eq!(starts(&mm), [(to, to + 0x4000)]);
        assert_eq!(
            (peek(&mm, to + 0x1000), peek(&mm, at + 0x1000)),
            (Some(b'm'), None)
        );
        assert_eq!(
            mm.remap(Request::new(to, 0x4000, 0x1000, Remap::Stay, false).expect("is valid")),
            Ok(to)
        );
        assert_eq!(starts(&mm), [(to, to + 0x1000)]);
        assert_eq!(
            mm.remap(
                Request::new(to + 0x9000, 0x1000, 0x1000, Remap::Stay, false).expect("is valid")
            ),
            Err(Errno::EFAULT)
        );
    }
);

kernel_test!(
    fn stack_grows_to_its_limit_and_no_further() {
        let mut mm = space();
        let top = 0x7000_0000_0000;
        let stack = NewArea::anonymous(RW).role(Role::Stack);
        mm.map(Place::Fixed(top - 0x1000), 0x1000, stack)
            .expect("room");
        mm.fault(top - 0x9000, Access::Write).expect("grows");
        assert_eq!(starts(&mm), [(top - 0x9000, top)]);
        let limit = top - crate::abi::limits::STACK_LIMIT;
        mm.fault(limit, Access::Write).expect("grows");
        assert_eq!(
            mm.fault(limit - 1, Access::Write),
            Err(FaultError::NotMapped)
        );
    }
);

kernel_test!(
    fn stack_keeps_its_distance() {
        let top = 0x7000_0000_0000;
        let page_below = top - 0x10_0000;
        for (prot, can_touch) in [(RW, false), (Prot::empty(), true)] {
            let mut mm = space();
            let stack = NewArea::anonymous(RW).role(Role::Stack);
            mm.map(Place::Fixed(top - 0x1000), 0x1000, stack)
                .expect("room");
            mm.map(Place::Fixed(page_below), 0x1000, NewArea::anonymous(prot))
                .expect("room");
            // 256 pages stay free above a mapping that can be accessed.
            let adjacent = mm.fault(page_below + 0x1000, Access::Write);
            assert_eq!(adjacent.is_ok(), can_touch);
        }
    }
);

kernel_test!(
    fn refused_protection_changes_nothing() {
        let mut mm = space();
        let area = NewArea {
            max_prot: Prot::READ,
            ..NewArea::anonymous(Prot::READ)
        };
        let at = mm.map(Place::Hint(0), 0x3000, area).expect("room");
        for from in [at, at + 0x1000] {
            assert_eq!(
                mm.protect(from, 0x1000, RW, Prot::empty(), None),
                Err(Errno::EACCES)
            );
            assert_eq!(starts(&mm), [(at, at + 0x3000)]);
        }
        assert_eq!(
            mm.protect(at + 0x3000, 0x1000, RW, Prot::empty(), None),
            Err(Errno::ENOMEM)
        );
        assert_eq!(starts(&mm), [(at, at + 0x3000)]);
    }
);

kernel_test!(
    fn unmapping_frees_the_tables() {
        let mut mm = space();
        mm.map(Place::Fixed(0x10_0000), 0x1000, NewArea::anonymous(RW))
            .expect("room");
        mm.poke(0x10_0000, b"x").expect("mapped");
        let before = free_frames();
        for i in 1..20 {
            // Each in a gigabyte of its own, so with two tables of its own.
            let at = i << 30;
            mm.map(Place::Fixed(at), 0x2000, NewArea::anonymous(RW))
                .expect("room");
            mm.poke(at + 0xfff, b"xy").expect("mapped");
            assert!(free_frames() < before);
            mm.unmap(at, 0x1000).expect("mapped");
            assert_eq!(peek(&mm, at + 0x1000), Some(b'y'));
            mm.unmap(at + 0x1000, 0x1000).expect("mapped");
            assert_eq!(free_frames(), before);
        }
        assert_eq!(peek(&mm, 0x10_0000), Some(b'x'));
    }
);

kernel_test!(
    fn many_mappings_stay_cheap_to_find() {
        let mut mm = space();
        // Every other page, so that nothing joins.
        for i in 0..2000 {
            let at = 0x1000_0000 + i * 2 * PAGE_SIZE;
            mm.map(Place::Fixed(at), PAGE_SIZE, NewArea::anonymous(RW))
                .expect("room");
        }
        assert_eq!(mm.areas().count(), 2000);
        assert!(mm.find(0x1000_0000 + 999 * 2 * PAGE_SIZE).is_some());
        assert!(
            mm.find(0x1000_0000 + 999 * 2 * PAGE_SIZE + PAGE_SIZE)
                .is_none()
        );
        mm.unmap(0x1000_0000, 2000 * 2 * PAGE_SIZE).expect("mapped");
        assert_eq!(mm.areas().count(), 0);
    }
);
