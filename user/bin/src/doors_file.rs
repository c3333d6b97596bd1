//! The kernel's own count of entries: `/proc/doors`, which only Trident has.
//!
//! Reading it costs entries too (open, read, close), always the same number. So what some code
//! cost is the difference between two readings, less the difference between two readings with
//! nothing in between.

#[cfg(target_arch = "x86")]
use sys::sysenter::Instruction;
use sys::{Door, os};

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
        let mut buffer = [0; 4096];
        let text = core::str::from_utf8(os::read_file(c"/proc/doors", &mut buffer)).ok()?;
        Some(Counts {
            int80: count(text, "int80")?,
            syscall: count(text, "syscall")?,
            sysenter: count(text, "sysenter")?,
            syscall32: count(text, "syscall32")?,
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

/// The number in the line that begins with the word `door`.
fn count(text: &str, door: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?.trim_end_matches(':');
        if name == door {
            words.find_map(|word| word.parse().ok())
        } else {
            None
        }
    })
}

/// What `work` did to the counters; `None` on a kernel without them.
pub fn delta(work: impl FnOnce()) -> Option<Counts> {
    let first = Counts::read()?;
    let second = Counts::read()?;
    work();
    let third = Counts::read()?;
    let reading = second.since(first);
    Some(third.since(second).since(reading))
}
