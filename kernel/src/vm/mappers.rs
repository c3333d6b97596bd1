//! Address spaces that map a page source: the list that each file and each object of shared memory
//! has (i_mmap in Linux's struct address_space).
//!
//! The areas of an address space refer to a source through one [`Attachment`], which is in the
//! source's list as long as there are such areas. However areas are inserted, split, merged, moved,
//! inherited or dropped, the list is right, and none of that has to maintain it.
//!
//! A walk goes by the numbers of the address spaces, and in parts, between which others run. A
//! child of fork(2) has a higher number than its parent. So the walk finds children that copied
//! mapped pages before it came to the parent, also those that are still being made.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::ops::{Deref, Range};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use spin::Once;

use super::address_space::AddressSpace;
use super::source_pages::Search;
use super::vma::PageSource;
use crate::sync::{Mutex, rank};

/// An address space with its lock, which is some floors above (`process/mm.rs`).
pub trait Locked: Send + Sync {
    /// Calls `f` with the address space, its lock taken.
    fn with(&self, f: &mut dyn FnMut(&mut AddressSpace));
}

/// Never exists: an address space without a lock has a reference to none.
enum NeverLocked {}

impl Locked for NeverLocked {
    fn with(&self, _f: &mut dyn FnMut(&mut AddressSpace)) {
        match *self {}
    }
}

/// Number of the address space that is made next.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Number of an address space, and the way to its lock.
#[derive(Clone)]
pub struct Identity {
    pub(super) number: u64,
    pub(super) lock: Weak<dyn Locked>,
}

impl Identity {
    /// The identity of a new address space, without a lock.
    pub fn new() -> Self {
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            lock: Weak::<NeverLocked>::new(),
        }
    }
}

/// A page source as the areas of one address space refer to it.
pub struct Attachment {
    source: Arc<dyn PageSource>,
    space: Identity,
}

impl Attachment {
    /// The source.
    pub fn source(&self) -> &Arc<dyn PageSource> {
        &self.source
    }
}

impl Deref for Attachment {
    type Target = dyn PageSource;

    fn deref(&self) -> &Self::Target {
        &*self.source
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut attachments = self.source.mappers().attachments.lock();
        attachments.remove(&self.space.number);
    }
}

impl AddressSpace {
    /// The attachment of `source` to this address space, new with the first area. May allocate: the
    /// caller has called [`reserve::top_up`](crate::mm::reserve::top_up).
    pub(super) fn attach(&self, source: &Arc<dyn PageSource>) -> Arc<Attachment> {
        let mut attachments = source.mappers().attachments.lock();
        let known = attachments.get(&self.identity.number);
        if let Some(attachment) = known.and_then(Weak::upgrade) {
            return attachment;
        }
        let attachment = Arc::new(Attachment {
            source: source.clone(),
            space: self.identity.clone(),
        });
        attachments.insert(self.identity.number, Arc::downgrade(&attachment));
        attachment
    }

    /// Sets the way to the lock that this address space is behind. It has no areas yet.
    pub fn set_lock(&mut self, lock: Weak<dyn Locked>) {
        debug_assert!(self.areas.is_empty(), "a walk would miss these areas");
        self.identity.lock = lock;
    }
}

/// The list of a page source.
#[derive(Default)]
pub struct Mappers {
    /// By the number of the address space.
    attachments: Mutex<BTreeMap<u64, Weak<Attachment>>, rank::Mappers>,
    /// Number of [`Writable`]s.
    writable: AtomicUsize,
}

impl Mappers {
    /// Whether there is a shared mapping that is writable or may become so.
    pub fn may_write(&self) -> bool {
        self.writable.load(Ordering::Relaxed) > 0
    }

    /// Calls `f` with each address space, and again as long as it returns that more remains there.
    /// Lets others run; the caller holds no lock. Pages that are mapped now are found, wherever
    /// fork(2) copies them meanwhile.
    fn for_each(&self, f: &mut dyn FnMut(&mut AddressSpace) -> bool) {
        /// Rounds in parts, each through the address spaces made during the one before; what is
        /// made during the last one is walked through in a single step.
        const ROUNDS: usize = 3;
        let mut from = 0;
        for _ in 0..ROUNDS {
            let to = NEXT.load(Ordering::Relaxed);
            self.walk(from..to, true, f);
            from = to;
        }
        self.walk(from..u64::MAX, false, f);
    }

    fn walk(
        &self,
        mut numbers: Range<u64>,
        in_parts: bool,
        f: &mut dyn FnMut(&mut AddressSpace) -> bool,
    ) {
        while let Some((number, space)) = self.first(numbers.clone()) {
            let mut is_more = false;
            space.with(&mut |space| is_more = f(space));
            // Never the last reference, as no other task has run, and none is kept over a point.
            drop(space);
            numbers.start = number + u64::from(!is_more);
            if is_more && in_parts {
                point();
            }
        }
    }

    /// The first address space with one of these numbers.
    fn first(&self, numbers: Range<u64>) -> Option<(u64, Arc<dyn Locked>)> {
        let attachments = self.attachments.lock();
        attachments.range(numbers).find_map(|(number, attachment)| {
            // One that is being dropped has no lock any more.
            let space = attachment.upgrade()?.space.lock.upgrade()?;
            Some((*number, space))
        })
    }

    /// Calls `f` with the number of each address space.
    #[cfg(test)]
    pub fn each_number(&self, f: impl FnMut(u64)) {
        self.attachments.lock().keys().copied().for_each(f);
    }
}

/// A shared mapping of a source that is writable or may become so, in whichever address spaces it
/// is: while there is one, the source can't be sealed (i_mmap_writable).
pub struct Writable(Arc<dyn PageSource>);

impl Writable {
    /// Counts a mapping.
    pub fn new(source: Arc<dyn PageSource>) -> Self {
        let count = &source.mappers().writable;
        count.fetch_add(1, Ordering::Relaxed);
        Self(source)
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        let count = &self.0.mappers().writable;
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The preemption point of a walk, which is a floor above.
static POINT: Once<fn()> = Once::new();

/// Sets the preemption point, once at boot.
pub fn init(point: fn()) {
    POINT.call_once(|| point);
}

fn point() {
    if let Some(point) = POINT.get() {
        point();
    }
}

/// Unmaps `pages` of `source` everywhere, and private copies of them, after a truncation. Lets
/// others run.
pub fn drop_cut_pages(source: &dyn PageSource, pages: Range<u64>) {
    let mut search = Search::new(source, pages);
    let mappers = source.mappers();
    mappers.for_each(&mut |space| space.drop_source_pages(&mut search));
}

/// Unmaps `part` of the pages of `source` everywhere, before a hole is punched there: with the
/// part's end the caller punches it without letting others run. Private copies stay. `is_used`
/// tells whether pages of the part may be mapped: if so, `rest`, which begins with it, is unmapped
/// while others run, and may use pages again; if they have done so in the part, it is unmapped in
/// one step.
pub fn drop_shared_pages(
    source: &dyn PageSource,
    rest: Range<u64>,
    part: Range<u64>,
    is_used: impl Fn() -> bool,
) {
    if !is_used() {
        return;
    }
    let mappers = source.mappers();
    let mut search = Search::new(source, rest);
    mappers.for_each(&mut |space| space.drop_shared_source_pages(&mut search));
    if is_used() {
        let mut search = Search::new(source, part);
        let mut f = |space: &mut AddressSpace| space.drop_shared_source_pages(&mut search);
        mappers.walk(0..u64::MAX, false, &mut f);
    }
}
