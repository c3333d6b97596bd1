//! Sockets that nobody can reach any more: each is on its way to another that is, too, on its way.
//!
//! Reference counts don't find those: the message in a queue keeps the socket whose queue it is in. As
//! in Linux's first collector, a socket is a candidate if messages hold all the references to its file;
//! those that are in other queues than candidates' can be received, and all that is in theirs. What is
//! left is garbage, and its queues are emptied.
//!
//! It runs when something is closed, which cannot fail: all that it notes stands in the flights
//! themselves ([`Mark`]), and it takes no memory however many there are.

use alloc::sync::{Arc, Weak};
use core::ops::Bound::{Excluded, Unbounded};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::inflight::{Flight, SOCKETS, key};
use super::socket::Socket;
use crate::fs::file::File;

/// Few enough sockets on their way to look at them whenever one is closed.
const FEW: usize = 64;
/// How many were on their way, and not garbage, the last time.
static SURVIVORS: AtomicUsize = AtomicUsize::new(0);

/// What the collector notes of a socket on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Messages hold all references to its file.
    is_candidate: bool,
    /// References from messages in queues that are no candidates'.
    outside: usize,
    /// It can be received. One that is found so is looked into next; these form a stack, in which
    /// each names the one below it.
    is_reachable: bool,
    below: Option<usize>,
}

/// Looks for garbage after something was closed, if that is cheap or has been due for long: the work
/// stays in proportion to the number of descriptors sent.
pub fn after_release() {
    let count = SOCKETS.lock().len();
    if count > 0 && (count <= FEW || count > 2 * SURVIVORS.load(Relaxed)) {
        collect();
    }
}

/// Looks for garbage before more sockets are sent, if there may be much.
pub fn before_send() {
    if SOCKETS.lock().len() > 2 * SURVIVORS.load(Relaxed) + FEW {
        collect();
    }
}

/// Calls `f` with each socket that lies in `socket`'s queues, those of connections that nobody
/// accepted included.
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

/// Calls `f` with the mark of each socket on its way, and with the socket.
fn for_each_flight(mut f: impl FnMut(usize, &mut Flight)) {
    for (key, flight) in SOCKETS.lock().iter_mut() {
        f(*key, flight);
    }
}

/// The first candidate behind `after` for which `is_wanted` holds.
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
    // Closing what is found may come back here.
    if IS_RUNNING.swap(true, Relaxed) {
        return;
    }
    mark();
    sweep();
    IS_RUNNING.store(false, Relaxed);
}

/// Finds out which sockets can be reached.
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

/// Takes the messages out of the queues that nobody can reach. What is unreachable stays so while
/// others of its kind are closed.
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
