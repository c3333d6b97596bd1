//! Sockets that nobody can reach any more: each is on its way to another that is, too, on its way.
//!
//! Reference counts don't find those: the message in a queue keeps the socket whose queue it is in. As
//! in Linux's first collector, a socket is a candidate if messages hold all the references to its file;
//! those that are in other queues than candidates' can be received, and all that is in theirs. What is
//! left is garbage, and its queues are emptied.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::inflight::{SOCKETS, key};
use super::packet::Packet;
use super::socket::Socket;
use crate::fs::file::File;

/// Few enough sockets on their way to look at them whenever one is closed.
const FEW: usize = 64;
/// How many were on their way, and not garbage, the last time.
static SURVIVORS: AtomicUsize = AtomicUsize::new(0);

struct Candidate {
    socket: Arc<Socket>,
    /// References from messages in queues that are no candidates'.
    outside: usize,
    is_reachable: bool,
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
    let (packets, pending) = {
        let state = socket.state();
        (state.queue.clone(), state.pending.clone())
    };
    for packet in &packets {
        packet.for_each_socket(&mut |file, _| f(file));
    }
    for socket in &pending {
        let packets = socket.state().queue.clone();
        for packet in &packets {
            packet.for_each_socket(&mut |file, _| f(file));
        }
    }
}

fn collect() {
    static IS_RUNNING: AtomicBool = AtomicBool::new(false);
    // Closing what is found may come back here.
    if IS_RUNNING.swap(true, Relaxed) {
        return;
    }
    let garbage = find();
    drop(garbage);
    IS_RUNNING.store(false, Relaxed);
}

/// Takes the messages out of the queues that nobody can reach.
fn find() -> Vec<Arc<Packet>> {
    let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
    for (key, flight) in SOCKETS.lock().iter() {
        if Weak::strong_count(&flight.file) == flight.count {
            candidates.insert(
                *key,
                Candidate {
                    socket: flight.socket.clone(),
                    outside: flight.count,
                    is_reachable: false,
                },
            );
        }
    }
    let sockets: Vec<Arc<Socket>> = candidates
        .values()
        .map(|candidate| candidate.socket.clone())
        .collect();
    for socket in &sockets {
        for_each_in_queues(socket, &mut |file| {
            if let Some(candidate) = candidates.get_mut(&key(file)) {
                candidate.outside = candidate.outside.saturating_sub(1);
            }
        });
    }
    let mut to_visit: Vec<Arc<Socket>> = Vec::new();
    for candidate in candidates.values_mut().filter(|it| it.outside > 0) {
        candidate.is_reachable = true;
        to_visit.push(candidate.socket.clone());
    }
    while let Some(socket) = to_visit.pop() {
        for_each_in_queues(&socket, &mut |file| {
            if let Some(candidate) = candidates.get_mut(&key(file))
                && !candidate.is_reachable
            {
                candidate.is_reachable = true;
                to_visit.push(candidate.socket.clone());
            }
        });
    }
    let mut garbage: Vec<Arc<Packet>> = Vec::new();
    for candidate in candidates.values().filter(|it| !it.is_reachable) {
        let pending = candidate.socket.state().pending.clone();
        for socket in pending.iter().chain([&candidate.socket]) {
            garbage.extend(core::mem::take(&mut socket.state().queue));
        }
    }
    let unreachable = candidates.values().filter(|it| !it.is_reachable).count();
    SURVIVORS.store(SOCKETS.lock().len() - unreachable, Relaxed);
    garbage
}
