//! ptrace(2): the requests, from tracers of either width. The work is in `process/ptrace/`.

use alloc::sync::Arc;

use linux_raw_sys::ptrace as linux;

use super::argument::Word;
use super::signal::Info;
use super::tls;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::SigInfo;
use crate::arch::fpu::LEGACY_SIZE;
use crate::mm::layout::TASK_SIZE;
use crate::process::ptrace::control::{self, held, resume, signal_argument};
use crate::process::ptrace::end;
use crate::process::ptrace::{Mode, Options, Reason, call, float, registers, regset, user};
use crate::process::signal::layout::{Info32, Info64};
use crate::process::signal::mask;
use crate::process::{Task, current, table};
use crate::sched::preempt;
use crate::usercopy::UserPtr;

/// PTRACE_GET_THREAD_AREA: reads a TLS descriptor (arch/x86/include/uapi/asm/ptrace-abi.h).
const GET_THREAD_AREA: u32 = 25;
/// PTRACE_SET_THREAD_AREA: writes a TLS descriptor.
const SET_THREAD_AREA: u32 = 26;
/// PTRACE_SINGLEBLOCK: to the next branch, on CPUs that can trap on branches (BTF in
/// IA32_DEBUGCTL). QEMU's can't and traps after each instruction, under Linux too.
const SINGLEBLOCK: u32 = 33;

/// ptrace(2) from a 64-bit tracer.
pub fn ptrace(request: u32, pid: i32, addr: u64, data: u64) -> SysResult {
    if let Some(done) = request_without_stop(request, pid, addr, data) {
        return done;
    }
    let task = held(pid as u32)?;
    let out = UserPtr::<u64>::new(data);
    match request {
        linux::PTRACE_PEEKTEXT | linux::PTRACE_PEEKDATA => {
            out.write(u64::from_ne_bytes(peek(&task, addr)?))?;
        }
        linux::PTRACE_POKETEXT | linux::PTRACE_POKEDATA => {
            poke(&task, addr, &data.to_ne_bytes())?;
        }
        linux::PTRACE_PEEKUSR => out.write(user::peek(&task, addr)?)?,
        linux::PTRACE_POKEUSR => user::poke(&task, addr, data)?,
        linux::PTRACE_GETREGS => {
            UserPtr::<[u64; registers::COUNT]>::new(data).write(registers::read(&task))?;
        }
        linux::PTRACE_SETREGS => {
            let values = UserPtr::<[u64; registers::COUNT]>::new(data).read()?;
            for (place, value) in values.into_iter().enumerate() {
                registers::write(&task, place, value)?;
            }
        }
        linux::PTRACE_GETFPREGS => {
            UserPtr::<u8>::new(data).write_slice(&float::read_legacy(&task))?;
        }
        linux::PTRACE_SETFPREGS => {
            let bytes: [u8; LEGACY_SIZE] = UserPtr::new(data).read()?;
            float::write_legacy(&task, &bytes)?;
        }
        linux::PTRACE_ARCH_PRCTL => return arch_prctl(&task, data as u32, addr),
        linux::PTRACE_GETREGSET | linux::PTRACE_SETREGSET => {
            let vector = UserPtr::<[u64; 2]>::new(data);
            let [base, len] = vector.read()?;
            let done = transfer_regset(&task, request, addr as u32, base, len as usize)?;
            vector.write([base, done as u64])?;
        }
        _ => return common::<u64, Info64>(&task, request, addr, data),
    }
    Ok(0)
}

/// ptrace(2) from a 32-bit tracer.
pub fn ptrace32(request: u32, pid: i32, addr: u64, data: u64) -> SysResult {
    if let Some(done) = request_without_stop(request, pid, addr, data) {
        return done;
    }
    let task = held(pid as u32)?;
    let out = UserPtr::<u32>::new(data);
    match request {
        linux::PTRACE_PEEKTEXT | linux::PTRACE_PEEKDATA => {
            out.write(u32::from_ne_bytes(peek(&task, addr)?))?;
        }
        linux::PTRACE_POKETEXT | linux::PTRACE_POKEDATA => {
            poke(&task, addr, &(data as u32).to_ne_bytes())?;
        }
        linux::PTRACE_PEEKUSR => out.write(user::peek_32(&task, addr)?)?,
        linux::PTRACE_POKEUSR => user::poke_32(&task, addr, data as u32)?,
        linux::PTRACE_GETREGS => {
            UserPtr::<[u32; registers::COUNT_32]>::new(data).write(registers::read_32(&task))?;
        }
        linux::PTRACE_SETREGS => {
            let values = UserPtr::<[u32; registers::COUNT_32]>::new(data).read()?;
            for (place, value) in values.into_iter().enumerate() {
                registers::write_32(&task, place, value)?;
            }
        }
        linux::PTRACE_GETFPREGS => {
            UserPtr::<u8>::new(data).write_slice(&float::read_fsave(&task))?;
        }
        linux::PTRACE_SETFPREGS => {
            let bytes: [u8; float::FSAVE_SIZE] = UserPtr::new(data).read()?;
            float::write_fsave(&task, &bytes)?;
        }
        linux::PTRACE_GETFPXREGS => {
            UserPtr::<u8>::new(data).write_slice(&float::read_legacy(&task))?;
        }
        linux::PTRACE_SETFPXREGS => {
            let bytes: [u8; LEGACY_SIZE] = UserPtr::new(data).read()?;
            float::write_legacy(&task, &bytes)?;
        }
        linux::PTRACE_GETREGSET | linux::PTRACE_SETREGSET => {
            let vector = UserPtr::<[u32; 2]>::new(data);
            let [base, len] = vector.read()?;
            let done = transfer_regset(&task, request, addr as u32, base.into(), len as usize)?;
            vector.write([base, done as u32])?;
        }
        _ => return common::<u32, Info32>(&task, request, addr, data),
    }
    Ok(0)
}

/// Requests that don't need a stopped tracee; `None` for the others.
fn request_without_stop(request: u32, pid: i32, addr: u64, data: u64) -> Option<SysResult> {
    let tid = pid as u32;
    let done = match request {
        linux::PTRACE_TRACEME => control::trace_me(),
        linux::PTRACE_ATTACH => control::attach(tid, None),
        linux::PTRACE_SEIZE if table::find(tid).is_none() => Err(Errno::ESRCH),
        linux::PTRACE_SEIZE if addr != 0 => Err(Errno::EIO),
        linux::PTRACE_SEIZE => match u32::try_from(data).ok().and_then(Options::from_bits) {
            Some(options) => control::attach(tid, Some(options)),
            None => Err(Errno::EIO),
        },
        linux::PTRACE_INTERRUPT => control::tracee(tid).and_then(|task| control::interrupt(&task)),
        linux::PTRACE_KILL => control::tracee(tid).map(|task| control::kill(&task)),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

/// Requests that are the same for both widths, or differ in the size of a word only.
fn common<W: Word, I: Info>(task: &Arc<Task>, request: u32, addr: u64, data: u64) -> SysResult {
    let mode = match request {
        linux::PTRACE_CONT => Some(Mode::Run),
        linux::PTRACE_SYSCALL => Some(Mode::Syscall),
        linux::PTRACE_SINGLESTEP | SINGLEBLOCK => Some(Mode::Step),
        linux::PTRACE_SYSEMU => Some(Mode::Sysemu),
        linux::PTRACE_SYSEMU_SINGLESTEP => Some(Mode::SysemuStep),
        _ => None,
    };
    if let Some(mode) = mode {
        resume(task, mode, signal_argument(data)?);
        return Ok(0);
    }
    match request {
        linux::PTRACE_DETACH => {
            let signo = signal_argument(data)?;
            end::detach(&current().process, task, signo);
        }
        linux::PTRACE_LISTEN => control::listen(task)?,
        linux::PTRACE_SETOPTIONS | linux::PTRACE_OLDSETOPTIONS => {
            let options = u32::try_from(data).ok().and_then(Options::from_bits);
            let options = options.ok_or(Errno::EINVAL)?;
            if let Some(tracing) = task.tracing.lock().as_mut() {
                tracing.options = options;
            }
        }
        linux::PTRACE_GETEVENTMSG => {
            let message = task.tracing.lock().as_ref().map_or(0, |t| t.message);
            UserPtr::new(data).write(W::truncate(message))?;
        }
        linux::PTRACE_GETSIGINFO => UserPtr::new(data).write(I::new(&info_of(task)?))?,
        linux::PTRACE_SETSIGINFO => {
            let info = UserPtr::<I>::new(data).read()?.parse();
            info_of(task)?;
            let mut tracing = task.tracing.lock();
            if let Some(stop) = tracing.as_mut().and_then(|t| t.stop.as_mut()) {
                stop.info = info;
            }
        }
        linux::PTRACE_PEEKSIGINFO => return peek_infos::<I>(task, addr, UserPtr::new(data)),
        GET_THREAD_AREA | SET_THREAD_AREA => {
            let entry = u32::try_from(addr as i32).map_err(|_| Errno::EIO)?;
            let desc = UserPtr::new(data);
            if request == GET_THREAD_AREA {
                tls::read_area(task, entry, desc)?;
            } else {
                tls::write_area(task, entry, desc)?;
            }
        }
        linux::PTRACE_GET_SYSCALL_INFO => {
            let info = call::info(task);
            let len = info.len().min(usize::try_from(addr).unwrap_or(usize::MAX));
            UserPtr::<u8>::new(data).write_slice(&info[..len])?;
            return Ok(info.len());
        }
        linux::PTRACE_GETSIGMASK if addr == 8 => {
            UserPtr::<u64>::new(data).write(task.blocked_signals())?;
        }
        linux::PTRACE_SETSIGMASK if addr == 8 => {
            let mask = UserPtr::<u64>::new(data).read()?;
            mask::set_of_held(task, mask);
        }
        linux::PTRACE_GETSIGMASK | linux::PTRACE_SETSIGMASK => return Err(Errno::EINVAL),
        _ => return Err(Errno::EIO),
    }
    Ok(0)
}

/// siginfo of the tracee's stop.
///
/// # Errors
/// `EINVAL` for a group stop of a tracee that was not seized, by which strace recognises one.
fn info_of(task: &Task) -> Result<SigInfo, Errno> {
    let tracing = task.tracing.lock();
    let tracing = tracing.as_ref().ok_or(Errno::ESRCH)?;
    let stop = tracing.stop.ok_or(Errno::EINVAL)?;
    if stop.reason == Reason::Group && !tracing.seized {
        return Err(Errno::EINVAL);
    }
    Ok(stop.info)
}

/// PTRACE_PEEKSIGINFO: copies pending signals, from the offset on, up to the count.
fn peek_infos<I: Info>(task: &Task, addr: u64, out: UserPtr<I>) -> SysResult {
    // offset (8 bytes), flags, count.
    let [low, high, flags, count]: [u32; 4] = UserPtr::new(addr).read()?;
    if flags & !linux::PTRACE_PEEKSIGINFO_SHARED != 0 || (count as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let offset = u64::from(low) | u64::from(high) << 32;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let nth = |number: usize| {
        let number = offset.checked_add(number)?;
        if flags & linux::PTRACE_PEEKSIGINFO_SHARED != 0 {
            task.process.nth_pending_signal(number)
        } else {
            task.nth_pending_signal(number)
        }
    };
    let mut done = 0;
    for info in (0..count as usize).map_while(nth) {
        // After a fault, the elements written before count (ptrace_peek_siginfo in
        // kernel/ptrace.c).
        let more = out.add(done).write(I::new(&info));
        match more.and_then(|()| preempt::interrupted()) {
            Ok(()) => done += 1,
            Err(Errno::EFAULT) if done == 0 => return Err(Errno::EFAULT),
            Err(Errno::EFAULT) => break,
            // A signal for the tracer, after this element was written.
            Err(_) => {
                done += 1;
                break;
            }
        }
    }
    Ok(done)
}

/// PTRACE_ARCH_PRCTL: FS and GS bases.
fn arch_prctl(task: &Task, code: u32, address: u64) -> SysResult {
    const SET_GS: u32 = 0x1001;
    const SET_FS: u32 = 0x1002;
    const GET_FS: u32 = 0x1003;
    const GET_GS: u32 = 0x1004;
    let segments = *task.segments.lock();
    let slot = UserPtr::<u64>::new(address);
    match code {
        SET_FS | SET_GS if address >= TASK_SIZE => return Err(Errno::EPERM),
        // As arch_prctl(2): the selector becomes 0, and the base is not a descriptor's.
        SET_FS => {
            let mut segments = task.segments.lock();
            (segments.fs, segments.fs_base) = (0, address);
        }
        SET_GS => {
            let mut segments = task.segments.lock();
            (segments.gs, segments.gs_base) = (0, address);
        }
        GET_FS => slot.write(segments.fs_base)?,
        GET_GS => slot.write(segments.gs_base)?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// Reads a word of the tracee's memory.
fn peek<const N: usize>(task: &Task, addr: u64) -> Result<[u8; N], Errno> {
    let mut word = [0; N];
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    if mm.lock().peek(addr, &mut word) == N {
        Ok(word)
    } else {
        Err(Errno::EIO)
    }
}

/// Writes a word of the tracee's memory, also to read-only code.
fn poke(task: &Task, addr: u64, word: &[u8]) -> Result<(), Errno> {
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    if mm.lock().poke_by_force(addr, word) == word.len() {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// PTRACE_GETREGSET or PTRACE_SETREGSET with the buffer of `len` bytes at `base`; returns the
/// number of bytes transferred.
fn transfer_regset(
    task: &Task,
    request: u32,
    set: u32,
    base: u64,
    len: usize,
) -> Result<usize, Errno> {
    if request == linux::PTRACE_SETREGSET && set == regset::IOPERM {
        return Err(Errno::EOPNOTSUPP);
    }
    let bytes = regset::read(task, set)?;
    if !len.is_multiple_of(regset::unit(task, set)) {
        return Err(Errno::EINVAL);
    }
    let len = len.min(bytes.len());
    let memory = UserPtr::<u8>::new(base);
    if request == linux::PTRACE_GETREGSET {
        memory.write_slice(&bytes[..len])?;
    } else {
        regset::write(task, set, &memory.read_vec(len)?)?;
    }
    Ok(len)
}
