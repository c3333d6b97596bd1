//! System-wide calls: uname(2), sethostname(2), sysinfo(2), getrandom(2), syslog(2), reboot(2).

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::personality;
use crate::dev::{power, random};
use crate::mm::PAGE_SIZE;
use crate::mm::fallible;
use crate::mm::frame;
use crate::process::capability::{capable, require};
use crate::process::uts::{DOMAIN, HOST, RELEASE, RELEASE_26, UTS_FIELD, UtsName, VERSION};
use crate::process::{current, table};
use crate::sched::load;
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;

/// Sets the host or domain name to the `len` bytes at `name`.
fn set_name(which: &UtsName, name: UserPtr<u8>, len: i32) -> SysResult {
    require(Caps::SYS_ADMIN)?;
    let len = usize::try_from(len)
        .ok()
        .filter(|len| *len < UTS_FIELD)
        .ok_or(Errno::EINVAL)?;
    let mut new = [0; UTS_FIELD];
    name.read_into(&mut new[..len])?;
    which.set(&new[..len]).map(|()| 0)
}

/// uname(2): six fields of 65 bytes in both tables.
pub fn uname(out: UserPtr<[u8; 6 * UTS_FIELD]>) -> SysResult {
    out.write(utsname::<UTS_FIELD, _>()).map(|()| 0)
}

/// olduname(2), i386: the first five fields.
pub fn olduname(out: UserPtr<[u8; 5 * UTS_FIELD]>) -> SysResult {
    out.write(utsname::<UTS_FIELD, _>()).map(|()| 0)
}

/// oldolduname(2), i386: five fields of 8 bytes and a NUL.
pub fn oldolduname(out: UserPtr<[u8; 5 * 9]>) -> SysResult {
    out.write(utsname::<9, _>()).map(|()| 0)
}

/// The first fields of struct utsname, `FIELD` bytes each, as many as fit in `SIZE` bytes.
fn utsname<const FIELD: usize, const SIZE: usize>() -> [u8; SIZE] {
    let mut fields = [0; SIZE];
    let personality = current().attributes.lock().personality;
    let release = if personality::is_old_release(personality) {
        RELEASE_26
    } else {
        RELEASE
    };
    // A 32-bit program gets x86_64 too, unless it set PER_LINUX32 (personality(2)).
    let machine = if personality::is_32bit_machine(personality) {
        "i686"
    } else {
        "x86_64"
    };
    // `None` where a program can set the name.
    let texts = [
        Some("Linux"),
        None,
        Some(release),
        Some(VERSION),
        Some(machine),
        None,
    ];
    let mut names = [&HOST, &DOMAIN].into_iter();
    for (field, text) in fields.chunks_mut(FIELD).zip(texts) {
        if let Some(text) = text {
            let len = text.len().min(FIELD - 1);
            field[..len].copy_from_slice(&text.as_bytes()[..len]);
        } else if let Some(name) = names.next() {
            name.copy_to(field);
        }
    }
    fields
}

/// sethostname(2).
pub fn sethostname(name: UserPtr<u8>, len: i32) -> SysResult {
    set_name(&HOST, name, len)
}

/// setdomainname(2).
pub fn setdomainname(name: UserPtr<u8>, len: i32) -> SysResult {
    set_name(&DOMAIN, name, len)
}

/// sysinfo(2)'s loads have 16 fractional bits (SI_LOAD_SHIFT).
const LOAD_SHIFT: u32 = 16 - load::SHIFT;

/// sysinfo(2), 112 bytes: uptime, three loads, total, free, shared, buffer, swap total, swap free
/// (longs), procs (u16, padded), high total, high free, unit (u32, padded).
pub fn sysinfo(out: UserPtr<[u64; 14]>) -> SysResult {
    let (free, total) = frame::statistics();
    let mut info = [0; 14];
    info[0] = crate::time::uptime_ns() / 1_000_000_000;
    for (slot, load) in info[1..4].iter_mut().zip(load::averages()) {
        *slot = load << LOAD_SHIFT;
    }
    info[4] = total * PAGE_SIZE;
    info[5] = free * PAGE_SIZE;
    info[10] = table::all().count() as u64;
    info[13] = 1;
    out.write(info).map(|()| 0)
}

/// sysinfo(2), i386, 64 bytes: the sizes are in pages, so that they fit.
pub fn sysinfo32(out: UserPtr<[u32; 16]>) -> SysResult {
    let (free, total) = frame::statistics();
    let mut info = [0; 16];
    info[0] = (crate::time::uptime_ns() / 1_000_000_000) as u32;
    for (slot, load) in info[1..4].iter_mut().zip(load::averages()) {
        *slot = (load << LOAD_SHIFT) as u32;
    }
    info[4] = total as u32;
    info[5] = free as u32;
    info[10] = table::all().count() as u32;
    info[13] = PAGE_SIZE as u32;
    out.write(info).map(|()| 0)
}

/// getrandom(2): all flags read the same generator, which is always ready.
pub fn getrandom(out: UserPtr<u8>, len: usize, flags: u32) -> SysResult {
    const RANDOM_AND_INSECURE: u32 = 2 | 4;
    if flags & !7 != 0 || flags & RANDOM_AND_INSECURE == RANDOM_AND_INSECURE {
        return Err(Errno::EINVAL);
    }
    let len = len.min(i32::MAX as usize);
    let mut chunk = [0; 256];
    let mut done = 0;
    let mut stride = Stride::default();
    while done < len {
        let part = &mut chunk[..(len - done).min(256)];
        random::fill(part);
        match out.byte_add(done as u64).write_slice(part) {
            Ok(()) => done += part.len(),
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
        if stride.passes(part.len() * random::FILL_WEIGHT) && preempt::interrupted().is_err() {
            break;
        }
    }
    Ok(done)
}

/// syslog(2): reads the log and its size; the console's level is fixed at boot.
pub fn syslog(action: i32, out: UserPtr<u8>, len: i32) -> SysResult {
    /// Levels of SYSLOG_ACTION_CONSOLE_LEVEL.
    const LEVELS: core::ops::RangeInclusive<i32> = 1..=8;
    // Every action is privileged, as with kernel.dmesg_restrict=1.
    if !capable(Caps::SYSLOG) {
        require(Caps::SYS_ADMIN)?;
    }
    match action {
        // Open, close, clear, console off, on: accepted.
        0 | 1 | 5..=7 => Ok(0),
        8 if LEVELS.contains(&len) => Ok(0),
        // Read (which would block on an empty log), read all, read and clear.
        2..=4 => {
            let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
            if out.is_null() {
                return Err(Errno::EINVAL);
            }
            let mut text = fallible::zeroed(len.min(crate::dev::log::capacity()))?;
            let got = crate::dev::log::read_all(&mut text);
            out.write_slice(&text[..got]).map(|()| got)
        }
        // SYSLOG_ACTION_SIZE_UNREAD: the console has shown all of the log.
        9 => Ok(0),
        10 => Ok(crate::dev::log::capacity()),
        _ => Err(Errno::EINVAL),
    }
}

/// reboot(2).
pub fn reboot(magic1: u32, magic2: u32, command: u32, _arg: u64) -> SysResult {
    const MAGIC1: u32 = 0xfee1_dead;
    const MAGIC2: [u32; 4] = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
    const RESTART: u32 = 0x0123_4567;
    const HALT: u32 = 0xcdef_0123;
    const POWER_OFF: u32 = 0x4321_fedc;
    const CAD_ON: u32 = 0x89ab_cdef;
    const CAD_OFF: u32 = 0;
    require(Caps::SYS_BOOT)?;
    if magic1 != MAGIC1 || !MAGIC2.contains(&magic2) {
        return Err(Errno::EINVAL);
    }
    match command {
        POWER_OFF => power::power_off(),
        RESTART => power::reset(),
        HALT => power::halt(),
        // Ctrl-Alt-Del: there is no keyboard.
        CAD_ON | CAD_OFF => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// vhangup(2): hangs up the caller's controlling terminal.
pub fn vhangup() -> SysResult {
    require(Caps::SYS_TTY_CONFIG)?;
    let process = &current().process;
    let terminal = process.terminal.lock().tty.clone();
    if let Some(terminal) = terminal {
        terminal.hang_up(false);
    }
    Ok(0)
}
