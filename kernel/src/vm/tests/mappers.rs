//! Lists of the address spaces that map a file, under random use: mappings are made, split, merged,
//! moved and removed, address spaces forked in parts and dropped in parts, and files truncated,
//! while all that goes on between the parts of a truncation. Each list is compared with a look
//! through all address spaces, and no page that was cut off stays mapped.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{RW, space};
use crate::abi::errno::Errno;
use crate::kernel_test;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::mm::tests::heap::Random;
use crate::sync::{Mutex, rank};
use crate::vm::address_space::AddressSpace;
use crate::vm::copying::{Fork, Progress};
use crate::vm::fault::Access;
use crate::vm::mapped::Mapped;
use crate::vm::mappers::{self, Locked, Mappers};
use crate::vm::mapping::{NewArea, Place};
use crate::vm::remap::{Remap, Request};
use crate::vm::vma::{Backing, PageSource, Prot};

/// Pages of a file: more than a search looks at in one part.
const PAGES: u64 = 2048;
/// Addresses that are used: from the first to the last.
const FLOOR: u64 = 1 << 30;
const ROOM: u64 = 32 << 20;

/// A file: pages by index, up to its size in pages.
#[derive(Default)]
struct File {
    pages: Mutex<BTreeMap<u64, Frame>, rank::FileData>,
    size: AtomicU64,
    mappers: Mappers,
}

impl PageSource for File {
    fn page(&self, index: u64) -> Result<Frame, Errno> {
        if index >= self.size.load(Ordering::Relaxed) {
            return Err(Errno::ENXIO);
        }
        let mut pages = self.pages.lock();
        if let Some(page) = pages.get(&index) {
            return Ok(page.clone());
        }
        let page = Frame::zeroed()?;
        pages.insert(index, page.clone());
        Ok(page)
    }

    fn mappers(&self) -> &Mappers {
        &self.mappers
    }
}

/// An address space as processes have it. Others run after each visit of a walk.
struct Shared {
    space: Mutex<AddressSpace, rank::Memory>,
    /// A fork is in progress: no other call changes areas.
    is_in_turn: AtomicU64,
    visits: AtomicU64,
    world: Weak<World>,
}

impl Locked for Shared {
    fn with(&self, f: &mut dyn FnMut(&mut AddressSpace)) {
        f(&mut self.space.lock());
        self.visits.fetch_add(1, Ordering::Relaxed);
        if let Some(world) = self.world.upgrade() {
            world.interfere();
        }
    }
}

fn shared(mut space: AddressSpace, world: Weak<World>) -> Arc<Shared> {
    Arc::new_cyclic(|this: &Weak<Shared>| {
        space.set_lock(this.clone());
        Shared {
            space: Mutex::new(space),
            is_in_turn: AtomicU64::new(0),
            visits: AtomicU64::new(0),
            world,
        }
    })
}

/// A copy in progress: parent and child.
type Copying = (Fork, Arc<Shared>, Arc<Shared>);

/// Address spaces, copies of them in progress, and files.
struct World {
    this: Weak<World>,
    files: [Arc<File>; 2],
    random: Mutex<Random, rank::TestLog>,
    spaces: Mutex<Vec<Arc<Shared>>, rank::TestLog>,
    copying: Mutex<Vec<Copying>, rank::TestLog>,
    /// Changes that are made during the present walk.
    left: AtomicU64,
}

impl World {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            files: Default::default(),
            random: Mutex::new(Random::new(seed)),
            spaces: Mutex::new(alloc::vec![shared(space(), this.clone())]),
            copying: Mutex::default(),
            left: AtomicU64::new(0),
        })
    }

    fn below(&self, end: u64) -> u64 {
        self.random.lock().below(end)
    }

    /// A page within the addresses that are used.
    fn address(&self) -> u64 {
        FLOOR + self.below(ROOM / PAGE_SIZE) * PAGE_SIZE
    }

    fn length(&self) -> u64 {
        let most = if self.below(3) == 0 { PAGES } else { 16 };
        (1 + self.below(most)) * PAGE_SIZE
    }

    fn interfere(&self) {
        let left = &self.left;
        if left.load(Ordering::Relaxed) > 0 {
            left.fetch_sub(1, Ordering::Relaxed);
            self.change();
        }
    }

    /// Makes one change, of an address space or to their number.
    fn change(&self) {
        let kind = self.below(16);
        if kind < 4 {
            return self.copy_part();
        }
        let chosen = {
            let spaces = self.spaces.lock();
            let at = self.random.lock_beside().below(spaces.len() as u64);
            spaces[at as usize].clone()
        };
        if chosen.is_in_turn.load(Ordering::Relaxed) != 0 {
            return;
        }
        match kind {
            4 => self.begin_copy(chosen),
            5 => self.exit(chosen),
            _ => self.change_areas(&mut chosen.space.lock(), kind),
        }
    }

    fn change_areas(&self, mm: &mut AddressSpace, kind: u64) {
        let (start, len) = (self.address(), self.length());
        match kind {
            6..=10 => self.map(mm, start, len),
            11 => {
                let _ = mm.unmap(start, len);
            }
            12 => {
                let prot = [Prot::READ, RW][self.below(2) as usize];
                let _ = mm.protect(start, len, prot, Prot::empty(), None);
                while mm.protect_part() {}
            }
            _ => {
                let Some(area) = mm.areas().nth(self.below(4) as usize) else {
                    return;
                };
                let (old, old_len) = (area.start, area.len());
                let keep = self.below(4) == 0;
                let new_len = if keep { old_len } else { old_len + PAGE_SIZE };
                let to = Remap::To(start);
                let request = Request::new(old, old_len, new_len, to, keep).expect("is valid");
                let _ = mm.remap(request);
            }
        }
    }

    /// Maps a part of a file and touches some pages of it.
    fn map(&self, mm: &mut AddressSpace, start: u64, len: u64) {
        let source: Arc<dyn PageSource> = self.files[self.below(2) as usize].clone();
        let area = NewArea {
            shared: self.below(2) == 0,
            backing: Backing::File {
                source,
                offset: self.below(PAGES) * PAGE_SIZE,
                mapped: Mapped::memory(""),
            },
            ..NewArea::anonymous(RW)
        };
        if mm.map(Place::Fixed(start), len, area).is_err() {
            return;
        }
        for _ in 0..8 {
            let page = start + self.below(len / PAGE_SIZE) * PAGE_SIZE;
            let access = [Access::Read, Access::Write][self.below(2) as usize];
            let _ = mm.fault(page, access);
        }
    }

    fn begin_copy(&self, parent: Arc<Shared>) {
        if self.spaces.lock().len() > 12 {
            return;
        }
        let (fork, child) = Fork::of(&parent.space.lock()).expect("memory");
        parent.is_in_turn.store(1, Ordering::Relaxed);
        let child = shared(child, self.this.clone());
        self.copying.lock().push((fork, parent, child));
    }

    /// Does a part of the oldest copy.
    fn copy_part(&self) {
        let first = {
            let mut copying = self.copying.lock();
            (!copying.is_empty()).then(|| copying.remove(0))
        };
        let Some((mut fork, parent, child)) = first else {
            return;
        };
        let progress = fork.share_part(&mut parent.space.lock(), &mut child.space.lock_beside());
        if progress.expect("memory") == Progress::More {
            self.copying.lock().insert(0, (fork, parent, child));
        } else {
            parent.is_in_turn.store(0, Ordering::Relaxed);
            self.spaces.lock().push(child);
        }
    }

    fn exit(&self, space: Arc<Shared>) {
        {
            let mut spaces = self.spaces.lock();
            if spaces.len() == 1 {
                return;
            }
            spaces.retain(|other| !Arc::ptr_eq(other, &space));
        }
        // A walk that visits it now drops it afterwards.
        if let Some(shared) = Arc::into_inner(space) {
            let mut mm = shared.space.into_inner();
            while mm.drop_part() {}
        }
    }

    /// Truncates a file, and checks that no page behind its new end is mapped; then it grows again.
    fn truncate(&self) {
        let file = self.files[self.below(2) as usize].clone();
        let size = self.below(PAGES);
        file.size.store(size, Ordering::Relaxed);
        drop(file.pages.lock().split_off(&size));
        self.left.store(self.below(12), Ordering::Relaxed);
        mappers::drop_cut_pages(&*file, size..PAGES * 2);
        self.left.store(0, Ordering::Relaxed);
        for space in self.all() {
            let mm = space.space.lock();
            for area in mm.areas() {
                let mut at = area.start;
                while let Some((address, _)) = mm.tables.next_page(at, area.end) {
                    let is_cut = is_of(&area.backing, &file) && area.page_index(address) >= size;
                    assert!(!is_cut, "a page behind the end is mapped at {address:#x}");
                    at = address + PAGE_SIZE;
                }
            }
        }
        file.size.store(PAGES, Ordering::Relaxed);
    }

    /// All address spaces, also those that are being made.
    fn all(&self) -> Vec<Arc<Shared>> {
        let mut all = self.spaces.lock().clone();
        let copying = self.copying.lock();
        all.extend(copying.iter().map(|(_, _, child)| child.clone()));
        all
    }

    /// Compares the lists with the areas of all address spaces.
    fn check(&self) {
        for file in &self.files {
            let mut numbers = Vec::new();
            for space in self.all() {
                let mm = space.space.lock();
                if mm.areas().any(|area| is_of(&area.backing, file)) {
                    numbers.push(mm.identity.number);
                }
            }
            numbers.sort_unstable();
            assert_eq!(listed(file), numbers);
        }
    }
}

/// The numbers of the address spaces in a file's list.
fn listed(file: &File) -> Vec<u64> {
    let mut numbers = Vec::new();
    file.mappers.each_number(|number| numbers.push(number));
    numbers
}

fn is_of(backing: &Backing, file: &Arc<File>) -> bool {
    let Backing::File { source, .. } = backing else {
        return false;
    };
    core::ptr::addr_eq(Arc::as_ptr(source.source()), Arc::as_ptr(file))
}

kernel_test!(
    fn lists_of_mappers_are_those_of_all_areas() {
        for seed in 0..60 {
            let world = World::new(seed);
            for file in &world.files {
                file.size.store(PAGES, Ordering::Relaxed);
            }
            for step in 0..200 {
                if step % 8 == 7 {
                    world.truncate();
                } else {
                    world.change();
                }
                world.check();
            }
            // Dropped without a lock.
            let copying = world.copying.take();
            let spaces = world.spaces.take();
            drop((copying, spaces));
            for file in &world.files {
                assert_eq!(listed(file), []);
            }
        }
    }
);

kernel_test!(
    fn truncations_visit_only_address_spaces_that_map_the_file() {
        /// Address spaces that don't.
        const OTHERS: usize = 2000;
        let file = Arc::new(File::default());
        file.size.store(PAGES, Ordering::Relaxed);
        let others: Vec<_> = (0..OTHERS).map(|_| shared(space(), Weak::new())).collect();
        let mapping = shared(space(), Weak::new());
        let area = NewArea {
            shared: true,
            backing: Backing::File {
                source: file.clone() as Arc<dyn PageSource>,
                offset: 0,
                mapped: Mapped::memory(""),
            },
            ..NewArea::anonymous(RW)
        };
        mapping
            .space
            .lock()
            .map(Place::Fixed(FLOOR), PAGE_SIZE, area)
            .expect("room");
        mappers::drop_cut_pages(&*file, 0..PAGES);
        assert_eq!(mapping.visits.load(Ordering::Relaxed), 1);
        let visits = |shared: &Arc<Shared>| shared.visits.load(Ordering::Relaxed);
        assert_eq!(others.iter().map(visits).sum::<u64>(), 0);
    }
);
