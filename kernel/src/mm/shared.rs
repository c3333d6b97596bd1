//! Memory that processes share without a file: MAP_SHARED | MAP_ANONYMOUS.

use alloc::collections::BTreeMap;
use core::ops::Range;

use spin::Mutex;

use super::PAGE_SIZE;
use super::frame::Frame;
use super::vma::PageSource;
use crate::process::table;
use crate::syscall::errno::Errno;

/// Pages made when first touched by whichever process.
#[derive(Default)]
pub struct SharedMemory(Mutex<BTreeMap<u64, Frame>>);

impl SharedMemory {
    /// Memory that was never touched.
    pub fn new() -> Self {
        Self::default()
    }
}

impl PageSource for SharedMemory {
    fn page(&self, index: u64) -> Result<Frame, Errno> {
        let mut pages = self.0.lock();
        if let Some(frame) = pages.get(&index) {
            return Ok(frame.clone());
        }
        let frame = Frame::zeroed()?;
        pages.insert(index, frame.clone());
        Ok(frame)
    }

    fn remove(&self, range: Range<u64>) -> Result<(), Errno> {
        let pages = range.start / PAGE_SIZE..range.end / PAGE_SIZE;
        self.0.lock().retain(|index, _| !pages.contains(index));
        let source = core::ptr::from_ref(self).cast();
        table::for_each_mm(|mm| mm.drop_source_pages(source, &pages));
        Ok(())
    }

    fn in_memory(&self, first: u64, count: u64, f: &mut dyn FnMut(u64, &Frame)) {
        for (&index, frame) in self.0.lock().range(first..first + count) {
            f(index, frame);
        }
    }
}
