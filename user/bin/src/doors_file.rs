//! The kernel's own count of entries: `/proc/doors`, which only Trident has.
//!
//! Reading it costs entries too (mmap, open, read, close), always the same number. So the cost of
//! some code is the difference between two readings, less the difference between two readings
//! with nothing in between.

use sys::Door;
use sys::os::{self, PROT_READ, PROT_WRITE};
#[cfg(target_arch = "x86")]
use sys::sysenter::Instruction;

/// More than the file can grow to: a line for each call that ever came through each door.
const LONGEST: usize = 512 * 1024;

/// Entries since boot, by door.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// `INT 0x80`, from either width.
    pub int80: u64,
    /// `SYSCALL` from 64-bit code.
    pub syscall: u64,
    /// `SYSENTER`.
    pub sysenter: u64,
    /// `SYSCALL` from 32-bit code.
    pub syscall32: u64,
}

impl Counts {
    /// Reads the counters; `None` on a kernel without them.
    pub fn read() -> Option<Counts> {
        let address = os::map_anonymous(LONGEST, PROT_READ | PROT_WRITE).ok()?;
        // SAFETY: the kernel has just mapped that many bytes; there is no other reference to them.
        let buffer = unsafe { core::slice::from_raw_parts_mut(address as *mut u8, LONGEST) };
        let counts = Counts::parse(os::read_file(c"/proc/doors", buffer));
        // SAFETY: the counts are numbers; nothing points into the buffer any more.
        let _ = unsafe { os::munmap(address, LONGEST) };
        counts
    }

    /// Takes the totals out of the file: lines `DOOR total COUNT`, among others of single calls.
    fn parse(text: &[u8]) -> Option<Counts> {
        let text = core::str::from_utf8(text).ok()?;
        let count = |door: &str| {
            let total = |line: &str| {
                line.strip_prefix(door)?
                    .strip_prefix(" total ")?
                    .trim()
                    .parse()
                    .ok()
            };
            text.lines().find_map(total)
        };
        Some(Counts {
            int80: count("int80")?,
            syscall: count("syscall")?,
            sysenter: count("sysenter")?,
            syscall32: count("syscall32")?,
        })
    }

    /// What was added since `earlier`.
    fn since(self, earlier: Counts) -> Counts {
        Counts {
            int80: self.int80 - earlier.int80,
            syscall: self.syscall - earlier.syscall,
            sysenter: self.sysenter - earlier.sysenter,
            syscall32: self.syscall32 - earlier.syscall32,
        }
    }

    /// The counter that a call through `door` moves.
    pub fn through(&self, door: Door) -> u64 {
        match door {
            Door::Int80 => self.int80,
            #[cfg(target_arch = "x86_64")]
            Door::Syscall => self.syscall,
            #[cfg(target_arch = "x86")]
            Door::Sysenter => self.sysenter,
            #[cfg(target_arch = "x86")]
            Door::Syscall32 => self.syscall32,
            #[cfg(target_arch = "x86")]
            Door::Vsyscall => match sys::sysenter::instruction() {
                Some(Instruction::Sysenter) => self.sysenter,
                Some(Instruction::Syscall) => self.syscall32,
                _ => self.int80,
            },
        }
    }

    /// All entries together.
    pub fn total(&self) -> u64 {
        self.int80 + self.syscall + self.sysenter + self.syscall32
    }
}

/// Entries made by `work`; `None` on a kernel without the counters.
///
/// The counters are the whole system's. A parent that has yet to call wait(2) for this program does so
/// at some time, perhaps between two readings: the cost of a reading is what two in a row agree on.
pub fn delta(work: impl FnOnce()) -> Option<Counts> {
    const ATTEMPTS: usize = 10;
    let mut before = Counts::read()?;
    let mut reading = None;
    for _ in 0..ATTEMPTS {
        let now = Counts::read()?;
        let cost = now.since(before);
        before = now;
        if reading.replace(cost) == Some(cost) {
            break;
        }
    }
    work();
    Some(Counts::read()?.since(before).since(reading?))
}
