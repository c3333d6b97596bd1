//! Changes of the mount table: mount, bind, move, unmount, pivot_root.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use super::{FileSystem, MOUNTS, Mount, MountFlags};
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::mm::fallible::{self, Grow as _, TryPush as _};
use crate::mm::{frame, reserve};
use crate::sched::preempt;
use crate::vfs::dentry::{Dentry, Location};

/// Most mounts (fs.mount-max).
const MOST: usize = 100_000;

fn is_dir(dentry: &Dentry) -> bool {
    dentry.inode().kind() == mode::S_IFDIR
}

/// Checks that `root` can be mounted on `point`: a directory on a directory, or a file on a file.
fn check_fit(root: &Arc<Dentry>, point: &Location) -> Result<(), Errno> {
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    if point.dentry.is_removed() {
        return Err(Errno::ENOENT);
    }
    if is_dir(root) == is_dir(&point.dentry) {
        // For [`enter`], which can't fail.
        room_for(1)
    } else {
        Err(Errno::ENOTDIR)
    }
}

/// Reserves capacity for `more` mounts.
///
/// # Errors
/// `ENOSPC` at fs.mount-max, `ENOMEM`.
fn room_for(more: usize) -> Result<(), Errno> {
    let mut mounts = MOUNTS.lock();
    if mounts.len() + more > MOST {
        return Err(Errno::ENOSPC);
    }
    mounts.room_for(more)
}

fn enter(mount: Arc<Mount>, point: &Location) -> Arc<Mount> {
    point.dentry.set_covered(true);
    MOUNTS.lock().push(mount.clone());
    mount
}

/// Mounts `fs` at `point`.
///
/// # Errors
/// `ENOTDIR`, `ENOENT`, `ENOMEM`.
pub fn add(
    point: Location,
    fs: Arc<dyn FileSystem>,
    source: String,
    flags: MountFlags,
) -> Result<Arc<Mount>, Errno> {
    let root = fs.root();
    check_fit(&root, &point)?;
    let mount = Mount::new(fs, root, Some(point.clone()), source, flags);
    Ok(enter(mount, &point))
}

/// A further mount of the file system of `of`, with the directory `root`, at `point`.
fn copy(of: &Arc<Mount>, root: Arc<Dentry>, point: Location) -> Result<Arc<Mount>, Errno> {
    reserve::top_up()?;
    let place = Some(point.clone());
    let source = fallible::to_string(&of.source)?;
    let mount = Mount::new(of.fs.clone(), root, place, source, of.flags());
    Ok(enter(mount, &point))
}

/// Bind-mounts the file or directory `from` at `point`; with `recursive`, the mounts below it as
/// well.
///
/// # Errors
/// `ENOTDIR` for a directory on a file or the reverse, `ENOENT`, `ENOMEM`; `ENOSPC` at
/// fs.mount-max.
pub fn bind(from: &Location, point: Location, recursive: bool) -> Result<(), Errno> {
    check_fit(&from.dentry, &point)?;
    let below: Vec<_> = if recursive {
        descendants(&from.mount)?
    } else {
        Vec::new()
    };
    let mut copies = fallible::with_capacity(below.len() + 1)?;
    room_for(below.len() + 1)?;
    let top = copy(&from.mount, from.dentry.clone(), point)?;
    copies.push((from.mount.clone(), top));
    for mount in below {
        // Each iteration searches the other mounts; a mount made meanwhile may use up the capacity.
        preempt::point();
        room_for(1)?;
        let Some(place) = mount.mount_point() else {
            continue;
        };
        let parent = copies
            .iter()
            .find(|(old, _)| Arc::ptr_eq(old, &place.mount));
        let Some((old, new)) = parent else { continue };
        // A bind mount shows only a part of the first mount.
        if Arc::ptr_eq(old, &from.mount) && !place.dentry.is_below(&from.dentry) {
            continue;
        }
        let point = Location {
            mount: new.clone(),
            dentry: place.dentry.clone(),
        };
        let new = copy(&mount, mount.root.clone(), point)?;
        copies.push((mount, new));
    }
    Ok(())
}

/// The mounts below `top`, parents first. A mount's parent is nearly always older and before it in
/// the table: only moved mounts need more than one pass.
fn descendants(top: &Arc<Mount>) -> Result<Vec<Arc<Mount>>, Errno> {
    /// Mounts looked at between two points.
    const AT_ONCE: usize = 512;
    let mut found: Vec<Arc<Mount>> = Vec::new();
    // Sorted.
    let mut ids = fallible::to_vec(&[top.id])?;
    loop {
        let before = found.len();
        preempt::killed()?;
        for (number, mount) in super::all().enumerate() {
            let parent = mount.point.lock().as_ref().map(|point| point.mount.id);
            let is_inside = parent.is_some_and(|parent| ids.binary_search(&parent).is_ok());
            if is_inside && let Err(at) = ids.binary_search(&mount.id) {
                ids.room_for(1)?;
                ids.insert(at, mount.id);
                found.try_push(mount)?;
            }
            if number % AT_ONCE == AT_ONCE - 1 {
                preempt::killed()?;
            }
        }
        if found.len() == before {
            return Ok(found);
        }
    }
}

/// Clears the mark of a mount point once nothing is mounted there, through any mount.
fn uncover(point: &Location) {
    let mounts = MOUNTS.lock();
    let covers = |mount: &Arc<Mount>| {
        let at = mount.point.lock();
        at.as_ref()
            .is_some_and(|at| Arc::ptr_eq(&at.dentry, &point.dentry))
    };
    if !mounts.iter().any(covers) {
        point.dentry.set_covered(false);
    }
}

/// The mount whose root is `location`, and its mount point.
///
/// # Errors
/// `EINVAL` if `location` is no mount's root, or the root of the tree.
fn mounted(location: &Location) -> Result<(Arc<Mount>, Location), Errno> {
    if !location.is(&location.mount.root()) {
        return Err(Errno::EINVAL);
    }
    let point = location.mount.mount_point().ok_or(Errno::EINVAL)?;
    Ok((location.mount.clone(), point))
}

/// Moves the mount whose root is `from` to `point`.
///
/// # Errors
/// `EINVAL` if `from` is no mount's root, `ELOOP` for a move below itself, `ENOTDIR`.
pub fn move_to(from: &Location, point: Location) -> Result<(), Errno> {
    let (mount, old) = mounted(from)?;
    check_fit(&mount.root, &point)?;
    let mut above = Some(point.clone());
    while let Some(place) = above {
        if Arc::ptr_eq(&place.mount, &mount) {
            return Err(Errno::ELOOP);
        }
        above = place.mount.mount_point();
    }
    point.dentry.set_covered(true);
    mount.point.set(Some(point));
    uncover(&old);
    Ok(())
}

/// Unmounts the mount whose root is `location`; with `lazy` (MNT_DETACH), with all mounts below it
/// and even if in use.
///
/// # Errors
/// `ENOMEM`; `EINVAL` if `location` is no mount's root, or the root of the tree; `EBUSY` while a
/// mount is below it or a file in it is open.
pub fn remove(location: &Location, lazy: bool) -> Result<(), Errno> {
    let (mount, point) = mounted(location)?;
    let inside = descendants(&mount)?;
    // References of the table, the caller and `mount` above. Any other is an open file or a working
    // directory.
    let in_use = Arc::strong_count(&mount) > 3;
    if !lazy && (in_use || !inside.is_empty()) {
        return Err(Errno::EBUSY);
    }
    for mount in inside.iter().chain([&mount]) {
        mount.is_leaving.store(true, Ordering::Relaxed);
    }
    MOUNTS
        .lock()
        .retain(|other| !other.is_leaving.load(Ordering::Relaxed));
    uncover(&point);
    for mount in inside.iter().chain([&mount]) {
        let place = mount.point.take();
        if let Some(place) = &place {
            uncover(place);
        }
        preempt::point();
    }
    Ok(())
}

/// Makes the mount at `new` the root, and moves the old root to `put_old`, below it; `old` is the
/// caller's root directory. The caller updates the processes that use the old root.
///
/// # Errors
/// `EINVAL` if `new` or `old` is no mount's root or `put_old` is not below `new`; `EBUSY` if `new`
/// or `put_old` is on the old root's mount.
pub fn pivot_root(old: &Location, new: &Location, put_old: Location) -> Result<(), Errno> {
    let (new_mount, point) = mounted(new)?;
    if Arc::ptr_eq(&old.mount, &new_mount) || Arc::ptr_eq(&put_old.mount, &old.mount) {
        return Err(Errno::EBUSY);
    }
    // As on Linux, the initial root can't be moved: programs switch away from it by MS_MOVE.
    let (old_mount, old_point) = mounted(old)?;
    if !Arc::ptr_eq(&put_old.mount, &new_mount) || !is_dir(&put_old.dentry) {
        return Err(Errno::EINVAL);
    }
    new_mount.point.set(Some(old_point));
    put_old.dentry.set_covered(true);
    old_mount.point.set(Some(put_old));
    uncover(&point);
    Ok(())
}
