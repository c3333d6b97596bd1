//! Signal calls: dispositions, masks, sending.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::errno::{Errno, SysResult};
use crate::process::signal::{
    self, Action, AlternateStack, SIGKILL, SIGSTOP, SS_DISABLE, SigInfo, UNBLOCKABLE,
};
use crate::process::wait::{WaitQueue, is_interrupted};
use crate::process::{Process, current, table};
use crate::usercopy::UserPtr;

/// Bytes of a signal set in both ABIs.
const SIGSET_SIZE: usize = 8;

fn exchange_action(number: i32, new: Option<Action>) -> Result<Action, Errno> {
    let number = signal::check_number(number)?;
    if number == 0 || new.is_some() && (number == SIGKILL || number == SIGSTOP) {
        return Err(Errno::EINVAL);
    }
    let current = current();
    let mut actions = current.process.actions.lock();
    let old = actions.get(number);
    if let Some(mut action) = new {
        action.mask &= !UNBLOCKABLE;
        actions.set(number, action);
    }
    Ok(old)
}

/// rt_sigaction(2). The kernel's struct sigaction: handler, flags, restorer, mask.
pub fn rt_sigaction(
    number: i32,
    new: UserPtr<[u64; 4]>,
    old: UserPtr<[u64; 4]>,
    size: usize,
) -> SysResult {
    if size != SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let action = |[handler, flags, restorer, mask]: [u64; 4]| Action {
        handler,
        flags,
        restorer,
        mask,
    };
    let previous = exchange_action(number, new.read_opt()?.map(action))?;
    let Action {
        handler,
        flags,
        restorer,
        mask,
    } = previous;
    old.write_opt([handler, flags, restorer, mask]).map(|()| 0)
}

/// rt_sigaction(2) with the 32-bit structure: handler, flags, restorer, two halves of the mask.
pub fn rt_sigaction32(
    number: i32,
    new: UserPtr<[u32; 5]>,
    old: UserPtr<[u32; 5]>,
    size: usize,
) -> SysResult {
    if size != SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let action = |words: [u32; 5]| {
        let [handler, flags, restorer, low, high] = words.map(u64::from);
        Action {
            handler,
            flags,
            restorer,
            mask: low | high << 32,
        }
    };
    let previous = exchange_action(number, new.read_opt()?.map(action))?;
    let Action {
        handler,
        flags,
        restorer,
        mask,
    } = previous;
    let words = [handler, flags, restorer, mask, mask >> 32].map(|word| word as u32);
    old.write_opt(words).map(|()| 0)
}

/// rt_sigprocmask(2); the set has the same layout in both ABIs.
pub fn rt_sigprocmask(how: u32, set: UserPtr<u64>, old: UserPtr<u64>, size: usize) -> SysResult {
    if size != SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let task = current();
    let before = task.signals.lock().blocked;
    if let Some(set) = set.read_opt()? {
        let set = set & !UNBLOCKABLE;
        let blocked = match how {
            0 => before | set,
            1 => before & !set,
            2 => set,
            _ => return Err(Errno::EINVAL),
        };
        signal::set_blocked(blocked);
    }
    old.write_opt(before).map(|()| 0)
}

/// Sends to the first thread of every process that `matches`.
///
/// # Errors
/// Those of [`send_to`].
fn send_where(signal: u8, matches: impl Fn(&Process) -> bool) -> SysResult {
    let mut targets = table::all_processes();
    targets.retain(|process| matches(process));
    send_to(&targets, signal)
}

/// Sends to the first thread of each of `targets`; one that ended is there, but gets nothing.
///
/// # Errors
/// `ESRCH` if there is none, `EPERM` if none of them may be sent to.
fn send_to(targets: &[Arc<Process>], signal: u8) -> SysResult {
    let me = current().process.cred.lock().clone();
    let mut result = Err(Errno::ESRCH);
    for process in targets {
        if !me.may_signal(&process.cred.lock()) {
            result = result.map_err(|_| Errno::EPERM);
            continue;
        }
        result = Ok(0);
        if signal != 0 {
            signal::send_process(process, &SigInfo::user(signal))?;
        }
    }
    result
}

/// Sends to one thread.
fn send_to_task(signal: u8, tid: i32, pid: Option<i32>) -> SysResult {
    let task = table::find(tid as u32).ok_or(Errno::ESRCH)?;
    if pid.is_some_and(|pid| task.process.pid != pid as u32) {
        return Err(Errno::ESRCH);
    }
    let me = current().process.cred.lock().clone();
    if !me.may_signal(&task.process.cred.lock()) {
        return Err(Errno::EPERM);
    }
    if signal != 0 {
        signal::send_task(&task, &SigInfo::tkill(signal))?;
    }
    Ok(0)
}

/// kill(2).
pub fn kill(pid: i32, signal: i32) -> SysResult {
    let signal = signal::check_number(signal)?;
    let me = current().process.pid;
    let group = |process: &Process| process.pgid.load(Ordering::Relaxed);
    match pid {
        -1 => send_where(signal, |process| process.pid > 1 && process.pid != me),
        0 => {
            let mine = group(&current().process);
            send_where(signal, |process| group(process) == mine)
        }
        i32::MIN => Err(Errno::ESRCH),
        pid if pid < 0 => send_where(signal, |process| group(process) == pid.unsigned_abs()),
        pid => {
            let target = table::find_process(pid as u32).ok_or(Errno::ESRCH)?;
            send_to(&[target], signal)
        }
    }
}

/// tkill(2).
pub fn tkill(tid: i32, signal: i32) -> SysResult {
    let signal = signal::check_number(signal)?;
    if tid <= 0 {
        return Err(Errno::EINVAL);
    }
    send_to_task(signal, tid, None)
}

/// tgkill(2).
pub fn tgkill(pid: i32, tid: i32, signal: i32) -> SysResult {
    let signal = signal::check_number(signal)?;
    if pid <= 0 || tid <= 0 {
        return Err(Errno::EINVAL);
    }
    send_to_task(signal, tid, Some(pid))
}

/// pause(2): until a signal comes.
pub fn pause() -> SysResult {
    WaitQueue::new().wait_for(|| is_interrupted().then_some(Err(Errno::ERESTARTNOHAND)))
}

/// rt_sigpending(2).
pub fn rt_sigpending(out: UserPtr<u64>, size: usize) -> SysResult {
    if size > SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let task = current();
    let shared = task.process.signals.lock().pending.set();
    let own = task.signals.lock();
    let bytes = ((own.pending.set() | shared) & own.blocked).to_ne_bytes();
    drop(own);
    out.cast::<u8>().write_slice(&bytes[..size]).map(|()| 0)
}

/// Least size of an alternate stack (MINSIGSTKSZ).
const STACK_MIN: u64 = 2048;
/// SS_AUTODISARM.
const AUTODISARM: u32 = 1 << 31;

fn exchange_stack(new: Option<AlternateStack>) -> Result<AlternateStack, Errno> {
    let task = current();
    let mut signals = task.signals.lock();
    let old = signals.alternate;
    if let Some(new) = new {
        signals.alternate = match new.flags & !AUTODISARM {
            SS_DISABLE => AlternateStack::default(),
            // SS_ONSTACK is accepted and means the same as 0.
            0 | 1 if new.size < STACK_MIN => return Err(Errno::ENOMEM),
            0 | 1 => AlternateStack {
                flags: new.flags & AUTODISARM,
                ..new
            },
            _ => return Err(Errno::EINVAL),
        };
    }
    Ok(old)
}

/// sigaltstack(2): base, flags (padded), size.
pub fn sigaltstack(new: UserPtr<[u64; 3]>, old: UserPtr<[u64; 3]>) -> SysResult {
    let stack = |[base, flags, size]: [u64; 3]| AlternateStack {
        base,
        flags: flags as u32,
        size,
    };
    let AlternateStack { base, flags, size } = exchange_stack(new.read_opt()?.map(stack))?;
    old.write_opt([base, flags.into(), size]).map(|()| 0)
}

/// sigaltstack(2) of i386: three 32-bit words.
pub fn sigaltstack32(new: UserPtr<[u32; 3]>, old: UserPtr<[u32; 3]>) -> SysResult {
    let stack = |[base, flags, size]: [u32; 3]| AlternateStack {
        base: base.into(),
        flags,
        size: size.into(),
    };
    let AlternateStack { base, flags, size } = exchange_stack(new.read_opt()?.map(stack))?;
    old.write_opt([base as u32, flags, size as u32]).map(|()| 0)
}
