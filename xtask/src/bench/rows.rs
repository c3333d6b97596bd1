//! The rows of the table, with Linux's recorded figures.
//!
//! Recorded with Debian's Linux 6.1 in the same QEMU (7.2, `-icount shift=0,sleep=off`), running
//! the same kind of loop, booted with `clocksource=tsc tsc=reliable mitigations=off
//! randomize_kstack_offset=off nokaslr`: its leanest setting (its default costs 5 to 10 % more).
//! Loop overhead is subtracted; each is the minimum of 15 batches of 20,000 calls.

/// The text under the tables.
pub const EXPLANATION: &str = "\
Counted by QEMU -icount: one tick is one guest instruction, whatever it does. What the hardware
does inside one instruction (the interrupt gate's own work, SYSRET's checks, the flushes of a CR3
write) does not show here; real hardware and plain TCG show it. Linux: Debian's 6.1 in its
leanest setting, recorded in the same QEMU.";

/// One boot of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Run {
    /// The 64-bit program.
    Wide,
    /// The 32-bit program on an AMD CPU, where SYSCALL is its fast door.
    NarrowAmd,
    /// The 32-bit program on an Intel CPU, where SYSENTER is.
    NarrowIntel,
    /// [`Self::Wide`] with `clear_registers=off`.
    WideKept,
    /// [`Self::NarrowAmd`] with `clear_registers=off`.
    NarrowAmdKept,
    /// [`Self::NarrowIntel`] with `clear_registers=off`.
    NarrowIntelKept,
}

impl Run {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Wide,
        Self::NarrowAmd,
        Self::NarrowIntel,
        Self::WideKept,
        Self::NarrowAmdKept,
        Self::NarrowIntelKept,
    ];

    /// Whether the entry stubs clear registers, as they do by default.
    pub fn clears(self) -> bool {
        matches!(self, Self::Wide | Self::NarrowAmd | Self::NarrowIntel)
    }

    /// Words for the kernel's command line.
    pub fn command_line(self) -> &'static str {
        if self.clears() {
            "quiet norandmaps"
        } else {
            "quiet norandmaps clear_registers=off"
        }
    }

    /// QEMU's `-cpu`. Random numbers from the CPU would make runs differ.
    pub fn cpu(self) -> &'static str {
        match self {
            Self::Wide | Self::NarrowAmd | Self::WideKept | Self::NarrowAmdKept => {
                "max,-rdrand,-rdseed"
            }
            Self::NarrowIntel | Self::NarrowIntelKept => "max,vendor=GenuineIntel,-rdrand,-rdseed",
        }
    }

    /// The program's width in bits.
    pub fn width(self) -> u32 {
        match self {
            Self::Wide | Self::WideKept => 64,
            _ => 32,
        }
    }

    /// The boot's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Wide => "64-bit program",
            Self::NarrowAmd => "32-bit program, AMD CPU",
            Self::NarrowIntel => "32-bit program, Intel CPU",
            Self::WideKept => "64-bit program, registers not cleared",
            Self::NarrowAmdKept => "32-bit program, AMD CPU, registers not cleared",
            Self::NarrowIntelKept => "32-bit program, Intel CPU, registers not cleared",
        }
    }
}

/// One row: the benchmark's name for it, its title, and Linux's figure.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The boot that prints it.
    pub run: Run,
    /// The name in the benchmark's output.
    pub name: &'static str,
    /// The row's title.
    pub title: &'static str,
    /// Linux's instructions.
    pub linux: f64,
    /// The goal, a little above the best figure so far: the figure must not exceed it.
    pub most: f64,
}

const fn row(run: Run, name: &'static str, title: &'static str, linux: f64, most: f64) -> Row {
    Row {
        run,
        name,
        title,
        linux,
        most,
    }
}

use Run::{NarrowAmd, NarrowAmdKept, NarrowIntel, NarrowIntelKept, Wide, WideKept};

/// The table.
pub const ROWS: &[Row] = &[
    row(Wide, "call_empty", "call of an empty function", 2.0, 2.0),
    row(
        Wide,
        "getpid_syscall",
        "getpid, SYSCALL (64-bit program)",
        293.0,
        72.0,
    ),
    row(
        Wide,
        "getpid_int80",
        "getpid, INT 0x80 (64-bit program)",
        336.0,
        71.0,
    ),
    row(
        NarrowAmd,
        "getpid_int80_32",
        "getpid, INT 0x80 (32-bit program)",
        336.0,
        71.0,
    ),
    row(
        NarrowIntel,
        "getpid_sysenter_32",
        "getpid, SYSENTER via __kernel_vsyscall (32-bit, Intel)",
        330.0,
        91.0,
    ),
    row(
        NarrowAmd,
        "getpid_syscall32_32",
        "getpid, SYSCALL via __kernel_vsyscall (32-bit, AMD)",
        321.0,
        91.0,
    ),
    row(
        Wide,
        "enosys_syscall",
        "number out of range (-ENOSYS), SYSCALL",
        195.0,
        70.0,
    ),
    row(
        Wide,
        "enosys_int80",
        "number out of range (-ENOSYS), INT 0x80",
        237.0,
        70.0,
    ),
    row(
        NarrowIntel,
        "enosys_sysenter_32",
        "number out of range (-ENOSYS), SYSENTER (32-bit, Intel)",
        231.0,
        90.0,
    ),
    row(
        NarrowAmd,
        "enosys_syscall32_32",
        "number out of range (-ENOSYS), SYSCALL (32-bit, AMD)",
        231.0,
        90.0,
    ),
    row(
        WideKept,
        "getpid_syscall",
        "getpid, SYSCALL (64-bit), registers not cleared",
        293.0,
        64.0,
    ),
    row(
        WideKept,
        "getpid_int80",
        "getpid, INT 0x80 (64-bit), registers not cleared",
        336.0,
        63.0,
    ),
    row(
        NarrowIntelKept,
        "getpid_sysenter_32",
        "getpid, SYSENTER (32-bit, Intel), registers not cleared",
        330.0,
        83.0,
    ),
    row(
        NarrowAmdKept,
        "getpid_syscall32_32",
        "getpid, SYSCALL (32-bit, AMD), registers not cleared",
        321.0,
        83.0,
    ),
    row(
        WideKept,
        "enosys_syscall",
        "number out of range, SYSCALL, registers not cleared",
        195.0,
        62.0,
    ),
    row(
        WideKept,
        "enosys_int80",
        "number out of range, INT 0x80, registers not cleared",
        237.0,
        62.0,
    ),
    row(
        NarrowAmdKept,
        "getpid_int80_32",
        "getpid, INT 0x80 (32-bit program), registers not cleared",
        336.0,
        63.0,
    ),
    row(
        NarrowIntelKept,
        "enosys_sysenter_32",
        "number out of range, SYSENTER (32-bit), registers not cleared",
        231.0,
        82.0,
    ),
    row(
        NarrowAmdKept,
        "enosys_syscall32_32",
        "number out of range, SYSCALL (32-bit), registers not cleared",
        231.0,
        82.0,
    ),
    row(
        WideKept,
        "clock_gettime_entered",
        "clock_gettime, SYSCALL (64-bit), registers not cleared",
        417.0,
        97.0,
    ),
    row(
        Wide,
        "clock_gettime_entered",
        "clock_gettime(MONOTONIC), SYSCALL",
        417.0,
        105.0,
    ),
    row(
        Wide,
        "vdso_clock_gettime",
        "vDSO clock_gettime(MONOTONIC), 64-bit",
        61.0,
        30.0,
    ),
    row(
        NarrowAmd,
        "vdso_clock_gettime_32",
        "vDSO clock_gettime(MONOTONIC), 32-bit",
        99.0,
        43.0,
    ),
    row(
        Wide,
        "vdso_clock_gettime_coarse",
        "vDSO clock_gettime(MONOTONIC_COARSE), 64-bit",
        40.0,
        18.0,
    ),
    row(
        NarrowAmd,
        "vdso_clock_gettime_coarse_32",
        "vDSO clock_gettime(MONOTONIC_COARSE), 32-bit",
        64.0,
        31.0,
    ),
    row(
        Wide,
        "vdso_gettimeofday",
        "vDSO gettimeofday, 64-bit",
        56.0,
        32.0,
    ),
    row(
        NarrowAmd,
        "vdso_gettimeofday_32",
        "vDSO gettimeofday, 32-bit",
        98.0,
        45.0,
    ),
    row(Wide, "vdso_time", "vDSO time, 64-bit", 10.0, 7.0),
    row(NarrowAmd, "vdso_time_32", "vDSO time, 32-bit", 23.0, 13.0),
    row(Wide, "vdso_getcpu", "vDSO getcpu, 64-bit", 16.0, 12.0),
    row(
        Wide,
        "read_zero",
        "read(/dev/zero, 1 byte), SYSCALL",
        636.0,
        // The goal is 145: two locks of the table and the reference to the file are above it.
        158.0,
    ),
    row(
        Wide,
        "write_empty",
        "write(1, \"\", 0) to the serial tty, SYSCALL",
        1394.0,
        160.0,
    ),
    row(
        Wide,
        "first_touch",
        "first touch of an anonymous page",
        6900.0,
        1100.0,
    ),
];
