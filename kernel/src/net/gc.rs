//! Garbage collection of sockets in flight that no process can receive any more.
//!
//! Reference counts don't free them: a message keeps the socket in whose queue it is, in a cycle.
//! As in Linux's collector up to 6.9 (net/unix/garbage.c), a socket is a candidate if messages hold
//! all references to its file. A candidate in the queue of a socket that is no candidate can be
//! received, and so can everything in its own queues. The other candidates are garbage, and their
//! queues are emptied.
//!
//! The collector runs when a socket is closed or a process exits, which cannot fail: its marks are
//! part of the records of sockets in flight ([`Mark`]), and it allocates no memory.

use alloc::sync::{Arc, Weak};
use core::ops::Bound::{Excluded, Unbounded};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::inflight::{Flight, SOCKETS, key};
use super::socket::Socket;
use crate::vfs::file::File;

/// Up to this number of sockets in flight, the collector runs at every close.
const FEW: usize = 64;
/// Sockets in flight that survived the last collection.
static SURVIVORS: AtomicUsize = AtomicUsize::new(0);

/// The collector's mark on a socket in flight.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Messages hold all references to the socket's file.
    is_candidate: bool,
    /// References from messages in the queues of sockets that are no candidates.
    outside: usize,
    /// The socket can be received. Sockets marked so and not scanned yet form a stack, in which
    /// each names the one below it.
    is_reachable: bool,
    below: Option<usize>,
}

/// Collects after a close, if few sockets are in flight or their number has doubled since the last
/// collection: the work stays proportional to the number of descriptors sent.
pub fn after_release() {
    let count = SOCKETS.lock().len();
    if count > 0 && (count <= FEW || count > 2 * SURVIVORS.load(Relaxed)) {
        collect();
    }
}

/// Collects before descriptors are sent, if the number of sockets in flight has doubled.
pub fn before_send() {
    if SOCKETS.lock().len() > 2 * SURVIVORS.load(Relaxed) + FEW {
        collect();
    }
}

/// Collects after a process has closed its descriptors at its exit. [`after_release`] may have left
/// what only messages hold, and no process is left that the OOM killer could choose for it.
pub fn after_exit() {
    if !SOCKETS.lock().is_empty() {
        collect();
    }
}

/// Calls `f` with each socket in flight in `socket`'s queue and in those of its connections not
/// accepted yet.
fn for_each_in_queues(socket: &Socket, f: &mut dyn FnMut(&Arc<File>)) {
    let mut in_queue = |socket: &Socket| {
        for packet in &socket.state().queue {
            packet.for_each_socket(&mut |file, _| f(file));
        }
    };
    in_queue(socket);
    for number in 0.. {
        let Some(pending) = socket.state().pending.get(number).cloned() else {
            break;
        };
        in_queue(&pending);
    }
}

/// Calls `f` with the key and the record of each socket in flight.
fn for_each_flight(mut f: impl FnMut(usize, &mut Flight)) {
    for (key, flight) in SOCKETS.lock().iter_mut() {
        f(*key, flight);
    }
}

/// The first candidate after the key `after` for which `is_wanted` holds.
fn next_candidate(
    after: Option<usize>,
    is_wanted: impl Fn(&Mark) -> bool,
) -> Option<(usize, Arc<Socket>)> {
    let sockets = SOCKETS.lock();
    let from = after.map_or(Unbounded, Excluded);
    let mut rest = sockets.range((from, Unbounded));
    rest.find(|(_, flight)| flight.mark.is_candidate && is_wanted(&flight.mark))
        .map(|(key, flight)| (*key, flight.socket.clone()))
}

fn collect() {
    static IS_RUNNING: AtomicBool = AtomicBool::new(false);
    // Closing garbage may call `collect` again.
    if IS_RUNNING.swap(true, Relaxed) {
        return;
    }
    mark();
    sweep();
    IS_RUNNING.store(false, Relaxed);
}

/// Marks the sockets in flight that can be received.
fn mark() {
    for_each_flight(|_, flight| {
        flight.mark = Mark {
            is_candidate: Weak::strong_count(&flight.file) == flight.count,
            outside: flight.count,
            ..Mark::default()
        };
    });
    let mut last = None;
    while let Some((key_of, socket)) = next_candidate(last, |_| true) {
        for_each_in_queues(&socket, &mut |file| {
            if let Some(flight) = SOCKETS.lock().get_mut(&key(file)) {
                flight.mark.outside = flight.mark.outside.saturating_sub(1);
            }
        });
        last = Some(key_of);
    }
    let mut top = None;
    let reach = |key: usize, flight: &mut Flight, top: &mut Option<usize>| {
        let mark = &mut flight.mark;
        if mark.is_candidate && !mark.is_reachable {
            mark.is_reachable = true;
            mark.below = top.replace(key);
        }
    };
    for_each_flight(|key, flight| {
        if flight.mark.outside > 0 {
            reach(key, flight, &mut top);
        }
    });
    while let Some(key_of) = top {
        let next = {
            let sockets = SOCKETS.lock();
            let flight = sockets.get(&key_of);
            flight.map(|flight| (flight.mark.below, flight.socket.clone()))
        };
        let Some((below, socket)) = next else {
            break;
        };
        top = below;
        for_each_in_queues(&socket, &mut |file| {
            if let Some(flight) = SOCKETS.lock().get_mut(&key(file)) {
                reach(key(file), flight, &mut top);
            }
        });
    }
}

/// Empties the queues of unreachable sockets. An unreachable socket stays unreachable while other
/// garbage is closed.
fn sweep() {
    let mut survivors = 0;
    for_each_flight(|_, flight| {
        let mark = &flight.mark;
        survivors += usize::from(!mark.is_candidate || mark.is_reachable);
    });
    SURVIVORS.store(survivors, Relaxed);
    let mut last = None;
    while let Some((key_of, socket)) = next_candidate(last, |mark| !mark.is_reachable) {
        for number in 0.. {
            let Some(pending) = socket.state().pending.get(number).cloned() else {
                break;
            };
            let packets = core::mem::take(&mut pending.state().queue);
            drop(packets);
        }
        let packets = core::mem::take(&mut socket.state().queue);
        drop(packets);
        last = Some(key_of);
    }
}
