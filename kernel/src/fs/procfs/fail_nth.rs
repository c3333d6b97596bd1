//! Fault injection in test builds: /proc/PID/fail-nth and make-it-fail, which make allocations of a
//! thread's system calls fail (`mm/injection.rs`). Reading and writing these files passes no fail
//! point.

use alloc::sync::Arc;
use core::fmt::Write;
use core::sync::atomic::Ordering;

use super::process::{ProcessFile, file};
use super::subject::{Subject, Who};
use crate::abi::errno::Errno;
use crate::arch::percpu::work;
use crate::mm::fallible::Text;
use crate::process::Task;
use crate::vfs::inode::FileOps;
use crate::vfs::io::{self, In, Out};

pub(super) const FAIL_NTH: ProcessFile = file("fail-nth", 0o644, no_text);
pub(super) const MAKE_IT_FAIL: ProcessFile = file("make-it-fail", 0o644, no_text);

/// Unused: [`open`] returns a [`Fault`].
fn no_text(_: &Subject, _: &mut Text) {}

/// An open fail-nth or make-it-fail.
struct Fault {
    who: Who,
    is_call: bool,
}

/// The open file, if `file` is fail-nth or make-it-fail.
pub(super) fn open(who: Who, file: &ProcessFile) -> Option<Arc<dyn FileOps>> {
    let is_call = file.name == MAKE_IT_FAIL.name;
    let is_one = is_call || file.name == FAIL_NTH.name;
    is_one.then(|| Arc::new(Fault { who, is_call }) as Arc<dyn FileOps>)
}

impl Fault {
    fn task(&self) -> Result<Arc<Task>, Errno> {
        self.who.find()?.task.ok_or(Errno::ESRCH)
    }
}

impl FileOps for Fault {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let task = self.task()?;
        let left = if self.is_call {
            u32::from(task.is_to_fail.load(Ordering::Relaxed))
        } else {
            task.fail_nth.load(Ordering::Relaxed)
        };
        let mut text = Line::default();
        // The line has room for every number.
        let _ = writeln!(text, "{left}");
        io::put_from(&text.bytes[..text.len], offset, out)
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; 12];
        let bytes = bytes.get_mut(..from.left()).ok_or(Errno::EINVAL)?;
        from.take(bytes)?;
        let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
        let number: u32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
        let task = self.task()?;
        if self.is_call {
            task.is_to_fail.store(number != 0, Ordering::Relaxed);
            // The thread handles the failed allocation there.
            task.set_work(work::LOW_MEMORY);
        } else {
            task.fail_nth.store(number, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A line on the stack.
#[derive(Default)]
struct Line {
    bytes: [u8; 12],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.len + text.len();
        let place = self.bytes.get_mut(self.len..end).ok_or(core::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
