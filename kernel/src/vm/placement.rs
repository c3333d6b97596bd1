//! Placement of new areas: the search for free address ranges.
//!
//! The search looks at one area after the other. Among many it goes in parts, between which others
//! run, before the call that maps: what it found is the call's hint ([`AddressSpace::search_part`]).

use super::address_space::AddressSpace;
use super::mapping::Place;
use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, layout, page_up};

/// Gap kept free below an area that grows down, in bytes (stack_guard_gap).
const GUARD: u64 = 256 * PAGE_SIZE;

/// Areas that one part of a search looks at.
const LOOKS: usize = 4096;

/// A stage of a search.
#[derive(Clone, Copy)]
enum Stage {
    /// This address is free.
    At(u64),
    /// The highest gap below this address.
    Below(u64),
    /// The lowest gap above this address.
    Above(u64),
}

/// A search for a free range, while no other call changes areas.
pub struct GapSearch {
    len: u64,
    /// Lowest address of a range.
    floor: u64,
    /// The stages, of which the first one goes on.
    stages: [Option<Stage>; 3],
}

/// Result of a part of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The range that begins here is free.
    Found(u64),
    /// No range is free.
    Nothing,
    /// More areas remain.
    More,
}

impl AddressSpace {
    /// Address at which a mapping of `len` bytes (whole pages) without a hint would be placed.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn room_for(&mut self, len: u64) -> Result<u64, Errno> {
        self.place(Place::Hint(0), len)
    }

    /// Finds a free range of `len` bytes, in one step.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn place(&mut self, place: Place, len: u64) -> Result<u64, Errno> {
        let mut search = self.begin_search(place, len);
        loop {
            match self.search_part(&mut search) {
                Look::Found(start) => return Ok(start),
                Look::Nothing => return Err(Errno::ENOMEM),
                Look::More => {}
            }
        }
    }

    /// The search of a call that maps `len` bytes, in whole pages, if it is worth parts.
    pub fn long_search(&self, place: Place, len: u64) -> Option<GapSearch> {
        let len = page_up(len)?;
        (self.areas.len() > LOOKS).then(|| self.begin_search(place, len))
    }

    /// Begins a search: at the hint, else for the highest gap below `mmap_base`, else the lowest
    /// gap above it; in the legacy layout only the latter. [`Place::Within`] has bounds instead.
    fn begin_search(&self, place: Place, len: u64) -> GapSearch {
        let base = self.mmap_base;
        let (hint, floor, stages) = match place {
            Place::Within(hint, from, to) => {
                let hint = page_up(hint).filter(|hint| *hint >= layout::MMAP_MIN);
                let hint = hint.filter(|hint| hint.checked_add(len).is_some_and(|end| end <= to));
                (hint, from, [Some(Stage::Below(to)), None, None])
            }
            Place::Hint(hint) | Place::Fixed(hint) | Place::FixedNoReplace(hint) => {
                // A hint below mmap_min_addr is raised to it (round_hint_to_min).
                let hint = page_up(hint).filter(|hint| *hint != 0);
                let hint = hint.map(|hint| hint.max(layout::MMAP_MIN));
                let last = self.task_size.checked_sub(len);
                let hint = hint.filter(|hint| last.is_some_and(|last| *hint <= last));
                let below = |from| (!self.goes_up).then_some(Stage::Below(from));
                let above = Some(Stage::Above(base));
                (hint, 0, [below(self.search_from), below(base), above])
            }
        };
        let is_free = |hint: &u64| self.overlapping(*hint, hint + len).next().is_none();
        match hint.filter(is_free) {
            Some(hint) => GapSearch {
                len,
                floor: 0,
                stages: [Some(Stage::At(hint)), None, None],
            },
            None => GapSearch { len, floor, stages },
        }
    }

    /// Looks at some areas more.
    pub fn search_part(&mut self, search: &mut GapSearch) -> Look {
        let len = search.len;
        for slot in &mut search.stages {
            let Some(stage) = slot else { continue };
            let look = match stage {
                Stage::At(start) => Look::Found(*start),
                Stage::Below(top) => self.look_below(top, len),
                Stage::Above(start) => self.look_above(start, len),
            };
            match look {
                Look::Found(start) if start >= search.floor => {
                    // Only the usual search begins where the last one ended.
                    if search.floor == 0 && matches!(stage, Stage::Below(_)) {
                        self.search_from = start + len;
                    }
                    return look;
                }
                Look::More => return look,
                Look::Found(_) | Look::Nothing => *slot = None,
            }
        }
        Look::Nothing
    }

    /// The lowest gap of `len` bytes from `start` on, which moves up.
    fn look_above(&self, start: &mut u64, len: u64) -> Look {
        let areas = self.overlapping(*start, self.task_size);
        for (looks, area) in areas.enumerate() {
            if looks == LOOKS {
                return Look::More;
            }
            let guard = if area.grows_down() { GUARD } else { 0 };
            if area.start.saturating_sub(guard) >= start.saturating_add(len) {
                return Look::Found(*start);
            }
            *start = area.end.max(*start);
        }
        if self.task_size.saturating_sub(*start) >= len {
            Look::Found(*start)
        } else {
            Look::Nothing
        }
    }

    /// The highest gap of `len` bytes that ends at or below `top`, which moves down.
    fn look_below(&self, top: &mut u64, len: u64) -> Look {
        let areas = self.areas.range(..*top).rev();
        for (looks, (_, area)) in areas.enumerate() {
            if looks == LOOKS {
                return Look::More;
            }
            if area.end <= *top && *top - area.end >= len {
                return Look::Found(*top - len);
            }
            *top = area.start.min(*top);
        }
        match top.checked_sub(len) {
            Some(start) if start >= layout::MMAP_MIN => Look::Found(start),
            _ => Look::Nothing,
        }
    }
}
