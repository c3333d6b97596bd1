//! The journeys: which calls are recorded, on which machine, and their names on the page.
//!
//! The calls themselves are in `tests/programs/microscope/journeys.c`, each between two labels. A new
//! journey is a function there and a line of [`ALL`].

/// A kernel, the width of the program, and the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// Whether Debian's Linux is booted instead of Trident.
    pub is_linux: bool,
    /// Width of the program in bits.
    pub bits: u32,
    /// Whether the CPU is Intel's (SYSENTER), not AMD's (SYSCALL from 32-bit code).
    pub is_intel: bool,
}

impl Machine {
    const fn trident(bits: u32, is_intel: bool) -> Self {
        Self {
            is_linux: false,
            bits,
            is_intel,
        }
    }

    const fn linux(bits: u32, is_intel: bool) -> Self {
        Self {
            is_linux: true,
            ..Self::trident(bits, is_intel)
        }
    }

    /// QEMU's `-cpu`.
    pub const fn cpu(self) -> &'static str {
        if self.is_intel {
            "max,vendor=GenuineIntel"
        } else {
            "max"
        }
    }

    /// The kernel's name.
    pub const fn kernel(self) -> &'static str {
        if self.is_linux { "Linux" } else { "Trident" }
    }
}

/// One call, from the instruction before it to the program's next one.
#[derive(Clone, Copy, Debug)]
pub struct Journey {
    /// Its name in links.
    pub id: &'static str,
    /// Its name for readers.
    pub title: &'static str,
    /// Heading in the list of journeys.
    pub group: &'static str,
    /// Where it is recorded.
    pub machine: Machine,
    /// Its labels in the program: `start_LABEL`, `end_LABEL`.
    pub label: &'static str,
}

impl Journey {
    /// The visit of the start label that is recorded. The first ones map pages and fill caches. Of the
    /// process switch each visit is one of two processes': from the third on both are in the call. An
    /// instruction that faults is visited again after the fault.
    pub fn visit(&self) -> u32 {
        match self.label {
            "switch" | "page_fault" => 3,
            _ => 2,
        }
    }
}

const AMD64: Machine = Machine::trident(64, false);
const AMD32: Machine = Machine::trident(32, false);
const INTEL32: Machine = Machine::trident(32, true);
const LINUX64: Machine = Machine::linux(64, false);
const LINUX32: Machine = Machine::linux(32, false);
const LINUX_INTEL32: Machine = Machine::linux(32, true);

const DOORS: &str = "getpid() by each door";
const WRITE: &str = "write(1, \"Hello\") to the serial port";
const VDSO64: &str = "vDSO, 64-bit: no entry, or a fallback";
const VDSO32: &str = "vDSO, 32-bit: no entry, or a fallback";
const EVENTS: &str = "Faults, signals, switches";
const LINUX: &str = "The same getpid() on Debian's Linux";

const fn journey(
    id: &'static str,
    title: &'static str,
    group: &'static str,
    machine: Machine,
    label: &'static str,
) -> Journey {
    Journey {
        id,
        title,
        group,
        machine,
        label,
    }
}

/// All journeys, in the page's order.
#[rustfmt::skip]
pub const ALL: &[Journey] = &[
    journey("syscall64-getpid", "getpid() by SYSCALL, 64-bit", DOORS, AMD64, "getpid_syscall"),
    journey("int80-64-getpid", "getpid() by INT 0x80, 64-bit", DOORS, AMD64, "getpid_int80"),
    journey("int80-32-getpid", "getpid() by INT 0x80, 32-bit", DOORS, AMD32, "getpid_int80"),
    journey("syscall32-getpid", "getpid() by SYSCALL, 32-bit", DOORS, AMD32, "getpid_vsyscall"),
    journey("sysenter-getpid", "getpid() by SYSENTER, 32-bit", DOORS, INTEL32, "getpid_vsyscall"),
    journey("linux-syscall64-getpid", "Linux: getpid() by SYSCALL, 64-bit", LINUX, LINUX64, "getpid_syscall"),
    journey("linux-int80-64-getpid", "Linux: getpid() by INT 0x80, 64-bit", LINUX, LINUX64, "getpid_int80"),
    journey("linux-int80-32-getpid", "Linux: getpid() by INT 0x80, 32-bit", LINUX, LINUX32, "getpid_int80"),
    journey("linux-syscall32-getpid", "Linux: getpid() by SYSCALL, 32-bit", LINUX, LINUX32, "getpid_vsyscall"),
    journey("linux-sysenter-getpid", "Linux: getpid() by SYSENTER, 32-bit", LINUX, LINUX_INTEL32, "getpid_vsyscall"),
    journey("syscall64-write", "write() by SYSCALL, 64-bit", WRITE, AMD64, "write_syscall"),
    journey("int80-64-write", "write() by INT 0x80, 64-bit", WRITE, AMD64, "write_int80"),
    journey("int80-32-write", "write() by INT 0x80, 32-bit", WRITE, AMD32, "write_int80"),
    journey("syscall32-write", "write() by SYSCALL, 32-bit", WRITE, AMD32, "write_vsyscall"),
    journey("sysenter-write", "write() by SYSENTER, 32-bit", WRITE, INTEL32, "write_vsyscall"),
    journey("vdso64-clock_gettime", "clock_gettime(MONOTONIC), 64-bit", VDSO64, AMD64, "vdso_gettime"),
    journey("vdso64-coarse", "clock_gettime(COARSE), 64-bit", VDSO64, AMD64, "vdso_coarse"),
    journey("vdso64-clock_gettime-fallback", "clock_gettime(PROCESS_CPUTIME_ID): fallback", VDSO64, AMD64, "vdso_gettime_fallback"),
    journey("vdso64-clock_getres", "clock_getres(MONOTONIC)", VDSO64, AMD64, "vdso_getres"),
    journey("vdso64-clock_getres-fallback", "clock_getres(PROCESS_CPUTIME_ID): fallback", VDSO64, AMD64, "vdso_getres_fallback"),
    journey("vdso64-gettimeofday", "gettimeofday(), 64-bit", VDSO64, AMD64, "vdso_gettimeofday"),
    journey("vdso64-time", "time(), 64-bit", VDSO64, AMD64, "vdso_time"),
    journey("vdso64-getcpu", "getcpu(), 64-bit", VDSO64, AMD64, "vdso_getcpu"),
    journey("vdso32-clock_gettime", "clock_gettime64(MONOTONIC)", VDSO32, AMD32, "vdso_gettime"),
    journey("vdso32-coarse", "clock_gettime64(COARSE)", VDSO32, AMD32, "vdso_coarse"),
    journey("vdso32-clock_gettime-fallback", "clock_gettime64(PROCESS_CPUTIME_ID): fallback", VDSO32, AMD32, "vdso_gettime_fallback"),
    journey("vdso32-gettimeofday", "gettimeofday(), 32-bit", VDSO32, AMD32, "vdso_gettimeofday"),
    journey("vdso32-time", "time(), 32-bit", VDSO32, AMD32, "vdso_time"),
    journey("vdso32-getcpu", "getcpu(), 32-bit", VDSO32, AMD32, "vdso_getcpu"),
    journey("unknown-number", "A number that no call has: -ENOSYS", EVENTS, AMD64, "unknown_number"),
    journey("bad-pointer", "write(1, 8, 5): a fault in the kernel, -EFAULT", EVENTS, AMD64, "bad_pointer"),
    journey("page-fault", "The first write to a new page", EVENTS, AMD64, "page_fault"),
    journey("signal", "A signal: delivery, handler, return (64-bit)", EVENTS, AMD64, "signal"),
    journey("signal32", "A signal: delivery, handler, return (32-bit)", EVENTS, AMD32, "signal"),
    journey("context-switch", "sched_yield(): a switch to another process", EVENTS, AMD64, "switch"),
    journey("ptrace-stop", "INT3 under ptrace: a stop, and on again", EVENTS, AMD64, "ptrace_stop"),
];

/// The machines of these journeys, each once.
pub fn machines(journeys: &[Journey]) -> Vec<Machine> {
    let mut machines: Vec<Machine> = journeys.iter().map(|journey| journey.machine).collect();
    machines.sort();
    machines.dedup();
    machines
}
