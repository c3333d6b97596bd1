//! Descriptors in flight (SCM_RIGHTS): the number per user, the sockets among them, and the closing
//! of those never received.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::RLIMIT_NOFILE;

use super::gc;
use super::socket::Socket;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::mm::reserve;
use crate::process::caller;
use crate::process::current;
use crate::sched::preempt::{self, Stride};
use crate::vfs::fdtable::FdTable;
use crate::vfs::file::File;

/// A socket's file in flight.
pub struct Flight {
    /// The open file.
    pub file: Weak<File>,
    /// The socket.
    pub socket: Arc<Socket>,
    /// References held by messages.
    pub count: usize,
    /// The collector's mark.
    pub mark: gc::Mark,
}

/// Sockets in flight, by the address of their file.
pub static SOCKETS: Mutex<BTreeMap<usize, Flight>, rank::InFlightSockets> =
    Mutex::new(BTreeMap::new());
/// Number of descriptors in flight, by the sender's user ID.
static USERS: Mutex<BTreeMap<u32, usize>, rank::FlyingOfUser> = Mutex::new(BTreeMap::new());

/// Number of changes of what messages hold and of who may receive it ([`gc`]).
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// The number of changes so far.
pub fn changes() -> u64 {
    CHANGES.load(Relaxed)
}

/// Counts a change: descriptors are sent, received, peeked at or closed.
pub fn count_change() {
    CHANGES.fetch_add(1, Relaxed);
}

/// The key of a file in [`SOCKETS`].
pub fn key(file: &Arc<File>) -> usize {
    Arc::as_ptr(file).addr()
}

/// Checks that the caller may send more descriptors; returns the user ID to charge.
///
/// # Errors
/// `ETOOMANYREFS` if more than RLIMIT_NOFILE are in flight and the caller has neither
/// CAP_SYS_RESOURCE nor CAP_SYS_ADMIN.
pub fn check_limit() -> Result<u32, Errno> {
    let who = caller::credentials();
    let limit = current().process.soft_limit(RLIMIT_NOFILE);
    let count = USERS.lock().get(&who.uid).copied().unwrap_or(0);
    if count as u64 > limit && !who.has(Caps::SYS_RESOURCE) && !who.has(Caps::SYS_ADMIN) {
        return Err(Errno::ETOOMANYREFS);
    }
    Ok(who.uid)
}

/// The descriptors of one message.
pub struct Parcel {
    /// The files.
    pub files: Vec<Arc<File>>,
    /// User ID charged for them.
    uid: u32,
    /// The next parcel to close.
    next: Option<Box<Parcel>>,
}

impl Parcel {
    /// Charges `files`, which a message now holds, to `uid`.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is charged.
    pub fn new(files: Vec<Arc<File>>, uid: u32) -> Result<Box<Self>, Errno> {
        for (done, file) in files.iter().enumerate() {
            if let Err(errno) = reserve::top_up() {
                remove(&files[..done], uid);
                return Err(errno);
            }
            add(file, uid);
        }
        let next = None;
        Ok(Box::new(Self { files, uid, next }))
    }

    /// Ends the charge and returns the files.
    pub fn open(self) -> Vec<Arc<File>> {
        remove(&self.files, self.uid);
        self.files
    }
}

fn add(file: &Arc<File>, uid: u32) {
    count_change();
    *USERS.lock().entry(uid).or_default() += 1;
    if let Some(socket) = super::socket_of(file) {
        let mut sockets = SOCKETS.lock();
        let flight = sockets.entry(key(file)).or_insert_with(|| Flight {
            file: Arc::downgrade(file),
            socket: socket.clone(),
            count: 0,
            mark: gc::Mark::default(),
        });
        flight.count += 1;
    }
}

/// Ends the charge of `files` to `uid`.
fn remove(files: &[Arc<File>], uid: u32) {
    if files.is_empty() {
        return;
    }
    count_change();
    let mut users = USERS.lock();
    if let Some(count) = users.get_mut(&uid) {
        *count -= files.len();
        if *count == 0 {
            users.remove(&uid);
        }
    }
    drop(users);
    for file in files.iter().filter(|file| super::socket_of(file).is_some()) {
        let mut sockets = SOCKETS.lock();
        if let Some(flight) = sockets.get_mut(&key(file)) {
            flight.count -= 1;
            if flight.count == 0 {
                let gone = sockets.remove(&key(file));
                drop(sockets);
                drop(gone);
            }
        }
    }
}

/// Closes the descriptors of a message that was never received. Such a message may be in the queue
/// of a socket that is itself closed here, to any depth: parcels are closed one after the other,
/// not recursively, with preemption points. The parcels themselves form the list of those left, so
/// closing allocates no memory; those that others leave meanwhile are closed here too.
pub fn close_later(mut parcel: Box<Parcel>) {
    static LEFT: Mutex<Option<Box<Parcel>>, rank::FlyingLeft> = Mutex::new(None);
    static IS_CLOSING: AtomicBool = AtomicBool::new(false);
    remove(&parcel.files, parcel.uid);
    {
        let mut left = LEFT.lock();
        parcel.next = left.take();
        *left = Some(parcel);
    }
    if IS_CLOSING.swap(true, Relaxed) {
        return;
    }
    let mut stride = Stride::default();
    loop {
        let first = {
            let mut left = LEFT.lock();
            let mut first = left.take();
            *left = first.as_mut().and_then(|first| first.next.take());
            first
        };
        let Some(first) = first else {
            break;
        };
        let weight = first.files.len() * FdTable::CLOSING;
        drop(first);
        if stride.passes(weight) {
            preempt::point();
        }
    }
    IS_CLOSING.store(false, Relaxed);
    gc::after_release();
}
