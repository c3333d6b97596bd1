//! Tests of changes of areas with the kernel's reserve used up: they check it before any change.

use super::{RW, peek, space, starts};
use crate::abi::errno::Errno;
use crate::kernel_test;
use crate::mm::frame::{self, Frame};
use crate::mm::{PAGE_SIZE, reserve};
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::page_ranges::PART;
use crate::vm::remap::{Remap, Request};
use crate::vm::vma::{Prot, VmaFlags};

/// Allocates memory until less is free than a step requires. Each frame holds the address of the
/// previous one.
struct Hoard(u64);

impl Hoard {
    fn new() -> Self {
        let mut hoard = Self(0);
        while frame::has_step() {
            let frame = Frame::for_kernel().expect("there is a step");
            frame.write(0, &hoard.0.to_ne_bytes());
            hoard.0 = frame.into_raw();
        }
        hoard
    }
}

impl Drop for Hoard {
    fn drop(&mut self) {
        while self.0 != 0 {
            // SAFETY: `new` turned the reference into this address, which is in the chain once.
            let frame = unsafe { Frame::from_raw(self.0) };
            let mut before = [0; 8];
            frame.read(0, &mut before);
            self.0 = u64::from_ne_bytes(before);
        }
        reserve::top_up().expect("there is memory again");
    }
}

const AT: u64 = 0x1000_0000;
const LEN: u64 = 4 * PART;

/// A named change of the areas.
type Change = (&'static str, fn(&mut AddressSpace) -> Result<(), Errno>);

/// Changes that split the area.
const CUTS: &[Change] = &[
    ("a hole", |mm| mm.unmap(AT + PAGE_SIZE, PAGE_SIZE)),
    ("the start goes", |mm| mm.unmap(AT, PAGE_SIZE)),
    ("the end goes", |mm| mm.unmap(AT + PAGE_SIZE, LEN)),
    ("a hole, part by part", |mm| {
        let mut rest = mm.begin_unmap(AT + PAGE_SIZE, 3 * PART)?;
        while rest.start < rest.end {
            rest = mm.unmap_part(rest)?;
        }
        Ok(())
    }),
    ("another in its middle", |mm| {
        let area = NewArea::anonymous(Prot::READ);
        mm.map(Place::Fixed(AT + PAGE_SIZE), PAGE_SIZE, area)
            .map(|_| ())
    }),
    ("protection", |mm| {
        mm.protect(AT + PAGE_SIZE, PAGE_SIZE, Prot::READ, Prot::empty(), None)
    }),
    ("a flag", |mm| {
        let (start, end) = (AT + PAGE_SIZE, AT + 2 * PAGE_SIZE);
        mm.change_flags(start, end, VmaFlags::DONT_FORK, true)
    }),
    ("shrinking", |mm| {
        mm.remap(Request::new(AT, LEN / 2, PAGE_SIZE, Remap::Stay, false).expect("is valid"))
            .map(|_| ())
    }),
    ("moving", |mm| {
        let (old, new) = (AT + PAGE_SIZE, AT + 2 * LEN);
        mm.remap(Request::new(old, PAGE_SIZE, PAGE_SIZE, Remap::To(new), false).expect("is valid"))
            .map(|_| ())
    }),
];

fn one_area() -> AddressSpace {
    let mut mm = space();
    mm.map(Place::Fixed(AT), LEN, NewArea::anonymous(RW))
        .expect("room");
    mm.poke(AT + PAGE_SIZE, b"x").expect("mapped");
    // The page table for the moved pages exists.
    mm.map(
        Place::Fixed(AT + 2 * LEN),
        PAGE_SIZE,
        NewArea::anonymous(RW),
    )
    .expect("room");
    mm.poke(AT + 2 * LEN, b"y").expect("mapped");
    mm
}

kernel_test!(
    fn a_cut_asks_before_it_changes_anything() {
        for (name, change) in CUTS {
            let mut mm = one_area();
            let before = starts(&mm);
            let hoard = Hoard::new();
            assert_eq!(change(&mut mm), Err(Errno::ENOMEM), "{name}");
            assert_eq!(starts(&mm), before, "{name}");
            assert_eq!(peek(&mm, AT + PAGE_SIZE), Some(b'x'), "{name}");
            assert_eq!(peek(&mm, AT + 2 * LEN), Some(b'y'), "{name}");
            // Whole areas can be unmapped without memory.
            assert_eq!(mm.unmap(AT, LEN), Ok(()), "{name}");
            drop(hoard);
            assert_eq!(change(&mut one_area()), Ok(()), "{name}");
        }
    }
);
