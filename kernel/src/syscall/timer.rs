//! POSIX timers: timer_create(2) and the other timer_* calls. The timers are in
//! `process/timers/posix.rs`.

use alloc::sync::Arc;

use linux_raw_sys::general::{
    SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID, TIMER_ABSTIME,
};
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use super::argument::Word;
use super::cpu_clock::cpu_clock;
use super::time::Pair;
use super::timerfd::{read_spec, write_spec};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::{SIGALRM, check_number};
use crate::process::timers::{Base, Notice, posix};
use crate::process::{current, table};
use crate::time;
use crate::time::schedule::Schedule;
use crate::time::timer::Clock;
use crate::usercopy::UserPtr;

/// Fields of `struct sigevent`: value, signal, notification, thread.
struct Event {
    value: u64,
    signo: i32,
    notify: u32,
    tid: u32,
}

/// Time base of a timer with clock `id` (the clocks with a timer_create in kernel/time/).
fn base(id: i32) -> Result<Base, Errno> {
    let passing = match usize::try_from(id) {
        Ok(REALTIME | TAI) => Some(Clock::Realtime),
        Ok(MONOTONIC | BOOTTIME) => Some(Clock::Monotonic),
        _ => None,
    };
    if let Some(clock) = passing {
        return Ok(Base::Passing(clock));
    }
    /// CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM need an RTC that wakes the machine.
    const ALARMS: [i32; 2] = [8, 9];
    if time::now(id).is_some() || ALARMS.contains(&id) {
        return Err(Errno::EOPNOTSUPP);
    }
    let clock = cpu_clock(id)?;
    if !Arc::ptr_eq(&clock.process, &current().process) {
        return Err(Errno::EINVAL);
    }
    Ok(match clock.thread {
        Some(task) => Base::Thread(Arc::downgrade(&task)),
        None => Base::Process,
    })
}

/// Notification that `event` requests (good_sigevent in kernel/time/posix-timers.c).
///
/// # Errors
/// `EINVAL`.
fn notice(event: &Event) -> Result<Notice, Errno> {
    if event.notify == SIGEV_NONE {
        return Ok(Notice::None);
    }
    let signo = check_number(event.signo)?;
    if signo == 0 {
        return Err(Errno::EINVAL);
    }
    match event.notify {
        // SIGEV_THREAD is a signal to the C library, which starts the thread.
        SIGEV_SIGNAL | SIGEV_THREAD => Ok(Notice::Process(signo, event.value)),
        SIGEV_THREAD_ID => {
            let task = table::find(event.tid).ok_or(Errno::EINVAL)?;
            if !Arc::ptr_eq(&task.process, &current().process) {
                return Err(Errno::EINVAL);
            }
            Ok(Notice::Thread(signo, event.value, Arc::downgrade(&task)))
        }
        _ => Err(Errno::EINVAL),
    }
}

fn create(clock: i32, event: Option<Event>, id: UserPtr<i32>) -> SysResult {
    let base = base(clock)?;
    let notice = event.map(|event| notice(&event)).transpose()?;
    let number = posix::create(base, |id| {
        notice.unwrap_or(Notice::Process(SIGALRM, id as u64))
    })?;
    if let Err(errno) = id.write(number) {
        posix::delete(number)?;
        return Err(errno);
    }
    Ok(0)
}

/// timer_create(2). `struct sigevent` begins with a value as wide as a pointer.
pub fn timer_create<W: Word>(clock: i32, event: UserPtr<[u32; 16]>, id: UserPtr<i32>) -> SysResult {
    let event = event.read_opt()?.map(|words| {
        let [first, second, ..] = words;
        let after = size_of::<W>() / size_of::<u32>();
        Event {
            value: W::truncate(u64::from(first) | u64::from(second) << 32).into(),
            signo: words[after] as i32,
            notify: words[after + 1],
            tid: words[after + 2],
        }
    });
    create(clock, event, id)
}

/// timer_settime(2).
pub fn timer_settime<P: Pair>(id: i32, flags: u32, new: UserPtr<P>, old: UserPtr<P>) -> SysResult {
    if new.is_null() {
        return Err(Errno::EINVAL);
    }
    let [interval, value] = read_spec(new)?;
    let timer = posix::find(id)?;
    let next = match value {
        0 => None,
        value if flags & TIMER_ABSTIME != 0 => Some(value),
        value => Some(timer.now().saturating_add(value)),
    };
    let before = timer.set(Schedule { next, interval });
    write_spec(old, before).map(|()| 0)
}

/// timer_gettime(2).
pub fn timer_gettime<P: Pair>(id: i32, to: UserPtr<P>) -> SysResult {
    let left = posix::find(id)?.left();
    if to.is_null() {
        return Err(Errno::EFAULT);
    }
    write_spec(to, left).map(|()| 0)
}

/// timer_getoverrun(2).
pub fn timer_getoverrun(id: i32) -> SysResult {
    posix::find(id).map(|timer| timer.overrun() as usize)
}

/// timer_delete(2).
pub fn timer_delete(id: i32) -> SysResult {
    posix::delete(id).map(|()| 0)
}
