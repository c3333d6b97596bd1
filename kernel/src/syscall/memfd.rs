//! memfd_create(2): anonymous files, and fcntl(2)'s seals on them.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{
    F_SEAL_EXEC, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE,
    MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC, MFD_HUGETLB, MFD_NOEXEC_SEAL,
};
use spin::Once;

use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{NewFile, mode};
use crate::process::caller;
use crate::sched::sleep_lock::SleepLock;
use crate::usercopy::UserPtr;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::file::File;
use crate::vfs::file::flags::{O_LARGEFILE, O_RDWR};
use crate::vfs::mount::Mount;
use crate::vfs::tmpfs::TmpFs;

/// The tmpfs of memfd files, which is not part of the mount tree.
fn mount() -> &'static Arc<Mount> {
    static MOUNT: Once<Arc<Mount>> = Once::new();
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    MOUNT.call_once(|| Mount::detached(TmpFs::new("tmpfs", TMPFS_MAGIC), String::new()))
}

/// memfd_create(2).
pub fn memfd_create(name: UserPtr<u8>, flags: u32) -> SysResult {
    /// NAME_MAX less the prefix `memfd:` (MFD_NAME_MAX_LEN).
    const NAME_MAX: usize = 249;
    const KNOWN: u32 = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
    if flags & !KNOWN != 0 || flags & (MFD_EXEC | MFD_NOEXEC_SEAL) == MFD_EXEC | MFD_NOEXEC_SEAL {
        // There are no huge pages.
        let known = flags & MFD_HUGETLB != 0;
        return Err(if known { Errno::ENODEV } else { Errno::EINVAL });
    }
    let name = name.read_cstr(NAME_MAX + 1).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Errno::EINVAL,
        errno => errno,
    })?;
    let who = caller::credentials();
    let no_exec = flags & MFD_NOEXEC_SEAL != 0;
    let new = NewFile {
        mode: mode::S_IFREG | if no_exec { 0o666 } else { 0o777 },
        uid: who.fsuid,
        gid: who.fsgid,
        ..NewFile::default()
    };
    let root = mount().fs().root();
    let inode = root.inode().create_unnamed(&new, false)?;
    let seals = inode.seals().ok_or(Errno::EINVAL)?;
    let mut first = if flags & MFD_ALLOW_SEALING != 0 || no_exec {
        0
    } else {
        F_SEAL_SEAL
    };
    if no_exec {
        first |= F_SEAL_EXEC;
    }
    seals.store(first, Ordering::Relaxed);
    let ops = inode.clone().open()?;
    let name = [b"memfd:", &name[..]].concat();
    let dentry = Dentry::new(Parent::Held(root), name.into(), inode);
    dentry.set_removed();
    let location = Location {
        mount: mount().clone(),
        dentry,
    };
    let file = File::new(location, ops, O_RDWR | O_LARGEFILE);
    caller::install(file, flags & MFD_CLOEXEC != 0).map(|fd| fd as usize)
}

/// fcntl(2)'s F_GET_SEALS.
pub fn get_seals(file: &File) -> SysResult {
    let seals = file.inode().seals().ok_or(Errno::EINVAL)?;
    Ok(seals.load(Ordering::Relaxed) as usize)
}

/// fcntl(2)'s F_ADD_SEALS.
pub fn add_seals(file: &File, add: u64) -> SysResult {
    const ALL: u32 = F_SEAL_SEAL
        | F_SEAL_SHRINK
        | F_SEAL_GROW
        | F_SEAL_WRITE
        | F_SEAL_FUTURE_WRITE
        | F_SEAL_EXEC;
    if !file.is_writable() {
        return Err(Errno::EPERM);
    }
    let add = add as u32;
    if add & !ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let _turn = file.inode().turn().map(SleepLock::lock);
    let seals = file.inode().seals().ok_or(Errno::EINVAL)?;
    let old = seals.load(Ordering::Relaxed);
    if old & F_SEAL_SEAL != 0 {
        return Err(Errno::EPERM);
    }
    // The turn keeps other calls from changing seals meanwhile; between the last look and the store
    // no other task runs.
    if add & F_SEAL_WRITE != 0 && old & F_SEAL_WRITE == 0 && is_mapped_writable(file) {
        return Err(Errno::EBUSY);
    }
    seals.store(old | add, Ordering::Relaxed);
    Ok(0)
}

/// Whether any program has a shared mapping of the file that is writable or may become so.
fn is_mapped_writable(file: &File) -> bool {
    let source = file.inode().clone().pages();
    source.is_some_and(|source| source.mappers().may_write())
}
