//! Constants of epoll, eventfd, timerfd, signalfd and inotify calls.

use super::{Name, names};

/// epoll_create1(2).
pub const EPOLL_CREATE: &[Name] = names!(linux_raw_sys::general: EPOLL_CLOEXEC);
/// epoll_ctl(2).
pub const EPOLL_OPS: &[Name] =
    names!(linux_raw_sys::general: EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD);
/// Events of epoll.
pub const EPOLL_EVENTS: &[Name] = names!(linux_raw_sys::general:
    EPOLLIN EPOLLPRI EPOLLOUT EPOLLRDNORM EPOLLRDBAND EPOLLWRNORM EPOLLWRBAND EPOLLMSG EPOLLERR
    EPOLLHUP EPOLLRDHUP EPOLLEXCLUSIVE EPOLLWAKEUP EPOLLONESHOT EPOLLET);
/// eventfd(2).
pub const EVENTFD: &[Name] = names!(linux_raw_sys::general: EFD_SEMAPHORE EFD_CLOEXEC EFD_NONBLOCK);
/// inotify_init1(2).
pub const INOTIFY: &[Name] = names!(linux_raw_sys::general: IN_NONBLOCK IN_CLOEXEC);
/// inotify_add_watch(2).
pub const INOTIFY_MASK: &[Name] = names!(linux_raw_sys::general:
    IN_ACCESS IN_MODIFY IN_ATTRIB IN_CLOSE_WRITE IN_CLOSE_NOWRITE IN_OPEN IN_MOVED_FROM IN_MOVED_TO
    IN_CREATE IN_DELETE IN_DELETE_SELF IN_MOVE_SELF IN_UNMOUNT IN_Q_OVERFLOW IN_IGNORED IN_ONLYDIR
    IN_DONT_FOLLOW IN_EXCL_UNLINK IN_MASK_CREATE IN_MASK_ADD IN_ISDIR IN_ONESHOT);
/// signalfd(2).
pub const SIGNALFD: &[Name] = &[(0o2_000_000, "SFD_CLOEXEC"), (0o4000, "SFD_NONBLOCK")];
/// timerfd_create(2).
pub const TIMERFD: &[Name] = names!(linux_raw_sys::general: TFD_CLOEXEC TFD_NONBLOCK);
/// timerfd_settime(2).
pub const TIMERFD_SET: &[Name] =
    names!(linux_raw_sys::general: TFD_TIMER_ABSTIME TFD_TIMER_CANCEL_ON_SET);
/// timer_create(2).
pub const SIGEV: &[Name] =
    names!(linux_raw_sys::general: SIGEV_SIGNAL SIGEV_NONE SIGEV_THREAD SIGEV_THREAD_ID);
