//! Record locks: conflicts, and the split and merge of an owner's ranges at lock and unlock
//! (posix_lock_inode in fs/locks.c).

use alloc::vec::Vec;
use core::ops;

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
    fn is_apart(self, other: Self) -> bool {
        self.end < other.start || other.end < self.start
    }
}

/// A record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub range: Range,
    pub exclusive: bool,
    pub pid: u32,
}

/// The record locks of one owner on a file: they don't overlap, and are sorted.
pub(super) struct Owned {
    pub owner: Owner,
    pub records: Vec<Record>,
}

impl Owned {
    /// Its kind in /proc/locks.
    pub fn kind(&self) -> &'static str {
        match self.owner {
            Owner::Table(_) => "POSIX ",
            Owner::File(_) => "OFDLCK",
        }
    }

    /// A lock as reported to others.
    pub fn held(&self, record: &Record) -> Held {
        Held {
            range: record.range,
            exclusive: record.exclusive,
            pid: matches!(self.owner, Owner::Table(_)).then_some(record.pid),
        }
    }

    /// The first lock that conflicts with another owner's `wanted`.
    fn conflict(&self, wanted: &Record) -> Option<&Record> {
        let overlapping = &self.records[overlapping(&self.records, wanted.range)];
        let conflicts = |record: &&Record| record.exclusive || wanted.exclusive;
        overlapping.iter().find(conflicts)
    }
}

/// The owners of locks on a file, in the order of their first locks.
pub(super) type Records = Vec<Owned>;

/// The sorted locks that overlap `range`.
fn overlapping(records: &[Record], range: Range) -> ops::Range<usize> {
    let start = records.partition_point(|record| record.range.end < range.start);
    let len = records[start..].partition_point(|record| record.range.start <= range.end);
    start..start + len
}

/// The first lock that conflicts with `wanted` of `owner`, and its owner.
pub(super) fn conflict(records: &Records, owner: Owner, wanted: &Record) -> Option<(Owner, Held)> {
    let others = records.iter().filter(|other| other.owner != owner);
    others
        .filter_map(|other| Some((other.owner, other.held(other.conflict(wanted)?))))
        .next()
}

/// Releases the locks of `owner` within `range`. Returns whether there were any.
///
/// # Errors
/// `ENOLCK` without memory for another record, where `range` splits one; nothing is changed.
pub(super) fn unlock(records: &mut Records, range: Range, owner: Owner) -> Result<bool, Errno> {
    let Some(at) = records.iter().position(|own| own.owner == owner) else {
        return Ok(false);
    };
    let own = &mut records[at].records;
    let found = cut(own, range)?;
    if own.is_empty() {
        records.remove(at);
    }
    Ok(found)
}

/// Cuts `range` out of an owner's locks. Returns whether there were any.
///
/// # Errors
/// `ENOLCK` without memory; nothing is changed.
fn cut(records: &mut Vec<Record>, range: Range) -> Result<bool, Errno> {
    let mut gone = overlapping(records, range);
    if gone.is_empty() {
        return Ok(false);
    }
    let (before, _) = rest(records[gone.start], range);
    let (_, behind) = rest(records[gone.end - 1], range);
    if let (Some(before), Some(behind), 1) = (before, behind, gone.len()) {
        records.room_for(1).map_err(|_| Errno::ENOLCK)?;
        records[gone.start] = before;
        records.insert(gone.end, behind);
        return Ok(true);
    }
    if let Some(before) = before {
        records[gone.start] = before;
        gone.start += 1;
    }
    if let Some(behind) = behind {
        gone.end -= 1;
        records[gone.end] = behind;
    }
    records.drain(gone);
    Ok(true)
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

/// Adds `new` of `owner`, which conflicts with no lock; the owner's other locks are cut and merged.
///
/// # Errors
/// `ENOLCK` without memory; nothing is changed.
pub(super) fn lock(records: &mut Records, owner: Owner, mut new: Record) -> Result<(), Errno> {
    let at = match records.iter().position(|own| own.owner == owner) {
        Some(at) => at,
        None => {
            records.room_for(1).map_err(|_| Errno::ENOLCK)?;
            let mut first = Vec::new();
            first.room_for(1).map_err(|_| Errno::ENOLCK)?;
            first.push(new);
            records.push(Owned {
                owner,
                records: first,
            });
            return Ok(());
        }
    };
    let own = &mut records[at].records;
    // For `new`, and for the second part of a lock that it splits.
    own.room_for(2).map_err(|_| Errno::ENOLCK)?;
    let around = Range {
        start: new.range.start.saturating_sub(1),
        end: new.range.end.saturating_add(1),
    };
    let is_alike = |record: &&Record| record.exclusive == new.exclusive;
    // The lock grows that is there already: its process is reported.
    if let Some(old) = own[overlapping(own, around)].iter().find(is_alike) {
        new.pid = old.pid;
    }
    cut(own, new.range)?;
    // The neighbours that `new` merges with.
    let at = own.partition_point(|record| record.range.start < new.range.start);
    let adjoins = |record: &&Record| is_alike(record) && !record.range.is_apart(around);
    let before = own[..at].last().filter(adjoins).is_some();
    let behind = own.get(at).filter(adjoins).is_some();
    let joined = at - usize::from(before)..at + usize::from(behind);
    for record in &own[joined.clone()] {
        new.range.start = new.range.start.min(record.range.start);
        new.range.end = new.range.end.max(record.range.end);
    }
    if joined.is_empty() {
        own.insert(at, new);
    } else {
        own[joined.start] = new;
        own.drain(joined.start + 1..joined.end);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LAST, Owned, Owner, Range, Record, Records, conflict, lock, unlock};
    use crate::kernel_test;
    use crate::mm::tests::heap::Random;

    /// Bytes of the file that are locked one by one in the model, which has the rules by byte.
    const BYTES: u64 = 48;
    const OWNERS: u64 = 3;

    /// For each owner the exclusiveness of the lock on each byte.
    type Model = [[Option<bool>; BYTES as usize]; OWNERS as usize];

    fn owner(number: u64) -> Owner {
        match number {
            0 => Owner::File(7),
            _ => Owner::Table(number),
        }
    }

    /// The locks of `own`, by byte; checks that they are sorted, apart and merged.
    fn bytes_of(own: &Owned) -> [Option<bool>; BYTES as usize] {
        let mut bytes = [None; BYTES as usize];
        for pair in own.records.windows(2) {
            let (one, next) = (pair[0], pair[1]);
            assert!(one.range.end < next.range.start);
            let adjoin = one.range.end + 1 == next.range.start;
            assert!(!adjoin || one.exclusive != next.exclusive);
        }
        assert!(!own.records.is_empty());
        for record in &own.records {
            assert!(record.range.start <= record.range.end);
            for at in record.range.start..=record.range.end.min(BYTES - 1) {
                bytes[at as usize] = Some(record.exclusive);
            }
        }
        bytes
    }

    fn check(records: &Records, model: &Model) {
        for (number, expected) in model.iter().enumerate() {
            let own = records.iter().find(|own| own.owner == owner(number as u64));
            assert_eq!(own.map_or([None; BYTES as usize], bytes_of), *expected);
        }
    }

    kernel_test!(
        fn record_locks_are_as_if_kept_by_byte() {
            for round in 0..40 {
                let mut random = Random::new(round);
                let mut records = Records::new();
                let mut model: Model = [[None; BYTES as usize]; OWNERS as usize];
                for _ in 0..400 {
                    let start = random.below(BYTES);
                    let len = 1 + random.below(8);
                    let (range, end) = match start + len {
                        end if end < BYTES => (
                            Range {
                                start,
                                end: end - 1,
                            },
                            end,
                        ),
                        _ => (Range { start, end: LAST }, BYTES),
                    };
                    let (number, exclusive) = (random.below(OWNERS), random.below(2) == 0);
                    let bytes = start as usize..end as usize;
                    if random.below(3) == 0 {
                        let own = &mut model[number as usize][bytes];
                        let held = own.iter().any(Option::is_some);
                        own.fill(None);
                        assert_eq!(unlock(&mut records, range, owner(number)), Ok(held));
                    } else {
                        let wanted = Record {
                            range,
                            exclusive,
                            pid: 1,
                        };
                        let others = (0..OWNERS).filter(|other| *other != number);
                        let denied = others.clone().any(|other| {
                            let held = model[other as usize][bytes.clone()].iter().flatten();
                            held.clone().any(|held| *held || exclusive)
                        });
                        let found = conflict(&records, owner(number), &wanted);
                        assert_eq!(found.is_some(), denied);
                        if !denied {
                            lock(&mut records, owner(number), wanted).expect("memory");
                            model[number as usize][bytes].fill(Some(exclusive));
                        }
                    }
                    check(&records, &model);
                }
            }
        }
    );
}
