//! The doors, by which a program makes a system call ([`Door`]), and the two tables of calls behind
//! them ([`Table`]).
//!
//! The table, not the door and not the width of the program's code, decides what a number means,
//! which registers have the arguments, and which layout a structure in user memory has. Code
//! outside `abi/` and `entry/` asks for the table and doesn't compare doors
//! (tests/floors/doors.rs).

/// System call entries. The values are those of [`Frame::entry`](super::frame::Frame::entry), where
/// 0 to 255 are vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Door {
    /// INT 0x80, from 32- or 64-bit code.
    Int80 = 0x80,
    /// SYSCALL from 64-bit code, through LSTAR.
    Syscall = 0x100,
    /// SYSCALL from 32-bit code, through CSTAR.
    Syscall32 = 0x101,
    /// SYSENTER.
    Sysenter = 0x102,
}

impl Door {
    /// All doors, in the order of /proc/doors.
    pub const ALL: [Self; 4] = [Self::Int80, Self::Syscall, Self::Syscall32, Self::Sysenter];

    /// The door of a frame's `entry`; `None` for an exception or interrupt.
    #[inline]
    pub const fn of(entry: u64) -> Option<Self> {
        const INT80: u64 = Door::Int80 as u64;
        const SYSCALL: u64 = Door::Syscall as u64;
        const SYSCALL32: u64 = Door::Syscall32 as u64;
        const SYSENTER: u64 = Door::Sysenter as u64;
        match entry {
            INT80 => Some(Self::Int80),
            SYSCALL => Some(Self::Syscall),
            SYSCALL32 => Some(Self::Syscall32),
            SYSENTER => Some(Self::Sysenter),
            _ => None,
        }
    }

    /// Position in [`Self::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        match self {
            Self::Int80 => 0,
            Self::Syscall => 1,
            Self::Syscall32 => 2,
            Self::Sysenter => 3,
        }
    }

    /// The table that the door's calls use.
    #[inline]
    pub const fn table(self) -> Table {
        match self {
            Self::Syscall => Table::X86_64,
            Self::Int80 | Self::Syscall32 | Self::Sysenter => Table::I386,
        }
    }

    /// Name in the call log and in /proc/doors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int80 => "int80",
            Self::Syscall => "syscall",
            Self::Syscall32 => "syscall32",
            Self::Sysenter => "sysenter",
        }
    }
}

// `of` finds every door, and `index` is the place in the list.
const _: () = {
    let mut i = 0;
    while i < Door::ALL.len() {
        let door = Door::ALL[i];
        assert!(door.index() == i);
        assert!(matches!(Door::of(door as u64), Some(found) if found as u64 == door as u64));
        i += 1;
    }
};

/// Tables of system calls: each has its own numbers, argument registers and layouts of structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// arch/x86/entry/syscalls/syscall_64.tbl.
    X86_64,
    /// arch/x86/entry/syscalls/syscall_32.tbl.
    I386,
}

impl Table {
    /// Whether Linux has a call `number`.
    pub const fn is_linux_call(self, number: usize) -> bool {
        match self {
            Self::X86_64 => syscalls::x86_64::Sysno::new(number).is_some(),
            Self::I386 => syscalls::x86::Sysno::new(number).is_some(),
        }
    }

    /// Linux's name of the call `number`, whether it has a handler here or not.
    pub fn linux_name(self, number: u32) -> Option<&'static str> {
        let number = number as usize;
        match self {
            Self::X86_64 => syscalls::x86_64::Sysno::new(number).map(|call| call.name()),
            Self::I386 => syscalls::x86::Sysno::new(number).map(|call| call.name()),
        }
    }

    /// Name of the table, as Linux names the architecture (uname -m, AUDIT_ARCH_I386).
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::I386 => "i386",
        }
    }
}
