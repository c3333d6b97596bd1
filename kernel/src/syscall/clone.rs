//! fork(2), vfork(2), clone(2), clone3(2), unshare(2), setns(2): the arguments. The work is in
//! `process/fork.rs`.

use linux_raw_sys::general::{self as linux, clone_args};

use super::tls::{tls_descriptor, tls_slot};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::NSIG;
use crate::arch::user_desc::UserDesc;
use crate::mm::PAGE_SIZE;
use crate::process::clone::{CloneArgs, CloneFlags, Tls, refuse_namespace};
use crate::process::{current, fork};
use crate::usercopy::{self, UserPtr};

/// The exit signal in clone(2)'s flags (CSIGNAL).
const EXIT_SIGNAL: u64 = 0xff;
/// Size in bytes of the first version of struct clone_args (CLONE_ARGS_SIZE_VER0).
const FIRST_SIZE: usize = 64;
/// Most elements of `set_tid`, one for each nested PID namespace (MAX_PID_NS_LEVEL).
const PID_LEVELS: u64 = 32;
/// One past the highest thread ID.
const PID_MAX: u32 = 32768;

/// fork(2).
pub fn fork() -> SysResult {
    fork::clone(CloneArgs::fork(CloneFlags::empty()))
}

/// vfork(2).
pub fn vfork() -> SysResult {
    fork::clone(CloneArgs::fork(CloneFlags::VM | CloneFlags::VFORK))
}

/// clone(2), x86_64's order of the arguments.
pub fn clone(
    flags: u64,
    stack: u64,
    parent_tid: UserPtr<u32>,
    child_tid: UserPtr<u32>,
    tls: u64,
) -> SysResult {
    // clone3(2)'s own flags are above the 32 bits that clone(2) uses.
    let bits = flags & 0xffff_ffff & !EXIT_SIGNAL;
    let flags_only = CloneFlags::from_bits_truncate(bits);
    fork::clone(CloneArgs {
        flags: flags_only,
        exit_signal: (flags & EXIT_SIGNAL) as u8,
        stack,
        pidfd: parent_tid.cast(),
        parent_tid,
        child_tid,
        tls: tls_from(flags_only, tls)?,
        set_tid: 0,
    })
}

/// clone(2), i386's order.
pub fn clone32(
    flags: u64,
    stack: u64,
    parent_tid: UserPtr<u32>,
    tls: u64,
    child_tid: UserPtr<u32>,
) -> SysResult {
    clone(flags, stack, parent_tid, child_tid, tls)
}

/// TLS of the new thread: the base, or in a call through the i386 table the address of a struct
/// user_desc with the GDT entry.
fn tls_from(flags: CloneFlags, tls: u64) -> Result<Tls, Errno> {
    if !flags.contains(CloneFlags::SETTLS) {
        return Ok(Tls::Inherited);
    }
    if !current().is_i386_call() {
        return Ok(Tls::Base(tls));
    }
    let desc = UserDesc::from_words(UserPtr::<[u32; 4]>::new(tls).read()?);
    let descriptor = tls_descriptor(desc)?;
    Ok(Tls::Descriptor(tls_slot(desc.entry)?, descriptor))
}

/// clone3(2): `size` is the version of struct clone_args.
pub fn clone3(at: u64, size: usize) -> SysResult {
    if size > PAGE_SIZE as usize {
        return Err(Errno::E2BIG);
    }
    if size < FIRST_SIZE {
        return Err(Errno::EINVAL);
    }
    let args = read_args(at, size)?;
    let set_tid = set_tid(&args)?;
    let bad_signal = args.exit_signal > u64::from(NSIG);
    let known = CloneFlags::from_bits(args.flags);
    let no_group = args.flags & linux::CLONE_INTO_CGROUP != 0
        && (args.cgroup > i32::MAX as u64 || size < size_of::<clone_args>());
    if bad_signal || no_group {
        return Err(Errno::EINVAL);
    }
    let flags = known.ok_or(Errno::EINVAL)?;
    let both = CloneFlags::SIGHAND | CloneFlags::CLEAR_SIGHAND;
    if flags.intersects(CloneFlags::DETACHED)
        || flags.contains(both)
        || flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT) && args.exit_signal != 0
        || (args.stack == 0) != (args.stack_size == 0)
    {
        return Err(Errno::EINVAL);
    }
    if args.stack != 0 {
        let size = usize::try_from(args.stack_size).map_err(|_| Errno::EINVAL)?;
        usercopy::check(args.stack, size).map_err(|_| Errno::EINVAL)?;
    }
    fork::clone(CloneArgs {
        flags,
        exit_signal: args.exit_signal as u8,
        stack: args.stack.wrapping_add(args.stack_size),
        pidfd: UserPtr::new(args.pidfd),
        parent_tid: UserPtr::new(args.parent_tid),
        child_tid: UserPtr::new(args.child_tid),
        tls: tls_from(flags, args.tls)?,
        set_tid,
    })
}

/// Reads struct clone_args; fields that the program's version lacks are 0.
fn read_args(at: u64, size: usize) -> Result<clone_args, Errno> {
    const WORDS: usize = size_of::<clone_args>() / 8;
    let mut bytes = [0; WORDS * 8];
    let known = size.min(bytes.len());
    let user = UserPtr::<u8>::new(at);
    // Fields that the kernel doesn't know must be 0 (copy_struct_from_user).
    for i in known..size {
        if user.add(i).read()? != 0 {
            return Err(Errno::E2BIG);
        }
    }
    user.read_into(&mut bytes[..known])?;
    let words: [u64; WORDS] = core::array::from_fn(|i| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[i * 8..i * 8 + 8]);
        u64::from_ne_bytes(word)
    });
    let [
        flags,
        pidfd,
        child_tid,
        parent_tid,
        exit_signal,
        stack,
        stack_size,
        tls,
        set_tid,
        set_tid_size,
        cgroup,
    ] = words;
    Ok(clone_args {
        flags,
        pidfd,
        child_tid,
        parent_tid,
        exit_signal,
        stack,
        stack_size,
        tls,
        set_tid,
        set_tid_size,
        cgroup,
    })
}

/// The requested thread ID, 0 for none. There is one PID namespace, so an array of more than one ID
/// is `EINVAL`; without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE an ID is `EPERM`.
fn set_tid(args: &clone_args) -> Result<u32, Errno> {
    if (args.set_tid == 0) != (args.set_tid_size == 0) || args.set_tid_size > PID_LEVELS {
        return Err(Errno::EINVAL);
    }
    if args.set_tid == 0 {
        return Ok(0);
    }
    let tid = UserPtr::<u32>::new(args.set_tid).read()?;
    if args.set_tid_size > 1 || !(1..PID_MAX).contains(&tid) {
        return Err(Errno::EINVAL);
    }
    let cred = current().cred();
    if !cred.has(Caps::SYS_ADMIN) && !cred.has(Caps::CHECKPOINT_RESTORE) {
        return Err(Errno::EPERM);
    }
    Ok(tid)
}

/// unshare(2): CLONE_FILES gives the process its own descriptor table. The other flags have no
/// effect, or fail: there are no namespaces.
pub fn unshare(flags: u64) -> SysResult {
    const ALONE: CloneFlags = CloneFlags::THREAD
        .union(CloneFlags::SIGHAND)
        .union(CloneFlags::VM);
    let known = ALONE | CloneFlags::FS | CloneFlags::FILES | CloneFlags::SYSVSEM;
    let namespaces =
        CloneFlags::NEWNS | CloneFlags::NEWPID | CloneFlags::NEWUSER | CloneFlags::NEW_OTHERS;
    let flags = CloneFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    if !(known | namespaces).contains(flags) {
        return Err(Errno::EINVAL);
    }
    if flags.intersects(namespaces - CloneFlags::NEWUSER) && !flags.intersects(CloneFlags::NEWUSER)
    {
        return Err(refuse_namespace());
    }
    let process = &current().process;
    let threads = process.thread_count();
    // Descriptor table and working directory belong to a process here, not to a thread.
    let of_process = CloneFlags::FS | CloneFlags::FILES | ALONE;
    if flags.intersects(CloneFlags::NEWUSER) || threads > 1 && flags.intersects(of_process) {
        return Err(Errno::EINVAL);
    }
    if flags.contains(CloneFlags::FILES) {
        process.unshare_files()?;
    }
    Ok(0)
}

/// setns(2): `EINVAL` for every open descriptor, as there are no namespaces.
pub fn setns(fd: i32, _kind: u32) -> SysResult {
    crate::process::caller::file(fd)?;
    Err(Errno::EINVAL)
}
