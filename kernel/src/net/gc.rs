//! Garbage collection of sockets in flight that no process can receive any more.
//!
//! Reference counts don't free them: a message keeps the socket in whose queue it is, in a cycle.
//! As in Linux's collector up to 6.9 (net/unix/garbage.c), a socket is a candidate if messages hold
//! all references to its file. A candidate in the queue of a socket that is no candidate can be
//! received, and so can everything in its own queues. The other candidates are garbage, and their
//! queues are emptied. Marking begins anew when others send or receive descriptors at one of its
//! preemption points.
//!
//! The collector runs when a socket is closed or a process exits, which cannot fail: its marks are
//! part of the records of sockets in flight ([`Mark`]), and it allocates no memory.

use alloc::sync::{Arc, Weak};
use core::ops::Bound::{Excluded, Unbounded};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::inflight::{self, Flight, SOCKETS, key};
use super::socket::Socket;
use crate::sched::preempt::{self, STRIDE, Stride};
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

/// Sockets in flight that are gone through between two preemption points.
const PART: usize = 1024;
/// Weight of a search through a socket's queues between two points, in bytes copied.
const SEARCH: usize = 512;

/// Whether no descriptor has been sent, received or closed since the marking began. A change may
/// move a socket from a queue not looked at yet to one that was.
struct Undisturbed(u64);

impl Undisturbed {
    fn begin() -> Self {
        Self(inflight::changes())
    }

    /// A preemption point. `None`: others changed what is in flight.
    fn point(&self) -> Option<()> {
        preempt::point();
        (inflight::changes() == self.0).then_some(())
    }
}

/// Calls `f` with the key and the record of each socket in flight, and `point` between two parts.
fn for_each_flight(
    mut f: impl FnMut(usize, &mut Flight),
    point: impl Fn() -> Option<()>,
) -> Option<()> {
    let mut after = Unbounded;
    loop {
        let mut passed = 0;
        for (key, flight) in SOCKETS.lock().range_mut((after, Unbounded)).take(PART) {
            f(*key, flight);
            after = Excluded(*key);
            passed += 1;
        }
        if passed < PART {
            return Some(());
        }
        point()?;
    }
}

/// The first candidate after the key `after` for which `is_wanted` holds; without its socket, the
/// key at which the next part of the search begins.
fn next_candidate(
    after: Option<usize>,
    is_wanted: impl Fn(&Mark) -> bool,
) -> Option<(usize, Option<Arc<Socket>>)> {
    let sockets = SOCKETS.lock();
    let from = after.map_or(Unbounded, Excluded);
    let mut passed = None;
    for (key, flight) in sockets.range((from, Unbounded)).take(PART) {
        if flight.mark.is_candidate && is_wanted(&flight.mark) {
            return Some((*key, Some(flight.socket.clone())));
        }
        passed = Some((*key, None));
    }
    passed
}

/// Weight of a step of a search by [`next_candidate`].
fn weight(found: Option<&Arc<Socket>>) -> usize {
    if found.is_some() { SEARCH } else { STRIDE }
}

fn collect() {
    /// Attempts, if others send and receive descriptors all the time. The garbage is then left to
    /// the next collection.
    const ATTEMPTS: usize = 8;
    static IS_RUNNING: AtomicBool = AtomicBool::new(false);
    static IS_WANTED: AtomicBool = AtomicBool::new(false);
    IS_WANTED.store(true, Relaxed);
    // Closing garbage may call `collect` again, as may others at a preemption point.
    if IS_RUNNING.swap(true, Relaxed) {
        return;
    }
    while IS_WANTED.swap(false, Relaxed) {
        if (0..ATTEMPTS).any(|_| mark().is_some()) {
            sweep();
        }
    }
    IS_RUNNING.store(false, Relaxed);
}

/// Marks the sockets in flight that can be received. `None`: others changed what is in flight.
fn mark() -> Option<()> {
    let undisturbed = Undisturbed::begin();
    let point = || undisturbed.point();
    for_each_flight(
        |_, flight| {
            flight.mark = Mark {
                is_candidate: Weak::strong_count(&flight.file) == flight.count,
                outside: flight.count,
                ..Mark::default()
            };
        },
        point,
    )?;
    let mut stride = Stride::default();
    let mut last = None;
    while let Some((key_of, socket)) = next_candidate(last, |_| true) {
        last = Some(key_of);
        if let Some(socket) = &socket {
            for_each_in_queues(socket, &mut |file| {
                if let Some(flight) = SOCKETS.lock().get_mut(&key(file)) {
                    flight.mark.outside = flight.mark.outside.saturating_sub(1);
                }
            });
        }
        if stride.passes(weight(socket.as_ref())) {
            point()?;
        }
    }
    let mut top = None;
    let reach = |key: usize, flight: &mut Flight, top: &mut Option<usize>| {
        let mark = &mut flight.mark;
        if mark.is_candidate && !mark.is_reachable {
            mark.is_reachable = true;
            mark.below = top.replace(key);
        }
    };
    for_each_flight(
        |key, flight| {
            if flight.mark.outside > 0 {
                reach(key, flight, &mut top);
            }
        },
        point,
    )?;
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
        if stride.passes(SEARCH) {
            point()?;
        }
    }
    Some(())
}

/// Empties the queues of unreachable sockets. An unreachable socket stays unreachable while other
/// garbage is closed, and whatever others do meanwhile.
fn sweep() {
    let point = || {
        preempt::point();
        Some(())
    };
    let mut survivors = 0;
    for_each_flight(
        |_, flight| {
            let mark = &flight.mark;
            survivors += usize::from(!mark.is_candidate || mark.is_reachable);
        },
        point,
    );
    SURVIVORS.store(survivors, Relaxed);
    let mut stride = Stride::default();
    let mut last = None;
    while let Some((key_of, socket)) = next_candidate(last, |mark| !mark.is_reachable) {
        last = Some(key_of);
        if let Some(socket) = &socket {
            empty(socket);
        }
        if stride.passes(weight(socket.as_ref())) {
            preempt::point();
        }
    }
}

/// Empties the queues of a socket and of its connections not accepted yet.
fn empty(socket: &Socket) {
    for number in 0.. {
        let Some(pending) = socket.state().pending.get(number).cloned() else {
            break;
        };
        let packets = core::mem::take(&mut pending.state().queue);
        drop(packets);
    }
    let packets = core::mem::take(&mut socket.state().queue);
    drop(packets);
}
