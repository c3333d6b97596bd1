//! Calls of epoll(7). Instances are in `vfs/epoll/`.

use linux_raw_sys::general::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLEXCLUSIVE,
    EPOLLWAKEUP,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::poll::{Deadline, deadline_in, read_timespec};
use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::process::caller;
use crate::process::signal::mask;
use crate::usercopy::{self, UserPtr};
use crate::vfs::epoll;
use crate::vfs::epoll::item::Event;
use crate::vfs::poll::ALWAYS;

/// `struct epoll_event`: packed on x86-64, so that both widths agree.
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
#[repr(C, packed)]
pub struct EpollEvent {
    events: u32,
    data: u64,
}

/// Most events that one call may return (EP_MAX_EVENTS).
const MAX_EVENTS: i32 = i32::MAX / size_of::<EpollEvent>() as i32;

/// epoll_create(2): `size`, once a hint, is only checked to be positive.
pub fn epoll_create(size: i32) -> SysResult {
    if size <= 0 {
        return Err(Errno::EINVAL);
    }
    epoll_create1(0)
}

/// epoll_create1(2).
pub fn epoll_create1(flags: u32) -> SysResult {
    if flags & !EPOLL_CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    let fd = caller::install(
        epoll::new(0, caller::credentials().uid)?,
        flags & EPOLL_CLOEXEC != 0,
    )?;
    Ok(fd as usize)
}

/// epoll_ctl(2).
pub fn epoll_ctl(epfd: i32, op: u32, fd: i32, event: UserPtr<EpollEvent>) -> SysResult {
    let mut event = if op == EPOLL_CTL_DEL {
        Event { events: 0, data: 0 }
    } else {
        let EpollEvent { events, data } = event.read()?;
        Event { events, data }
    };
    let (instance, file) = (caller::file(epfd)?, caller::file(fd)?);
    if !file.ops().wait_queues(&mut |_| ()) {
        return Err(Errno::EPERM);
    }
    let target = epoll::of(&file);
    let epoll = epoll::of(&instance).ok_or(Errno::EINVAL)?;
    if alloc::sync::Arc::ptr_eq(&instance, &file) {
        return Err(Errno::EINVAL);
    }
    if event.has(EPOLLEXCLUSIVE) {
        let inputs = Ready::READ.bits() & 0x3f | Ready::WRITE.bits() & 0x3f | ALWAYS.bits();
        let allowed = u32::from(inputs) | EPOLLET | EPOLLEXCLUSIVE | EPOLLWAKEUP;
        if op != EPOLL_CTL_ADD || target.is_some() || event.has(!allowed) {
            return Err(Errno::EINVAL);
        }
    }
    // EPOLLERR and EPOLLHUP are always reported, except by a disarmed item (EPOLLONESHOT).
    event.events = event.events & !EPOLLWAKEUP | u32::from(ALWAYS.bits());
    match op {
        EPOLL_CTL_ADD => epoll.add(&file, fd, event)?,
        EPOLL_CTL_DEL => epoll.delete(&*epoll.find(&file, fd)?),
        EPOLL_CTL_MOD => {
            let item = epoll.find(&file, fd)?;
            if item.event().has(EPOLLEXCLUSIVE) {
                return Err(Errno::EINVAL);
            }
            epoll.modify(item, event);
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

fn wait_until(epfd: i32, events: UserPtr<EpollEvent>, max: i32, deadline: Deadline) -> SysResult {
    if max <= 0 || max > MAX_EVENTS {
        return Err(Errno::EINVAL);
    }
    usercopy::check(events.address(), max as usize * size_of::<EpollEvent>())?;
    let file = caller::file(epfd)?;
    let epoll = epoll::of(&file).ok_or(Errno::EINVAL)?;
    epoll.wait(
        max as usize,
        deadline,
        |index,
         Event {
             events: found,
             data,
         }| {
            events.add(index).write(EpollEvent {
                events: found,
                data,
            })
        },
    )
}

/// epoll_wait(2): the timeout is in milliseconds; a negative one never expires.
pub fn epoll_wait(epfd: i32, events: UserPtr<EpollEvent>, max: i32, timeout: i32) -> SysResult {
    wait_until(epfd, events, max, deadline_in_ms(timeout))
}

fn deadline_in_ms(timeout: i32) -> Deadline {
    let timeout = u64::try_from(timeout).ok()?;
    deadline_in(timeout * 1_000_000)
}

/// epoll_pwait(2).
pub fn epoll_pwait(
    epfd: i32,
    events: UserPtr<EpollEvent>,
    max: i32,
    timeout: i32,
    set: UserPtr<u64>,
    size: usize,
) -> SysResult {
    let deadline = deadline_in_ms(timeout);
    mask::with(set, size, || wait_until(epfd, events, max, deadline))
}

/// epoll_pwait2(2): the timeout is a struct timespec.
pub fn epoll_pwait2<P: Pair>(
    epfd: i32,
    events: UserPtr<EpollEvent>,
    max: i32,
    timeout: UserPtr<P>,
    set: UserPtr<u64>,
    size: usize,
) -> SysResult {
    let deadline = read_timespec(timeout)?;
    mask::with(set, size, || wait_until(epfd, events, max, deadline))
}
