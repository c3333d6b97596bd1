//! Page frames: who owns which 4 KiB of RAM.
//!
//! Every frame of RAM has a reference count, so that a page can be shared by processes, by a
//! file and its mappings. [`Frame`] is one reference: cloning adds one, dropping the last
//! frees. Free frames form a stack threaded through themselves; taking and giving back are
//! O(1), and memory that was never used is never touched, however much there is.

use core::sync::atomic::{AtomicU64, Ordering};

use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use spin::Mutex;

use super::PAGE_SIZE;
use crate::syscall::errno::Errno;

/// Virtual address of physical address 0.
static PHYS_OFFSET: AtomicU64 = AtomicU64::new(0);

static ALLOCATOR: Mutex<Allocator> = Mutex::new(Allocator {
    counts: &mut [],
    regions: [(0, 0); MAX_REGIONS],
    free: NO_FRAME,
    free_count: 0,
    total: 0,
});

const MAX_REGIONS: usize = 64;
const NO_FRAME: u64 = u64::MAX;

struct Allocator {
    /// References to each frame, by frame number.
    counts: &'static mut [u32],
    /// [start, end) of usable memory that was never handed out.
    regions: [(u64, u64); MAX_REGIONS],
    /// Top of the stack of freed frames; each holds the address of the next.
    free: u64,
    free_count: u64,
    total: u64,
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
    let frames = (top / PAGE_SIZE) as usize;
    let counts_size = (frames * size_of::<u32>()) as u64;

    let mut allocator = ALLOCATOR.lock();
    let mut counts_at = None;
    let mut used = 0;
    for region in boot_info.memory_regions.iter().filter(usable) {
        let mut start = region.start.next_multiple_of(PAGE_SIZE);
        let end = region.end / PAGE_SIZE * PAGE_SIZE;
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
    let counts_at = counts_at.expect("no memory region holds the frame table");
    let counts = phys_to_virt(counts_at).cast::<u32>();
    // SAFETY: the range was just taken out of the usable memory, is mapped writable by the
    // physical map, and page aligned.
    allocator.counts = unsafe {
        core::ptr::write_bytes(counts, 0, frames);
        core::slice::from_raw_parts_mut(counts, frames)
    };
    allocator.free_count = allocator.total;
}

/// Whether only the kernel's reserve is left: what would make the kernel's own data grow for a
/// program fails then.
pub fn is_low() -> bool {
    let allocator = ALLOCATOR.lock();
    allocator.free_count <= allocator.reserve()
}

/// (free, all) frames of RAM.
pub fn statistics() -> (u64, u64) {
    let allocator = ALLOCATOR.lock();
    (allocator.free_count, allocator.total)
}

impl Allocator {
    /// Frames that only the kernel itself gets: a 64th of all, 256 KiB to 4 MiB.
    fn reserve(&self) -> u64 {
        (self.total / 64).clamp(64, 1024)
    }

    /// Takes a frame, unless no more than `spared` are left.
    fn take(&mut self, spared: u64) -> Option<u64> {
        if self.free_count <= spared {
            return None;
        }
        let address = if self.free != NO_FRAME {
            let address = self.free;
            // SAFETY: a free frame belongs to the allocator; it holds the next one's address.
            self.free = unsafe { phys_to_virt(address).cast::<u64>().read() };
            address
        } else {
            let region = self.regions.iter_mut().find(|(start, end)| start < end)?;
            let address = region.0;
            region.0 += PAGE_SIZE;
            address
        };
        self.free_count -= 1;
        self.counts[(address / PAGE_SIZE) as usize] = 1;
        Some(address)
    }

    fn give(&mut self, address: u64) {
        // SAFETY: the last reference is gone: the frame is the allocator's again.
        unsafe { phys_to_virt(address).cast::<u64>().write(self.free) };
        self.free = address;
        self.free_count += 1;
    }
}

/// One reference to a page frame.
#[derive(Debug)]
pub struct Frame(u64);

impl Frame {
    /// A frame full of zeros.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn zeroed() -> Result<Self, Errno> {
        let frame = Self::uninitialised()?;
        frame.clear();
        Ok(frame)
    }

    /// A frame with whatever it last held, for a caller that fills all of it.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn uninitialised() -> Result<Self, Errno> {
        let mut allocator = ALLOCATOR.lock();
        let spared = allocator.reserve();
        allocator.take(spared).map(Self).ok_or(Errno::ENOMEM)
    }

    /// A frame for the kernel's own heap and tables, which may use up the reserve: programs must
    /// not be able to take what the kernel needs to go on.
    ///
    /// # Errors
    /// `ENOMEM` when there is none at all.
    pub fn for_kernel() -> Result<Self, Errno> {
        ALLOCATOR.lock().take(0).map(Self).ok_or(Errno::ENOMEM)
    }

    /// A frame with the same bytes as this one.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn duplicate(&self) -> Result<Self, Errno> {
        let copy = Self::uninitialised()?;
        // SAFETY: both frames are referenced, 8-byte aligned and don't overlap.
        unsafe {
            core::ptr::copy_nonoverlapping(
                self.as_ptr().cast::<u64>(),
                copy.as_ptr().cast::<u64>(),
                PAGE_SIZE as usize / 8,
            );
        }
        Ok(copy)
    }

    /// Fills the frame with zeros.
    pub fn clear(&self) {
        // SAFETY: the frame is referenced; 8-byte writes count as 512 steps, not 4096.
        unsafe { core::ptr::write_bytes(self.as_ptr().cast::<u64>(), 0, PAGE_SIZE as usize / 8) };
    }

    /// The kernel's pointer to the frame's 4096 bytes.
    pub fn as_ptr(&self) -> *mut u8 {
        phys_to_virt(self.0)
    }

    /// How many references to the frame there are, this one included.
    pub fn reference_count(&self) -> u32 {
        ALLOCATOR.lock().counts[(self.0 / PAGE_SIZE) as usize]
    }

    /// Copies bytes from the frame. Panics if `offset + out.len()` is past its end.
    pub fn read(&self, offset: usize, out: &mut [u8]) {
        assert!(offset + out.len() <= PAGE_SIZE as usize);
        // SAFETY: in bounds; one CPU and no preemption, so nobody writes meanwhile.
        unsafe {
            core::ptr::copy_nonoverlapping(self.as_ptr().add(offset), out.as_mut_ptr(), out.len())
        };
    }

    /// Copies bytes into the frame. Panics if `offset + bytes.len()` is past its end.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= PAGE_SIZE as usize);
        // SAFETY: in bounds; programs may see the write, which is what sharing means.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.as_ptr().add(offset), bytes.len())
        };
    }

    /// Calls `f` with the frame's bytes.
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: the frame is referenced and mapped as long as `self` is borrowed. A program that
        // maps it can't run meanwhile (one CPU, no preemption), so nobody writes.
        f(unsafe { &*self.as_ptr().cast() })
    }

    /// Calls `f` with the frame's bytes, to be changed: programs that map it see that.
    pub fn with_bytes_mut<T>(&self, f: impl FnOnce(&mut [u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: as in `with_bytes`; no other reference is live, as `f` is not called by code that
        // has one.
        f(unsafe { &mut *self.as_ptr().cast() })
    }

    /// Gives the reference to a page table entry.
    pub fn into_raw(self) -> u64 {
        let address = self.0;
        core::mem::forget(self);
        address
    }

    /// Takes a reference back.
    ///
    /// # Safety
    /// `address` came from [`Frame::into_raw`], or is the address of RAM that the loader used
    /// and nobody uses any more, and is taken back once.
    pub unsafe fn from_raw(address: u64) -> Self {
        Self(address)
    }

    /// Another reference to the frame that a page table entry holds.
    ///
    /// # Safety
    /// A reference to the frame at `address` exists.
    pub unsafe fn share_raw(address: u64) -> Self {
        ALLOCATOR.lock().counts[(address / PAGE_SIZE) as usize] += 1;
        Self(address)
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        // SAFETY: `self` is a reference.
        unsafe { Self::share_raw(self.0) }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut allocator = ALLOCATOR.lock();
        let count = &mut allocator.counts[(self.0 / PAGE_SIZE) as usize];
        *count = count.saturating_sub(1);
        if *count == 0 {
            allocator.give(self.0);
        }
    }
}

/// Gives the allocator RAM that it did not know of, such as the unpacked ramdisk's pages.
///
/// # Safety
/// Nobody uses the frame at `address` (page aligned, RAM) any more.
pub unsafe fn donate(address: u64) {
    let mut allocator = ALLOCATOR.lock();
    if ((address / PAGE_SIZE) as usize) < allocator.counts.len() {
        allocator.total += 1;
        allocator.give(address);
    }
}
