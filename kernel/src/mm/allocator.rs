//! Free page frames, and how many references each frame of RAM has.
//!
//! Free frames form two stacks threaded through themselves: those known to be full of zeros (page
//! tables that were emptied before they were given back) and all others. Taking and giving are
//! O(1), and memory that was never used is never touched, however much there is. What the rest of
//! the kernel holds is a [`super::frame::Frame`], one reference.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::sync::{Mutex, rank};
use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};

use super::{PAGE_SIZE, reserve};
use crate::arch::percpu::{self, work};

/// Virtual address of physical address 0.
static PHYS_OFFSET: AtomicU64 = AtomicU64::new(0);

/// References to each frame, by frame number; the loader's memory included.
static COUNTS: AtomicPtr<AtomicU32> = AtomicPtr::new(core::ptr::null_mut());

static ALLOCATOR: Mutex<Allocator, rank::Frames> = Mutex::new(Allocator {
    frames: 0,
    regions: [(0, 0); MAX_REGIONS],
    free: NO_FRAME,
    zeroed: NO_FRAME,
    free_count: 0,
    total: 0,
    reserve: 0,
});

const MAX_REGIONS: usize = 64;
const NO_FRAME: u64 = u64::MAX;
/// End of the RAM that is used: the heads of the heap's pages number frames in 32 bits (`slab.rs`).
const RAM_END: u64 = 1 << 44;
/// Frames that only the kernel gets, however little RAM there is.
pub const LEAST_RESERVE: u64 = 64;

struct Allocator {
    /// How many frames [`COUNTS`] covers.
    frames: u64,
    /// [start, end) of usable memory that was never handed out.
    regions: [(u64, u64); MAX_REGIONS],
    /// Top of the stack of freed frames; each holds the address of the next.
    free: u64,
    /// Top of the stack of those that hold nothing else but zeros.
    zeroed: u64,
    free_count: u64,
    total: u64,
    /// Frames that only the kernel itself gets: a 64th of all, 256 KiB to 4 MiB. The last
    /// [`reserve::LOOK`] of them are what a step in the kernel may count on.
    reserve: u64,
}

/// Who asks for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A program: the kernel's reserve stays.
    Program,
    /// The kernel's single objects under a page and its own page tables: they may use the reserve up.
    Kernel,
}

/// The kernel's pointer to a physical address.
pub fn phys_to_virt(physical: u64) -> *mut u8 {
    (PHYS_OFFSET.load(Ordering::Relaxed) + physical) as *mut u8
}

/// Takes stock of the RAM that the loader reported.
pub fn init(boot_info: &BootInfo) {
    let offset = boot_info
        .physical_memory_offset
        .as_ref()
        .expect("the loader maps physical memory");
    PHYS_OFFSET.store(*offset, Ordering::Relaxed);
    let usable = |r: &&MemoryRegion| r.kind == MemoryRegionKind::Usable;
    // The counts cover the loader's own memory too: the ramdisk's is freed after unpacking.
    let ram = |r: &&MemoryRegion| {
        matches!(
            r.kind,
            MemoryRegionKind::Usable | MemoryRegionKind::Bootloader
        )
    };
    let top = boot_info
        .memory_regions
        .iter()
        .filter(ram)
        .map(|r| r.end)
        .max()
        .unwrap_or(0);
    let frames = top.min(RAM_END) / PAGE_SIZE;
    let counts_size = frames * size_of::<AtomicU32>() as u64;

    let mut allocator = ALLOCATOR.lock();
    let mut counts_at = None;
    let mut used = 0;
    for region in boot_info.memory_regions.iter().filter(usable) {
        let mut start = region.start.next_multiple_of(PAGE_SIZE);
        let end = region.end.min(RAM_END) / PAGE_SIZE * PAGE_SIZE;
        // The first page is left alone: address 0 is "none" to too many data structures.
        start = start.max(PAGE_SIZE);
        if counts_at.is_none() && start < end && end - start >= counts_size {
            counts_at = Some(start);
            start += counts_size.next_multiple_of(PAGE_SIZE);
        }
        if start < end && used < MAX_REGIONS {
            allocator.regions[used] = (start, end);
            allocator.total += (end - start) / PAGE_SIZE;
            used += 1;
        }
    }
    let counts = phys_to_virt(counts_at.expect("no memory region holds the frame table"));
    // SAFETY: the range was just taken out of the usable memory, is mapped writable by the
    // physical map, and page aligned; zeros are counts of 0.
    unsafe { core::ptr::write_bytes(counts.cast::<u32>(), 0, frames as usize) };
    COUNTS.store(counts.cast(), Ordering::Relaxed);
    allocator.frames = frames;
    allocator.free_count = allocator.total;
    allocator.set_reserve();
}

/// The count of references to the frame at `address`, which must be RAM.
fn count(address: u64) -> &'static AtomicU32 {
    let counts = COUNTS.load(Ordering::Relaxed);
    // SAFETY: `init` made a count for each frame of RAM, and callers pass frames' addresses only.
    unsafe { &*counts.add((address / PAGE_SIZE) as usize) }
}

/// How many references there are to the frame at `address`.
#[inline]
pub fn references(address: u64) -> u32 {
    count(address).load(Ordering::Relaxed)
}

/// Adds a reference to a frame that has one.
#[inline]
pub fn share(address: u64) {
    let count = count(address);
    // A load and a store: there is one CPU, and no interrupt handler touches frames.
    let before = count.load(Ordering::Relaxed);
    debug_assert_ne!(before, 0, "a free frame is shared");
    count.store(before + 1, Ordering::Relaxed);
}

/// Takes a reference away; the frame is free after the last.
#[inline]
pub fn release(address: u64) {
    if drop_reference(address) {
        ALLOCATOR.lock().give(address);
    }
}

/// The same for a frame that holds nothing but zeros: it need not be cleared again.
pub fn release_zeroed(address: u64) {
    if drop_reference(address) {
        #[cfg(debug_assertions)]
        assert_zeros(address);
        ALLOCATOR.lock().give_zeroed(address);
    }
}

/// In test builds panics if the frame has a byte other than 0.
#[cfg(debug_assertions)]
fn assert_zeros(address: u64) {
    const WORDS: usize = PAGE_SIZE as usize / size_of::<u64>();
    // SAFETY: the last reference to the frame is gone, and it is not on a list yet.
    let words = unsafe { core::slice::from_raw_parts(phys_to_virt(address).cast::<u64>(), WORDS) };
    assert!(
        words.iter().all(|word| *word == 0),
        "a frame said to be zeroed is not"
    );
}

/// Whether that was the last.
#[inline]
fn drop_reference(address: u64) -> bool {
    let count = count(address);
    let before = count.load(Ordering::Relaxed);
    debug_assert_ne!(before, 0, "a frame is given back twice");
    let left = before.saturating_sub(1);
    count.store(left, Ordering::Relaxed);
    left == 0
}

/// A free frame with anything in it.
pub fn take(whom: For) -> Option<u64> {
    let mut allocator = ALLOCATOR.lock();
    let spared = allocator.spared(whom);
    let address = allocator.take(spared);
    allocator.note_low(whom);
    address
}

/// A frame full of zeros.
pub fn take_zeroed(whom: For) -> Option<u64> {
    let mut allocator = ALLOCATOR.lock();
    let spared = allocator.spared(whom);
    if allocator.free_count > spared
        && let Some(address) = allocator.pop_zeroed()
    {
        allocator.note_low(whom);
        return Some(address);
    }
    let address = allocator.take(spared)?;
    allocator.note_low(whom);
    drop(allocator);
    // SAFETY: the frame was free and is nobody else's; 8-byte writes count as 512 steps, not 4096.
    unsafe { core::ptr::write_bytes(phys_to_virt(address).cast::<u64>(), 0, 512) };
    Some(address)
}

/// Whether only the kernel's reserve is left: what would make the kernel's own data grow for a
/// program fails then.
pub fn is_low() -> bool {
    let allocator = ALLOCATOR.lock();
    allocator.free_count <= allocator.reserve
}

/// Whether `frames` can be taken and the kernel's reserve is still there.
pub fn has_room(frames: u64) -> bool {
    let allocator = ALLOCATOR.lock();
    allocator.free_count.saturating_sub(frames) > allocator.reserve
}

/// Whether there is enough for a step in the kernel to begin ([`reserve::LOOK`]).
pub fn has_step() -> bool {
    ALLOCATOR.lock().free_count >= reserve::LOOK
}

/// (free, all) frames of RAM.
pub fn statistics() -> (u64, u64) {
    let allocator = ALLOCATOR.lock();
    (allocator.free_count, allocator.total)
}

/// Gives the allocator RAM that it did not know of, such as the unpacked ramdisk's pages.
///
/// # Safety
/// Nobody uses the frame at `address` (page aligned, RAM) any more.
pub unsafe fn donate(address: u64) {
    let mut allocator = ALLOCATOR.lock();
    if address / PAGE_SIZE < allocator.frames {
        allocator.total += 1;
        allocator.set_reserve();
        allocator.give(address);
    }
}

impl Allocator {
    fn set_reserve(&mut self) {
        self.reserve = (self.total / 64).clamp(LEAST_RESERVE, 1024);
    }

    /// Asks for the next call to wait where the kernel took from what a step counts on. Programs' frames
    /// never do.
    fn note_low(&self, whom: For) {
        if whom == For::Kernel && self.free_count < reserve::LOOK {
            percpu::set_work(work::LOW_MEMORY);
        }
    }

    fn spared(&self, whom: For) -> u64 {
        match whom {
            For::Program => self.reserve,
            For::Kernel => 0,
        }
    }

    /// Takes a frame, unless no more than `spared` are left.
    fn take(&mut self, spared: u64) -> Option<u64> {
        if self.free_count <= spared {
            return None;
        }
        if self.free != NO_FRAME {
            let address = self.free;
            // SAFETY: a free frame belongs to the allocator; it holds the next one's address.
            self.free = unsafe { phys_to_virt(address).cast::<u64>().read() };
            return Some(self.hand_out(address));
        }
        if let Some(region) = self.regions.iter_mut().find(|(start, end)| start < end) {
            let address = region.0;
            region.0 += PAGE_SIZE;
            return Some(self.hand_out(address));
        }
        self.pop_zeroed()
    }

    fn pop_zeroed(&mut self) -> Option<u64> {
        if self.zeroed == NO_FRAME {
            return None;
        }
        let address = self.zeroed;
        let link = phys_to_virt(address).cast::<u64>();
        // SAFETY: as in `take`; without the link the frame is all zeros.
        self.zeroed = unsafe { link.replace(0) };
        Some(self.hand_out(address))
    }

    fn hand_out(&mut self, address: u64) -> u64 {
        self.free_count -= 1;
        count(address).store(1, Ordering::Relaxed);
        address
    }

    fn give(&mut self, address: u64) {
        // SAFETY: the last reference is gone: the frame is the allocator's again.
        unsafe { phys_to_virt(address).cast::<u64>().write(self.free) };
        self.free = address;
        self.free_count += 1;
    }

    fn give_zeroed(&mut self, address: u64) {
        // SAFETY: as in `give`.
        unsafe { phys_to_virt(address).cast::<u64>().write(self.zeroed) };
        self.zeroed = address;
        self.free_count += 1;
    }
}
