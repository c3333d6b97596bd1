//! Frames of a memory file, mapped as a whole in place of the kernel's physical map.

use std::sync::{Mutex, OnceLock};

use crate::PAGE_SIZE;

/// Number of frames.
pub const ALL: u64 = 8192;
/// Address of their mapping: below the heap's own addresses, as in the kernel.
const MAP: u64 = 0x1000_0000_0000;
/// Fill byte of a free frame.
const POISON: u8 = 0xa5;

struct Frames {
    free: Vec<u64>,
    used: Vec<bool>,
    limit: u64,
}

static FRAMES: Mutex<Frames> = Mutex::new(Frames {
    free: Vec::new(),
    used: Vec::new(),
    limit: ALL,
});

/// The memory file's descriptor.
pub fn file() -> i32 {
    static FILE: OnceLock<i32> = OnceLock::new();
    *FILE.get_or_init(|| {
        // SAFETY: the name is a string; nothing else uses the mapping's addresses.
        unsafe {
            let file = libc::memfd_create(c"frames".as_ptr(), 0);
            assert!(file >= 0);
            let size = (ALL * PAGE_SIZE) as usize;
            assert_eq!(libc::ftruncate(file, size as i64), 0);
            let flags = libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let at = libc::mmap(MAP as *mut _, size, access, flags, file, 0);
            assert_eq!(at as u64, MAP);
            file
        }
    })
}

/// Limits the number of allocated frames.
pub fn limit(count: u64) {
    FRAMES.lock().expect("no panic before").limit = count;
}

/// Number of allocated frames.
pub fn used() -> u64 {
    let frames = FRAMES.lock().expect("no panic before");
    frames.used.iter().filter(|used| **used).count() as u64
}

/// The test's address of a frame.
pub fn phys_to_virt(address: u64) -> *mut u8 {
    (MAP + address) as *mut u8
}

/// No frame is free.
#[derive(Debug)]
pub struct NoMemory;

/// A frame.
pub struct Frame(u64);

impl Frame {
    pub fn for_block() -> Result<Self, NoMemory> {
        Self::for_kernel()
    }

    pub fn for_kernel() -> Result<Self, NoMemory> {
        file();
        let mut frames = FRAMES.lock().expect("no panic before");
        if frames.used.is_empty() {
            frames.used = vec![false; ALL as usize];
            frames.free = (0..ALL).collect();
        }
        let taken = ALL - frames.free.len() as u64;
        if taken >= frames.limit {
            return Err(NoMemory);
        }
        let number = frames.free.pop().ok_or(NoMemory)?;
        frames.used[number as usize] = true;
        Ok(Self(number * PAGE_SIZE))
    }

    pub fn into_raw(self) -> u64 {
        let address = self.0;
        core::mem::forget(self);
        address
    }

    /// # Safety
    /// As the kernel's.
    pub unsafe fn from_raw(address: u64) -> Self {
        Self(address)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut frames = FRAMES.lock().expect("no panic before");
        let number = self.0 / PAGE_SIZE;
        let was = core::mem::replace(&mut frames.used[number as usize], false);
        assert!(was, "frame {number} was freed twice");
        // SAFETY: the frame is free, and mapped.
        unsafe { phys_to_virt(self.0).write_bytes(POISON, PAGE_SIZE as usize) };
        frames.free.push(number);
    }
}
