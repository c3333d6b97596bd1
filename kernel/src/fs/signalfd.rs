//! signalfd(2): reading pending signals from a descriptor.
//!
//! A read takes signals of the reading task, whichever process created the descriptor. A signal
//! must be blocked to stay pending.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::abi::signal::{Fields, SigInfo, UNBLOCKABLE};
use crate::mm::fallible::Text;
use crate::process::signal;
use crate::process::{Process, current};
use crate::sched::wait::{WaitQueue, is_interrupted};
use crate::vfs::anon;
use crate::vfs::file::{File, flags};
use crate::vfs::inode::FileOps;
use crate::vfs::io::Out;

/// Size of struct signalfd_siginfo.
const RECORD: usize = 128;

/// File operations of a signalfd, with the signals it accepts.
pub struct SignalFd {
    mask: AtomicU64,
    /// Processes whose queues were joined: an epoll item may be removed by another process than the
    /// one that added it.
    waited_in: Mutex<BTreeMap<u32, Weak<Process>>, rank::SignalFd>,
}

/// Creates a signalfd for the signals in `mask`, with `flags` of signalfd4(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(mask: u64, flags: u32) -> Result<Arc<File>, Errno> {
    let ops = Arc::new(SignalFd {
        mask: AtomicU64::new(mask & !UNBLOCKABLE),
        waited_in: Mutex::default(),
    });
    let status = flags & flags::O_NONBLOCK;
    anon::file("signalfd", ops, flags::O_RDWR | status)
}

impl SignalFd {
    /// Replaces the set of accepted signals.
    pub fn set_mask(&self, mask: u64) {
        self.mask.store(mask & !UNBLOCKABLE, Ordering::Relaxed);
        current().process.signal_arrived.wake_all();
    }

    fn mask(&self) -> u64 {
        self.mask.load(Ordering::Relaxed)
    }
}

/// A signal as struct signalfd_siginfo (include/uapi/linux/signalfd.h).
fn record(info: &SigInfo) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &u32::from(info.signo).to_ne_bytes());
    put(4, &info.errno.to_ne_bytes());
    put(8, &info.code.to_ne_bytes());
    let value = |put: &mut dyn FnMut(usize, &[u8]), value: u64| {
        // ssi_int and ssi_ptr.
        put(44, &(value as u32).to_ne_bytes());
        put(48, &value.to_ne_bytes());
    };
    match info.fields {
        Fields::Kill { pid, uid } => {
            put(12, &pid.to_ne_bytes());
            put(16, &uid.to_ne_bytes());
        }
        Fields::Queue {
            pid,
            uid,
            value: sent,
        } => {
            put(12, &pid.to_ne_bytes());
            put(16, &uid.to_ne_bytes());
            value(&mut put, sent);
        }
        Fields::Timer {
            id,
            overrun,
            value: sent,
        } => {
            put(24, &id.to_ne_bytes());
            put(32, &overrun.to_ne_bytes());
            value(&mut put, sent);
        }
        Fields::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => {
            put(12, &pid.to_ne_bytes());
            put(16, &uid.to_ne_bytes());
            put(40, &status.to_ne_bytes());
            put(56, &utime.to_ne_bytes());
            put(64, &stime.to_ne_bytes());
        }
        Fields::Fault { addr, .. } => put(72, &addr.to_ne_bytes()),
        Fields::Poll { band, fd } => {
            put(20, &fd.to_ne_bytes());
            put(28, &(band as u32).to_ne_bytes());
        }
    }
    record
}

impl FileOps for SignalFd {
    fn is_stream(&self) -> bool {
        true
    }

    fn ignores_seeks(&self) -> bool {
        true
    }

    fn takes_vectors(&self, _writing: bool) -> bool {
        false
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() < RECORD {
            return Err(Errno::EINVAL);
        }
        let process = current().process.clone();
        let first = process.signal_arrived.wait_for(|| {
            if let Some(info) = signal::take_pending(self.mask()) {
                Some(Ok(info))
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::ERESTARTSYS))
            }
        })?;
        out.put(&record(&first))?;
        while out.left() >= RECORD
            && let Some(info) = signal::take_pending(self.mask())
        {
            out.put(&record(&info))?;
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::READ, signal::pending() & self.mask() != 0);
        ready
    }

    fn describe(&self, text: &mut Text) {
        // A `Text` remembers a lack of memory itself.
        let _ = writeln!(text, "sigmask:\t{:016x}", self.mask());
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        let process = current().process.clone();
        {
            let mut waited_in = self.waited_in.lock();
            waited_in.retain(|_, other| other.strong_count() > 0);
            waited_in.insert(process.pid, Arc::downgrade(&process));
        }
        let mut from = 0;
        loop {
            let next = {
                let waited_in = self.waited_in.lock();
                let mut rest = waited_in.range(from..);
                rest.find_map(|(pid, process)| Some((*pid, process.upgrade()?)))
            };
            let Some((pid, process)) = next else {
                return true;
            };
            each(&process.signal_arrived);
            from = pid + 1;
        }
    }
}
