//! File behind a mapping: its name and the open file, which a mapping keeps open, as on Linux. What
//! an open file is, this floor doesn't know: it compares files and drops them.
//!
//! Closing a file may sleep, and mappings are dropped with their address space locked. So the last
//! mapping queues its file, which is closed before the return to user mode (`leftovers.rs`).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;

use super::mappers::Writable;
use crate::arch::percpu::{self, work};
use crate::sync::{Mutex, rank};

/// Name and open file, shared by the areas of one mapping.
pub struct Mapped {
    /// Name in /proc/PID/maps.
    pub name: String,
    open: Option<Box<Open>>,
    _writable: Option<Writable>,
}

/// An open file with the link of the list of files to close, so that queuing needs no memory.
struct Open {
    file: Arc<dyn Any + Send + Sync>,
    next: Option<Box<Open>>,
}

static LEFT: Mutex<Option<Box<Open>>, rank::MappedFiles> = Mutex::new(None);

impl Mapped {
    /// Mapping of memory without a file.
    pub fn memory(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: String::from(name),
            open: None,
            _writable: None,
        })
    }

    /// Mapping of an open file called `name`; a shared one that may write is counted.
    pub fn file(
        name: String,
        file: Arc<dyn Any + Send + Sync>,
        writable: Option<Writable>,
    ) -> Arc<Self> {
        let open = Some(Box::new(Open { file, next: None }));
        Arc::new(Self {
            name,
            open,
            _writable: writable,
        })
    }

    /// Whether both map the same open file, or both none.
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

/// Closes a file whose last mapping is gone; returns whether there was one. The caller holds no
/// lock.
pub fn close_left() -> bool {
    let first = {
        let mut left = LEFT.lock();
        let mut first = left.take();
        *left = first.as_mut().and_then(|first| first.next.take());
        first
    };
    first.is_some()
}
