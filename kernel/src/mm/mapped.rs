//! The file behind a mapping: its name, and the open file, which stays open as long as anything of it is
//! mapped, as on Linux.
//!
//! Closing a file may do anything, and mappings go while their address space is locked. So the file of the
//! last one is only put aside there, and closed on the way out of the kernel (`leftovers.rs`).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use crate::arch::percpu::{self, work};
use crate::fs::file::File;
use crate::sync::{Mutex, rank};

/// What areas of one mapping share.
pub struct Mapped {
    /// The name in /proc/PID/maps.
    pub name: String,
    open: Option<Box<Open>>,
}

/// A file, and its place in the list of those to be closed: that takes no memory.
struct Open {
    file: Arc<File>,
    next: Option<Box<Open>>,
}

static LEFT: Mutex<Option<Box<Open>>, rank::MappedFiles> = Mutex::new(None);

impl Mapped {
    /// Of memory that is no file.
    pub fn memory(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: String::from(name),
            open: None,
        })
    }

    /// Of an open file with this name.
    pub fn file(name: String, file: Arc<File>) -> Arc<Self> {
        let open = Some(Box::new(Open { file, next: None }));
        Arc::new(Self { name, open })
    }

    /// Whether both are of the same open file.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.open, &other.open) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.file, &other.file),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            let mut left = LEFT.lock();
            open.next = left.take();
            *left = Some(open);
            percpu::set_work(work::LEFTOVERS);
        }
    }
}

/// Closes the files whose last mapping is gone. Nothing may be locked.
pub fn close_left() {
    loop {
        let first = {
            let mut left = LEFT.lock();
            let mut first = left.take();
            *left = first.as_mut().and_then(|first| first.next.take());
            first
        };
        let Some(first) = first else { return };
        drop(first);
    }
}
