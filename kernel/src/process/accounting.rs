//! BSD process accounting: each process that ends appends a record to the file set by acct(2)
//! (acct(5); version 3, kernel/acct.c).
//!
//! Left out: ASU, as the use of root's privileges isn't recorded; closing the file when its file
//! system is unmounted: the file system is busy instead.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use vdso::reader::REALTIME;

use super::Process;
use super::status::ExitStatus;
use crate::abi::signal::{DUMPING, bit};
use crate::mm::PAGE_SIZE;
use crate::process::rusage;
use crate::sync::{Mutex, rank};
use crate::time;
use crate::vfs::file::File;
use crate::vfs::io::KernelIn;

/// ac_version: 3, in the byte order of this machine.
const VERSION: u8 = 3;
/// ac_flag: forked without a later execve(2) (AFORK); ended by a signal that dumps core, whether or
/// not a core was written (ACORE); ended by a signal (AXSIG).
const FORKED: u8 = 1;
const DUMPED: u8 = 8;
const SIGNALLED: u8 = 16;
/// Bytes of a record.
const SIZE: usize = 64;
/// Nanoseconds of a tick (AHZ: 100 per second).
const TICK: u64 = 10_000_000;
/// Free space of the file system, in percent, at which accounting is suspended and resumed
/// (/proc/sys/kernel/acct).
const SUSPEND_PERCENT: u64 = 2;
const RESUME_PERCENT: u64 = 4;

/// The accounting file.
struct Account {
    file: Arc<File>,
    /// Suspended for lack of free space.
    is_suspended: bool,
}

static ACCOUNT: Mutex<Option<Account>, rank::Accounting> = Mutex::new(None);

/// Sets the accounting file; `None` turns accounting off.
pub fn set(file: Option<Arc<File>>) {
    let new = file.map(|file| Account {
        file,
        is_suspended: false,
    });
    ACCOUNT.set(new);
}

/// The file for the next record; `None` while accounting is off or suspended.
fn file() -> Option<Arc<File>> {
    let file = ACCOUNT.lock().as_ref()?.file.clone();
    let statistics = file.location().mount.fs().statistics();
    let mut account = ACCOUNT.lock();
    let account = account.as_mut()?;
    let (blocks, free) = (statistics.blocks, statistics.free);
    // A file system without a size limit reports 0 blocks.
    account.is_suspended = match account.is_suspended {
        true => free < blocks.saturating_mul(RESUME_PERCENT) / 100,
        false => blocks > 0 && free <= blocks.saturating_mul(SUSPEND_PERCENT) / 100,
    };
    (!account.is_suspended).then_some(file)
}

/// Size in KiB of the address space of a process, before its release; `None` while accounting is
/// off.
pub fn size_of(process: &Process) -> Option<u64> {
    ACCOUNT.lock().as_ref()?;
    let mm = process.mm();
    let pages = mm.map_or(0, |mm| mm.lock().page_counts().0);
    Some(pages * PAGE_SIZE / 1024)
}

/// Appends the record of a process that ended; `kilobytes` was its size. A write error is ignored.
pub fn note(process: &Process, status: ExitStatus, kilobytes: u64) {
    let Some(file) = file() else {
        return;
    };
    let record = record(process, status, kilobytes);
    // RLIMIT_FSIZE of the ending process doesn't apply to the accounting file.
    let end = file.inode().metadata().size;
    let _ = file.ops().write(end, &mut KernelIn::new(&record), true);
}

/// struct acct_v3.
fn record(process: &Process, status: ExitStatus, kilobytes: u64) -> [u8; SIZE] {
    let cred = process.cred();
    let used = rusage::of_process(process);
    let elapsed = time::uptime_ns().saturating_sub(process.started);
    let now = time::now(REALTIME as i32).unwrap_or_default().seconds;
    let began = now - (elapsed / 1_000_000_000) as i64;
    let parent = process.parent.lock().upgrade();
    let mut flags = 0;
    if !process.has_execed.load(Ordering::Relaxed) {
        flags |= FORKED;
    }
    if let ExitStatus::Killed(signal) = status {
        flags |= SIGNALLED;
        if DUMPING & bit(signal) != 0 && process.is_dumpable.load(Ordering::Relaxed) {
            flags |= DUMPED;
        }
    }
    let terminal = process.terminal.lock().tty.clone();
    let terminal = terminal.map_or(0, |tty| tty.number().encode() as u16);
    let words = [
        status.wait_status(),
        cred.uid,
        cred.gid,
        process.pid,
        parent.map_or(0, |parent| parent.pid),
        u32::try_from(began).unwrap_or(u32::MAX),
        float(elapsed / TICK),
    ];
    let counts = [
        compressed(used.user / TICK),
        compressed(used.system / TICK),
        compressed(kilobytes),
        // ac_io and ac_rw, 0 on Linux too.
        0,
        0,
        compressed(used.faults),
        0,
        0,
    ];
    let mut record = [0; SIZE];
    (record[0], record[1]) = (flags, VERSION);
    record[2..4].copy_from_slice(&terminal.to_ne_bytes());
    for (at, word) in record[4..32].as_chunks_mut().0.iter_mut().zip(words) {
        *at = word.to_ne_bytes();
    }
    for (at, count) in record[32..48].as_chunks_mut().0.iter_mut().zip(counts) {
        *at = count.to_ne_bytes();
    }
    record[48..].copy_from_slice(&process.exit.last_comm());
    record
}

/// A comp_t: 13 bits of fraction and a 3-bit exponent of base 8 (encode_comp_t).
fn compressed(mut value: u64) -> u16 {
    const FRACTION: u64 = (1 << 13) - 1;
    let (mut exponent, mut rounds_up) = (0, false);
    while value > FRACTION {
        rounds_up = value & 4 != 0;
        value >>= 3;
        exponent += 1;
    }
    if rounds_up {
        value += 1;
        if value > FRACTION {
            value >>= 3;
            exponent += 1;
        }
    }
    if exponent > 7 {
        return u16::MAX;
    }
    exponent << 13 | value as u16
}

/// An integer as a single-precision float, truncated (encode_float).
fn float(value: u64) -> u32 {
    /// Exponent of bit 63: 63 plus the format's bias of 127.
    const BIAS: u32 = 190;
    if value == 0 {
        return 0;
    }
    let shift = value.leading_zeros();
    (value << shift >> 40) as u32 & 0x7f_ffff | (BIAS - shift) << 23
}

#[cfg(test)]
mod tests {
    use super::{compressed, float};
    use crate::kernel_test;

    kernel_test!(
        fn accounting_records_pack_numbers_as_linux_does() {
            let counts = [
                (0, 0),
                (8191, 8191),
                (8192, 1 << 13 | 1024),
                (8195, 1 << 13 | 1024),
                (8196, 1 << 13 | 1025),
                (65535, 2 << 13 | 1024),
                (8191 << 21, 7 << 13 | 8191),
                (8192 << 21, u16::MAX),
                (u64::MAX, u16::MAX),
            ];
            for (value, expected) in counts {
                assert_eq!(compressed(value), expected, "{value}");
            }
            for value in [0, 1, 3, 100, 0xff_ffff, 1 << 40] {
                assert_eq!(float(value), (value as f32).to_bits(), "{value}");
            }
            // Truncated, not rounded.
            assert_eq!(float(0x1ff_ffff), 33_554_430_f32.to_bits());
        }
    );
}
