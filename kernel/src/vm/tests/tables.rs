//! Page tables under random use: areas at the edges of what a table of each level maps are mapped,
//! moved, unmapped, forked and dropped in parts, and no frame is lost or freed with entries in it.

use super::{RW, peek, space};
use crate::kernel_test;
use crate::mm::paging::PageFlags;
use crate::mm::tests::free_frames;
use crate::mm::tests::heap::Random;
use crate::mm::{PAGE_SIZE, reserve};
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::remap::{Remap, Request};
use crate::vm::vma::Prot;

/// Address spaces made and dropped in a pass.
const ROUNDS: u64 = 250;
/// Passes with the same address spaces.
const PASSES: u64 = 4;
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
        // The heap keeps a page here and gives one back there, alike in each pass but the first.
        let mut before = None;
        for pass in 0..PASSES {
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
            }
            let free = free_frames();
            if pass > 0 {
                assert_eq!(free, *before.get_or_insert(free), "pass {pass}");
            }
        }
    }
);

/// Page offset, content and writability of a page.
type Page = (u64, Option<u8>, bool);

/// Each page of an area, at most 64, read through the page tables; in no heap block, as the tests
/// count frames.
fn pages_of(mm: &AddressSpace, start: u64, len: u64) -> [Option<Page>; 64] {
    let mut pages = [None; 64];
    let (mut at, mut count) = (start, 0);
    while let Some((address, mapped)) = mm.tables.next_page(at, start + len) {
        let is_writable = mapped.flags.contains(PageFlags::WRITABLE);
        pages[count] = Some((address - start, peek(mm, address), is_writable));
        count += 1;
        at = address + PAGE_SIZE;
    }
    pages
}

kernel_test!(
    fn moves_keep_contents_and_protections() {
        /// Distances of source and target from the edge of a page table.
        const SHIFTS: [u64; 4] = [0, PAGE_SIZE, 511 * PAGE_SIZE, 3 * PAGE_SIZE];
        reserve::top_up().expect("memory");
        // After the first round: the heap keeps a frame for each size of block that a round takes.
        let mut free_before = None;
        for round in 0..200 {
            let mut random = Random::new(round);
            let mut shift = || SHIFTS[random.below(4) as usize];
            let (mut at, mut to) = ((1 << 40) + shift(), (1 << 41) + shift());
            let len = (1 + random.below(3)) * (2 << 20) + random.below(3) * PAGE_SIZE;
            let mut mm = space();
            mm.map(Place::Fixed(at), len, NewArea::anonymous(RW))
                .expect("room");
            for _ in 0..40 {
                let page = at + random.below(len / PAGE_SIZE) * PAGE_SIZE;
                mm.poke(page, &[random.below(256) as u8]).expect("mapped");
            }
            // Three areas: some of them are whole page tables, some are not.
            if random.below(2) == 0 {
                let part = random.below(len / PAGE_SIZE / 2) * PAGE_SIZE;
                mm.protect(at + part, PAGE_SIZE, Prot::READ, Prot::empty(), None)
                    .expect("mapped");
            }
            let pages = pages_of(&mm, at, len);
            let counts = mm.page_counts();
            for _ in 0..3 {
                let request = Request::new(at, len, len, Remap::To(to), false);
                assert_eq!(mm.remap(request.expect("is valid")), Ok(to));
                (at, to) = (to, at);
                // By single addresses first, whose last page table may be remembered.
                for (offset, byte, _) in pages.iter().flatten() {
                    assert_eq!(peek(&mm, to + offset), None, "round {round}");
                    assert_eq!(peek(&mm, at + offset), *byte, "round {round}");
                }
                assert_eq!(pages_of(&mm, at, len), pages, "round {round}");
                assert_eq!(pages_of(&mm, to, len), [None; 64]);
                assert_eq!(mm.page_counts(), counts);
            }
            drop(mm);
            let free = free_frames();
            assert_eq!(*free_before.get_or_insert(free), free, "round {round}");
        }
    }
);

kernel_test!(
    fn a_moved_table_is_remembered_nowhere() {
        /// Bytes that a page table of the last level maps.
        const PART: u64 = 2 << 20;
        let (mut at, mut to) = (1 << 40, 1 << 41);
        let mut mm = space();
        mm.map(Place::Fixed(at), PART, NewArea::anonymous(RW))
            .expect("room");
        mm.poke(at, b"x").expect("mapped");
        mm.tables
            .make_tables_to_move(at, at + PART, to)
            .expect("memory");
        for _ in 0..4 {
            // A lookup remembers the table: of the source, and then of the target.
            for (remembered, after) in [(at, None), (at, Some(b'x'))] {
                let _ = peek(&mm, remembered);
                mm.tables.move_range(at, at + PART, to).expect("tables");
                (at, to) = (to, at);
                assert_eq!(peek(&mm, remembered), after);
                let _ = (peek(&mm, at), peek(&mm, to));
            }
        }
    }
);
