//! Page frame allocator: free lists and a reference count for each frame of RAM.
//!
//! There are two free lists, linked through the frames themselves: frames known to be zeroed
//! (emptied page tables) and all others. Allocation and release are O(1), and memory never
//! allocated is never touched. The rest of the kernel holds references as
//! [`super::frame::Frame`].

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::sync::{Mutex, rank};
use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};

use super::{PAGE_SIZE, reserve};
use crate::arch::percpu::{self, work};

/// Virtual address of physical address 0.
static PHYS_OFFSET: AtomicU64 = AtomicU64::new(0);

/// Reference counts, indexed by frame number; they include the loader's memory.
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
/// End of the RAM in use: the heads of slab pages hold 32-bit frame numbers (`slab.rs`).
const RAM_END: u64 = 1 << 44;
/// Minimum size of the kernel's reserve in frames.
pub const LEAST_RESERVE: u64 = 64;

struct Allocator {
    /// Number of frames that [`COUNTS`] covers.
    frames: u64,
    /// [start, end) of usable memory never allocated.
    regions: [(u64, u64); MAX_REGIONS],
    /// Head of the free list; each frame holds the address of the next.
    free: u64,
    /// Head of the free list of frames that are zero except for the link.
    zeroed: u64,
    free_count: u64,
    total: u64,
    /// Frames reserved for the kernel: 1/64 of all, 256 KiB to 4 MiB. The last
    /// [`reserve::LOOK`] of them are what a step in the kernel relies on.
    reserve: u64,
}

/// Purpose of an allocation: decides whether it may use the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Memory of a program: leaves the kernel's reserve.
    Program,
    /// Kernel objects of less than a page and the kernel's page tables: may use up the reserve.
    Kernel,
}

/// Kernel virtual address of a physical address, in the physical map.
pub fn phys_to_virt(physical: u64) -> *mut u8 {
    (PHYS_OFFSET.load(Ordering::Relaxed) + physical) as *mut u8
}

/// Initialises the allocator from the loader's memory map.
pub fn init(boot_info: &BootInfo) {
    let offset = boot_info
        .physical_memory_offset
        .as_ref()
        .expect("the loader maps physical memory");
    PHYS_OFFSET.store(*offset, Ordering::Relaxed);
    let usable = |r: &&MemoryRegion| r.kind == MemoryRegionKind::Usable;
    // The counts include the loader's memory: the ramdisk is freed after unpacking.
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
        // Never frame 0: data structures use address 0 for "none".
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

/// Reference count of the frame at `address`, which must be RAM.
fn count(address: u64) -> &'static AtomicU32 {
    let counts = COUNTS.load(Ordering::Relaxed);
    // SAFETY: `init` made a count for each frame of RAM; callers pass only addresses of frames.
    unsafe { &*counts.add((address / PAGE_SIZE) as usize) }
}

/// Number of references to the frame at `address`.
#[inline]
pub fn references(address: u64) -> u32 {
    count(address).load(Ordering::Relaxed)
}

/// Adds a reference to a frame that is in use.
#[inline]
pub fn share(address: u64) {
    let count = count(address);
    // Not an atomic increment: there is one CPU, and interrupt handlers don't use frames.
    let before = count.load(Ordering::Relaxed);
    debug_assert_ne!(before, 0, "a free frame is shared");
    count.store(before + 1, Ordering::Relaxed);
}

/// Drops a reference; frees the frame with the last.
#[inline]
pub fn release(address: u64) {
    if drop_reference(address) {
        ALLOCATOR.lock().free(address);
    }
}

/// Drops a reference to a zeroed frame, which goes to the list of zeroed ones if it was the last.
pub fn release_zeroed(address: u64) {
    if drop_reference(address) {
        #[cfg(debug_assertions)]
        assert_zeros(address);
        ALLOCATOR.lock().free_zeroed(address);
    }
}

/// Panics if the frame isn't zeroed (test builds).
#[cfg(debug_assertions)]
fn assert_zeros(address: u64) {
    const WORDS: usize = PAGE_SIZE as usize / size_of::<u64>();
    // SAFETY: the last reference is dropped, and the frame is not on a free list yet.
    let words = unsafe { core::slice::from_raw_parts(phys_to_virt(address).cast::<u64>(), WORDS) };
    assert!(
        words.iter().all(|word| *word == 0),
        "a frame said to be zeroed is not"
    );
}

/// Drops a reference; returns whether it was the last.
#[inline]
fn drop_reference(address: u64) -> bool {
    let count = count(address);
    let before = count.load(Ordering::Relaxed);
    debug_assert_ne!(before, 0, "a frame is given back twice");
    if before > 1 {
        count.store(before - 1, Ordering::Relaxed);
        return false;
    }
    count.store(0, Ordering::Relaxed);
    true
}

/// Allocates a frame with undefined content; `None` without memory for `whom`.
pub fn allocate(whom: For) -> Option<u64> {
    let mut allocator = ALLOCATOR.lock();
    let spared = allocator.spared(whom);
    let address = allocator.allocate(spared);
    allocator.note_low(whom);
    #[cfg(debug_assertions)]
    if let Some(address) = address {
        drop(allocator);
        // SAFETY: the frame was just allocated and has no other user.
        unsafe { super::pattern::fill(phys_to_virt(address), PAGE_SIZE as usize) };
    }
    address
}

/// Allocates a zeroed frame; `None` without memory for `whom`.
pub fn allocate_zeroed(whom: For) -> Option<u64> {
    let mut allocator = ALLOCATOR.lock();
    let spared = allocator.spared(whom);
    if allocator.free_count > spared
        && let Some(address) = allocator.pop_zeroed()
    {
        allocator.note_low(whom);
        return Some(address);
    }
    let address = allocator.allocate(spared)?;
    allocator.note_low(whom);
    drop(allocator);
    // SAFETY: the frame was just allocated and has no other user. 8-byte writes take 512 iterations
    // instead of 4096.
    unsafe { core::ptr::write_bytes(phys_to_virt(address).cast::<u64>(), 0, 512) };
    Some(address)
}

/// Whether only the kernel's reserve is left: kernel data doesn't grow for a program then.
pub fn is_low() -> bool {
    let allocator = ALLOCATOR.lock();
    allocator.free_count <= allocator.reserve
}

/// Whether `frames` can be allocated without touching the kernel's reserve.
pub fn has_room(frames: u64) -> bool {
    let allocator = ALLOCATOR.lock();
    allocator.free_count.saturating_sub(frames) > allocator.reserve
}

/// Whether enough frames are free for a step in the kernel to begin ([`reserve::LOOK`]).
pub fn has_step() -> bool {
    ALLOCATOR.lock().free_count >= reserve::LOOK
}

/// (free, total) frames of RAM.
pub fn statistics() -> (u64, u64) {
    let allocator = ALLOCATOR.lock();
    (allocator.free_count, allocator.total)
}

/// Adds a frame of RAM to the allocator that the memory map reported as in use, such as the
/// ramdisk's.
///
/// # Safety
/// The frame at `address` (page aligned, RAM) is not in use any more.
pub unsafe fn donate(address: u64) {
    let mut allocator = ALLOCATOR.lock();
    if address / PAGE_SIZE < allocator.frames {
        allocator.total += 1;
        allocator.set_reserve();
        allocator.free(address);
    }
}

impl Allocator {
    fn set_reserve(&mut self) {
        self.reserve = (self.total / 64).clamp(LEAST_RESERVE, 1024);
    }

    /// Sets the work bit LOW_MEMORY if a kernel allocation left less than a step relies on. The
    /// next call then waits for memory.
    fn note_low(&self, whom: For) {
        if whom == For::Kernel && self.free_count < reserve::LOOK {
            percpu::set_work(work::LOW_MEMORY);
        }
    }

    /// Frames that an allocation for `whom` must leave free.
    fn spared(&self, whom: For) -> u64 {
        match whom {
            For::Program => self.reserve,
            For::Kernel => 0,
        }
    }

    /// Allocates a frame if more than `spared` are free.
    fn allocate(&mut self, spared: u64) -> Option<u64> {
        if self.free_count <= spared {
            return None;
        }
        if self.free != NO_FRAME {
            let address = self.free;
            // SAFETY: a free frame belongs to the allocator and holds the address of the next.
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
        // SAFETY: as in `allocate`. Clearing the link leaves the frame zeroed.
        self.zeroed = unsafe { link.replace(0) };
        Some(self.hand_out(address))
    }

    fn hand_out(&mut self, address: u64) -> u64 {
        self.free_count -= 1;
        count(address).store(1, Ordering::Relaxed);
        address
    }

    fn free(&mut self, address: u64) {
        // SAFETY: the last reference is dropped: the frame belongs to the allocator.
        unsafe { phys_to_virt(address).cast::<u64>().write(self.free) };
        self.free = address;
        self.free_count += 1;
    }

    fn free_zeroed(&mut self, address: u64) {
        // SAFETY: as in `free`.
        unsafe { phys_to_virt(address).cast::<u64>().write(self.zeroed) };
        self.zeroed = address;
        self.free_count += 1;
    }
}
