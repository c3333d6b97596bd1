//! Heap under random use: blocks of every class, alignment and number of pages are allocated,
//! grown, shrunk and freed, and must keep their content.
//!
//! The same code runs in the kernel (`mm/tests/heap.rs`) and on the host (`tests/heap/main.rs`),
//! there also with memory running out.

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

const PAGE: u64 = 4096;
/// Blocks in use at a time.
const BLOCKS: usize = 160;
/// Number of steps after which the content of all blocks is checked.
const ROUND: u64 = 256;

/// Result of a run.
#[derive(Debug, Default)]
pub struct Counts {
    /// Blocks allocated or resized.
    pub granted: u64,
    /// Failed allocations.
    pub refused: u64,
    /// Blocks that realloc resized in place.
    pub stayed: u64,
}

/// Pseudo-random numbers, determined by the seed (xorshift64).
pub struct Random(u64);

impl Random {
    /// Starts the sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A random number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A size near a limit: of a class, a page, or an arena's largest block.
    fn size(&mut self) -> usize {
        let edge = match self.below(8) {
            0..=2 => 16 << self.below(7),
            3 => [1344, 2016, 1024 + 16][self.below(3) as usize],
            4..=5 => PAGE * (1 + self.below(9)),
            6 => self.below(9 * PAGE),
            _ => PAGE * (8 + self.below(13)),
        };
        let near = [0, 0, 1, 7, 8, 9, 16, self.below(PAGE)][self.below(8) as usize];
        let size = if self.below(2) == 0 {
            edge + near
        } else {
            edge.saturating_sub(near)
        };
        size.max(1) as usize
    }

    fn layout(&mut self) -> Layout {
        let align = match self.below(4) {
            0 => 1 << self.below(13),
            _ => 1 << self.below(5),
        };
        Layout::from_size_align(self.size(), align).expect("a power of two")
    }
}

/// A block with the seed of its content.
struct Block {
    at: *mut u8,
    layout: Layout,
    seed: u8,
}

impl Block {
    fn byte(&self, index: usize) -> u8 {
        self.seed ^ index as u8 ^ (index >> 8) as u8
    }

    fn fill(&self) {
        assert!(
            (self.at as usize).is_multiple_of(self.layout.align()),
            "{:p} for {:?}",
            self.at,
            self.layout
        );
        for index in 0..self.layout.size() {
            // SAFETY: within the block, which nothing else uses.
            unsafe { self.at.add(index).write(self.byte(index)) };
        }
    }

    fn check(&self, len: usize) {
        for index in 0..len {
            // SAFETY: within the block; `fill` wrote it.
            let byte = unsafe { self.at.add(index).read() };
            assert!(
                byte == self.byte(index),
                "byte {index} of {:?} at {:p} is {byte:#x}, not {:#x}",
                self.layout,
                self.at,
                self.byte(index)
            );
        }
    }
}

/// Uses `heap` at random for `steps` steps, then frees all blocks. Panics on a wrong block.
pub fn run(heap: &impl GlobalAlloc, seed: u64, steps: u64) -> Counts {
    let mut random = Random::new(seed);
    let mut blocks: Vec<Block> = Vec::with_capacity(BLOCKS);
    let mut counts = Counts::default();
    for step in 0..steps {
        if blocks.is_empty() || blocks.len() < BLOCKS && random.below(3) == 0 {
            let layout = random.layout();
            // SAFETY: the size isn't 0.
            let at = unsafe { heap.alloc(layout) };
            if at.is_null() {
                counts.refused += 1;
            } else {
                let seed = random.below(256) as u8;
                let block = Block { at, layout, seed };
                block.fill();
                blocks.push(block);
                counts.granted += 1;
            }
        } else {
            let number = random.below(blocks.len() as u64) as usize;
            blocks[number].check(blocks[number].layout.size());
            if random.below(3) == 0 {
                let block = blocks.swap_remove(number);
                // SAFETY: it came from this heap with this layout, and goes with its entry.
                unsafe { heap.dealloc(block.at, block.layout) };
            } else {
                change(heap, &mut random, &mut blocks[number], &mut counts);
            }
        }
        if step % ROUND == 0 {
            blocks
                .iter()
                .for_each(|block| block.check(block.layout.size()));
        }
    }
    for block in blocks {
        block.check(block.layout.size());
        // SAFETY: it came from this heap with this layout, and goes with its entry.
        unsafe { heap.dealloc(block.at, block.layout) };
    }
    counts
}

/// A new size for a block: near its present one, or any.
fn change(heap: &impl GlobalAlloc, random: &mut Random, block: &mut Block, counts: &mut Counts) {
    let old = block.layout.size();
    let size = match random.below(4) {
        0 => old + 1 + random.below(PAGE) as usize,
        1 => old - random.below(old as u64) as usize,
        2 => old + 1,
        _ => random.size(),
    };
    // SAFETY: it came from this heap with this layout; the size isn't 0.
    let at = unsafe { heap.realloc(block.at, block.layout, size) };
    if at.is_null() {
        counts.refused += 1;
        block.check(old);
        return;
    }
    counts.granted += 1;
    counts.stayed += u64::from(at == block.at);
    block.at = at;
    block.layout = Layout::from_size_align(size, block.layout.align()).expect("as before");
    block.check(old.min(size));
    block.seed = random.below(256) as u8;
    block.fill();
}
