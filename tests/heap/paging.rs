//! Mappings of the heap's own addresses, by mmap of the memory file.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::PAGE_SIZE;
use crate::frame::{self, Frame, NoMemory};

/// The protection that the kernel's heap asks for, always the same.
pub struct PageFlags;

impl PageFlags {
    pub const WRITABLE: u32 = 0;
    pub const NO_EXECUTE: u32 = 0;
}

/// Frames by address.
static MAPPED: Mutex<Option<HashMap<u64, u64>>> = Mutex::new(None);

pub fn map_kernel(address: u64, frame: Frame, _: u32) -> Result<(), NoMemory> {
    let physical = frame.into_raw();
    let mut mapped = MAPPED.lock().expect("no panic before");
    let before = mapped.get_or_insert_default().insert(address, physical);
    assert_eq!(before, None, "{address:#x} is mapped already");
    let flags = libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: only the heap uses these addresses.
    let at = unsafe {
        libc::mmap(
            address as *mut _,
            PAGE_SIZE as usize,
            access,
            flags,
            frame::file(),
            physical as i64,
        )
    };
    assert_eq!(at as u64, address);
    Ok(())
}

pub fn unmap_kernel(address: u64) -> Option<u64> {
    let physical = MAPPED
        .lock()
        .expect("no panic before")
        .as_mut()?
        .remove(&address)?;
    // SAFETY: `map_kernel` mapped it.
    let result = unsafe { libc::munmap(address as *mut _, PAGE_SIZE as usize) };
    assert_eq!(result, 0);
    Some(physical)
}
