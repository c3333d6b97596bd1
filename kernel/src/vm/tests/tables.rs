//! Page tables under random use: areas at the edges of what a table of each level maps are mapped,
//! moved, unmapped, forked and dropped in parts, and no frame is lost or freed with entries in it.

use super::{RW, space};
use crate::kernel_test;
use crate::mm::tests::free_frames;
use crate::mm::tests::heap::Random;
use crate::mm::{PAGE_SIZE, reserve};
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::remap::{Remap, Request};

/// Address spaces made and dropped.
const ROUNDS: u64 = 400;
/// Changes per address space.
const CHANGES: u64 = 24;

/// An address near the edge of a page table (2 MiB), a page directory (1 GiB) or a table of those
/// (512 GiB).
fn edge(random: &mut Random) -> u64 {
    let edge = match random.below(3) {
        0 => (1 + random.below(8)) << 21,
        1 => (1 + random.below(3)) << 30,
        _ => (1 + random.below(3)) << 39,
    };
    edge + random.below(6) * PAGE_SIZE - 3 * PAGE_SIZE
}

/// A random length in bytes: some pages, or beyond the next edges.
fn length(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => 1 << 21,
        1 => (1 << 30) + PAGE_SIZE,
        _ => (1 + random.below(8)) * PAGE_SIZE,
    }
}

/// Writes to some pages of [start, start + len), the first and the last among them.
fn touch(mm: &mut AddressSpace, random: &mut Random, start: u64, len: u64) {
    let pages = len / PAGE_SIZE;
    for page in [0, pages - 1, random.below(pages)] {
        let _ = mm.poke(start + page * PAGE_SIZE, b"x");
    }
}

fn change(mm: &mut AddressSpace, random: &mut Random) {
    let (start, len) = (edge(random), length(random));
    match random.below(6) {
        0..=2 => {
            let _ = mm.map(Place::Fixed(start), len, NewArea::anonymous(RW));
            touch(mm, random, start, len);
        }
        3 => {
            let _ = mm.unmap(start, len);
        }
        4 => {
            // Some parts of it only.
            let mut rest = mm.begin_unmap(start, len);
            while random.below(4) != 0
                && let Ok(range) = rest
                && range.start < range.end
            {
                rest = mm.unmap_part(range);
            }
        }
        _ => {
            let Some((old, old_len)) = mm.areas().map(|area| (area.start, area.len())).next()
            else {
                return;
            };
            let _ = mm.remap(
                Request::new(old, old_len, old_len, Remap::To(start), false).expect("is valid"),
            );
        }
    }
}

kernel_test!(
    fn no_table_is_lost_or_freed_in_use() {
        reserve::top_up().expect("memory");
        let before = free_frames();
        for round in 0..ROUNDS {
            let mut random = Random::new(round);
            let mut mm = space();
            for _ in 0..CHANGES {
                change(&mut mm, &mut random);
            }
            let mut child = (random.below(2) == 0).then(|| mm.fork().expect("memory"));
            for mm in [Some(&mut mm), child.as_mut()].into_iter().flatten() {
                while random.below(8) != 0 && mm.drop_part() {}
            }
            drop(mm);
            drop(child);
            assert_eq!(free_frames(), before, "round {round}");
        }
    }
);
