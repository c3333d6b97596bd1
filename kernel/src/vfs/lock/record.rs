//! Record locks: conflicts, and the split and merge of an owner's ranges at lock and unlock
//! (posix_lock_inode in fs/locks.c).

use alloc::vec::Vec;

use super::{Held, Owner};
use crate::abi::errno::Errno;
use crate::mm::fallible::Grow as _;

/// The last byte a file can have: a lock up to it extends to the end of file.
pub const LAST: u64 = i64::MAX as u64;

/// Bytes from `start` to `end`, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// Last byte.
    pub end: u64,
}

impl Range {
    fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// Whether the ranges overlap or adjoin.
    fn touches(self, other: Self) -> bool {
        self.start <= other.end.saturating_add(1) && other.start <= self.end.saturating_add(1)
    }
}

/// A record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub range: Range,
    pub exclusive: bool,
    pub owner: Owner,
    pub pid: u32,
}

impl Record {
    fn conflicts(&self, wanted: &Self) -> bool {
        self.owner != wanted.owner
            && (self.exclusive || wanted.exclusive)
            && self.range.overlaps(wanted.range)
    }

    /// Its kind in /proc/locks.
    pub fn kind(&self) -> &'static str {
        match self.owner {
            Owner::Table(_) => "POSIX ",
            Owner::File(_) => "OFDLCK",
        }
    }

    /// The lock as reported to others.
    pub fn held(&self) -> Held {
        Held {
            range: self.range,
            exclusive: self.exclusive,
            pid: matches!(self.owner, Owner::Table(_)).then_some(self.pid),
        }
    }
}

/// The first lock that conflicts with `wanted`.
pub(super) fn conflict(records: &[Record], wanted: &Record) -> Option<Record> {
    records
        .iter()
        .find(|record| record.conflicts(wanted))
        .copied()
}

/// Releases the locks of `owner` within `range`. Returns whether there were any.
///
/// # Errors
/// `ENOLCK` without memory for another record, where `range` splits one; nothing is changed.
pub(super) fn unlock(records: &mut Vec<Record>, range: Range, owner: Owner) -> Result<bool, Errno> {
    let is_cut = |record: &Record| record.owner == owner && record.range.overlaps(range);
    // An owner's locks don't overlap: at most one extends beyond both ends of `range`.
    if let Some(at) = records.iter().position(is_cut)
        && let (Some(before), Some(behind)) = rest(records[at], range)
    {
        records.room_for(1).map_err(|_| Errno::ENOLCK)?;
        records[at] = before;
        records.insert(at + 1, behind);
        return Ok(true);
    }
    let mut found = false;
    records.retain_mut(|record| {
        if !is_cut(record) {
            return true;
        }
        found = true;
        let (before, behind) = rest(*record, range);
        let left = before.or(behind);
        *record = left.unwrap_or(*record);
        left.is_some()
    });
    Ok(found)
}

/// The parts of a record before and after a range cut out of it.
fn rest(record: Record, cut: Range) -> (Option<Record>, Option<Record>) {
    let part = |start, end| Record {
        range: Range { start, end },
        ..record
    };
    let before = (record.range.start < cut.start).then(|| part(record.range.start, cut.start - 1));
    let behind = (record.range.end > cut.end).then(|| part(cut.end + 1, record.range.end));
    (before, behind)
}

/// Adds `new`, which conflicts with no lock; the owner's other locks are cut and merged.
///
/// # Errors
/// `ENOLCK` without memory; nothing is changed.
pub(super) fn lock(records: &mut Vec<Record>, mut new: Record) -> Result<(), Errno> {
    // For `new`, and for the second part of a lock that it splits.
    records.room_for(2).map_err(|_| Errno::ENOLCK)?;
    unlock(records, new.range, new.owner)?;
    let joins = |record: &Record, new: &Record| {
        record.owner == new.owner
            && record.exclusive == new.exclusive
            && record.range.touches(new.range)
    };
    records.retain(|record| {
        let join = joins(record, &new);
        if join {
            new.range.start = new.range.start.min(record.range.start);
            new.range.end = new.range.end.max(record.range.end);
        }
        !join
    });
    // An owner's locks are adjacent and sorted: F_GETLK reports the first.
    let own = |record: &Record| record.owner == new.owner;
    let behind = records
        .iter()
        .position(|record| own(record) && record.range.start > new.range.start);
    let last = records
        .iter()
        .rposition(own)
        .map_or(records.len(), |at| at + 1);
    records.insert(behind.unwrap_or(last), new);
    Ok(())
}
