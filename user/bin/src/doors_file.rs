//! The kernel's counters of entries: `/proc/doors`, which only Trident has.
//!
//! A reading makes entries itself (mmap, open, read, close), always the same number. So the entries
//! of some code are the difference between two readings, less the difference between two readings
//! without code in between.

use sys::Door;
use sys::os::{self, PROT_READ, PROT_WRITE};
#[cfg(target_arch = "x86")]
use sys::sysenter::Instruction;

/// More than the file's maximum size: it has a line per door and call number used.
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
        // SAFETY: the mapping is new, of that size, and there is no other reference to it.
        let buffer = unsafe { core::slice::from_raw_parts_mut(address as *mut u8, LONGEST) };
        let counts = Counts::parse(os::read_file(c"/proc/doors", buffer));
        // SAFETY: there is no reference to the buffer any more.
        let _ = unsafe { os::munmap(address, LONGEST) };
        counts
    }

    /// Parses the totals: lines `DOOR total COUNT`; other lines are of single calls.
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

    /// The difference to `earlier`.
    fn since(self, earlier: Counts) -> Counts {
        Counts {
            int80: self.int80 - earlier.int80,
            syscall: self.syscall - earlier.syscall,
            sysenter: self.sysenter - earlier.sysenter,
            syscall32: self.syscall32 - earlier.syscall32,
        }
    }

    /// The counter of calls through `door`.
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

    /// The sum of all counters.
    pub fn total(&self) -> u64 {
        self.int80 + self.syscall + self.sysenter + self.syscall32
    }
}

/// Runs `work` and returns its entries; `None` on a kernel without the counters.
///
/// The counters are system-wide. The parent, which calls wait(2) for this program, may do so
/// between two readings: the cost of a reading is the value that two consecutive readings agree on.
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
