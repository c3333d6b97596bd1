//! Bad pointers in the pointer arguments of the calls in `ROWS`: null, in the kernel's half, not
//! mapped, across the end of a mapping, wrapping around the end of memory. Each call returns an
//! error or a short count up to the bad byte; no process is killed. Expected: exit 0.
//!
//! The list has the calls that programs use most; it lacks, among others, sockets, epoll, extended
//! attributes, timers, clone3 and rseq. `tests/programs/random_calls.c` makes calls of all numbers,
//! with random pointers, and doesn't check their results.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use sys::os::{self, O_CREAT, O_RDWR, PROT_READ, PROT_WRITE};
use sys::{Door, Env, Errno, call, println};

sys::entry!(run);

/// An argument of a call.
#[derive(Clone, Copy)]
enum Arg {
    /// A bad pointer.
    Pointer,
    /// A bad pointer in an optional argument: the call may also succeed.
    Optional,
    /// A number.
    Is(usize),
    /// A file open for reading and writing.
    File,
    /// A file with data at any offset (/dev/zero).
    Source,
    /// A directory.
    Directory,
    /// A valid pointer to zeroed memory.
    Zeroed,
    /// A valid pointer to a path that doesn't exist.
    Path,
}

use Arg::{Directory, File, Is, Optional, Path, Pointer, Source, Zeroed};

/// A call's name, its numbers in the x86_64 and the i386 table, and its arguments.
struct Row(&'static str, usize, usize, &'static [Arg]);

/// The number of a call that a table lacks.
const NONE: usize = 100_000;
const CWD: Arg = Is(-100_isize as usize);

const ROWS: &[Row] = &[
    Row("read", 0, 3, &[Source, Pointer, Is(64)]),
    Row("write", 1, 4, &[File, Pointer, Is(64)]),
    Row("open", 2, 5, &[Pointer, Is(0)]),
    Row("stat", 4, 106, &[Pointer, Zeroed]),
    Row("stat's result", 4, 106, &[Path, Pointer]),
    Row("fstat", 5, 108, &[File, Pointer]),
    Row("lstat", 6, 107, &[Pointer, Zeroed]),
    Row("stat64", NONE, 195, &[Pointer, Zeroed]),
    Row("fstat64", NONE, 197, &[File, Pointer]),
    Row("poll", 7, 168, &[Pointer, Is(1), Is(0)]),
    Row("rt_sigaction", 13, 174, &[Is(10), Pointer, Is(0), Is(8)]),
    Row(
        "rt_sigaction's old",
        13,
        174,
        &[Is(10), Is(0), Pointer, Is(8)],
    ),
    Row("rt_sigprocmask", 14, 175, &[Is(0), Pointer, Is(0), Is(8)]),
    Row(
        "rt_sigprocmask's old",
        14,
        175,
        &[Is(0), Is(0), Pointer, Is(8)],
    ),
    Row("ioctl TCGETS", 16, 54, &[Is(1), Is(0x5401), Pointer]),
    Row("ioctl TIOCGWINSZ", 16, 54, &[Is(1), Is(0x5413), Pointer]),
    Row("pread64", 17, 180, &[Source, Pointer, Is(64), Is(0)]),
    Row("pwrite64", 18, 181, &[File, Pointer, Is(64), Is(0)]),
    Row("readv", 19, 145, &[Source, Pointer, Is(2)]),
    Row("writev", 20, 146, &[File, Pointer, Is(2)]),
    Row("access", 21, 33, &[Pointer, Is(0)]),
    Row("pipe", 22, 42, &[Pointer]),
    Row("select", 23, 142, &[Is(8), Pointer, Is(0), Is(0), Zeroed]),
    Row("nanosleep", 35, 162, &[Pointer, Is(0)]),
    Row("getitimer", 36, 105, &[Is(0), Pointer]),
    Row("sendfile's offset", 40, 187, &[File, File, Pointer, Is(1)]),
    Row("execve", 59, 11, &[Pointer, Is(0), Is(0)]),
    Row("execve's arguments", 59, 11, &[Path, Pointer, Is(0)]),
    Row("wait4", 61, 114, &[Is(usize::MAX), Optional, Is(1), Is(0)]),
    Row("uname", 63, 122, &[Pointer]),
    Row("getdents", 78, 141, &[Directory, Pointer, Is(512)]),
    Row("getcwd", 79, 183, &[Pointer, Is(64)]),
    Row("chdir", 80, 12, &[Pointer]),
    Row("rename", 82, 38, &[Pointer, Path]),
    Row("rename's target", 82, 38, &[Path, Pointer]),
    Row("mkdir", 83, 39, &[Pointer, Is(0o755)]),
    Row("rmdir", 84, 40, &[Pointer]),
    Row("unlink", 87, 10, &[Pointer]),
    Row("symlink", 88, 83, &[Pointer, Path]),
    Row("readlink", 89, 85, &[Pointer, Zeroed, Is(64)]),
    Row("chmod", 90, 15, &[Pointer, Is(0)]),
    Row("gettimeofday", 96, 78, &[Optional, Is(0)]),
    Row("gettimeofday's zone", 96, 78, &[Is(0), Optional]),
    Row("getrlimit", 97, 76, &[Is(3), Pointer]),
    Row("getrusage", 98, 77, &[Is(0), Pointer]),
    Row("sysinfo", 99, 116, &[Pointer]),
    Row("times", 100, 43, &[Optional]),
    Row("syslog", 103, 103, &[Is(3), Optional, Is(64)]),
    Row("getgroups", 115, 205, &[Is(64), Optional]),
    Row("sigaltstack", 131, 186, &[Pointer, Is(0)]),
    Row("sigaltstack's old", 131, 186, &[Is(0), Pointer]),
    Row("statfs", 137, 99, &[Pointer, Zeroed]),
    Row("mount", 165, 21, &[Path, Pointer, Path, Is(0), Is(0)]),
    Row("time", 201, 13, &[Optional]),
    Row("futex wake", 202, 240, &[Pointer, Is(1), Is(1)]),
    Row("futex wait", 202, 240, &[Pointer, Is(0), Is(1), Is(0)]),
    Row("sched_getaffinity", 204, 242, &[Is(0), Is(128), Pointer]),
    Row("getdents64", 217, 220, &[Directory, Pointer, Is(512)]),
    Row("clock_gettime", 228, 265, &[Is(1), Pointer]),
    Row("clock_gettime64", NONE, 403, &[Is(1), Pointer]),
    Row("clock_getres", 229, 266, &[Is(1), Optional]),
    Row("clock_nanosleep", 230, 267, &[Is(1), Is(0), Pointer, Is(0)]),
    Row("openat", 257, 295, &[CWD, Pointer, Is(0)]),
    Row("mkdirat", 258, 296, &[CWD, Pointer, Is(0o755)]),
    Row("newfstatat", 262, 300, &[CWD, Pointer, Zeroed, Is(0)]),
    Row(
        "newfstatat's result",
        262,
        300,
        &[CWD, Path, Pointer, Is(0)],
    ),
    Row("unlinkat", 263, 301, &[CWD, Pointer, Is(0)]),
    Row("readlinkat", 267, 305, &[CWD, Pointer, Zeroed, Is(64)]),
    Row("faccessat", 269, 307, &[CWD, Pointer, Is(0)]),
    Row("set_robust_list", 273, 311, &[Optional, Is(24)]),
    Row("utimensat", 280, 320, &[CWD, Pointer, Is(0), Is(0)]),
    Row("pipe2", 293, 331, &[Pointer, Is(0)]),
    Row("prlimit64", 302, 340, &[Is(0), Is(3), Is(0), Optional]),
    Row("getcpu", 309, 318, &[Optional, Is(0), Is(0)]),
    Row("getrandom", 318, 355, &[Pointer, Is(64), Is(0)]),
    Row("statx", 332, 383, &[CWD, Pointer, Is(0), Is(0x7ff), Zeroed]),
    Row(
        "statx's result",
        332,
        383,
        &[CWD, Path, Is(0), Is(0x7ff), Pointer],
    ),
    Row("arch_prctl ARCH_GET_FS", 158, NONE, &[Is(0x1003), Pointer]),
    Row("old mmap", NONE, 90, &[Pointer]),
    Row("set_thread_area", NONE, 243, &[Pointer]),
    Row("llseek", NONE, 140, &[File, Is(0), Is(0), Pointer, Is(0)]),
];

/// Memory that calls may write to.
static mut SCRATCH: [u8; 4096] = [0; 4096];

/// Values of the valid arguments.
struct Good {
    file: usize,
    source: usize,
    directory: usize,
}

fn run(_: &Env) -> i32 {
    let _ = os::mkdir(c"/tmp"); // it may exist
    let file = os::open(c"/tmp/bad_pointers", O_RDWR | O_CREAT).unwrap_or(usize::MAX);
    let _ = os::write(file, &[b'x'; 256]); // data to read; a failed open is reported below
    let directory = os::open(c"/", 0).unwrap_or(usize::MAX);
    let source = os::open(c"/dev/zero", 0).unwrap_or(usize::MAX);
    let good = Good {
        file,
        source,
        directory,
    };
    let pid = os::getpid().cast_signed();

    let mut checks = Checks::default();
    checks.that(
        file.max(source).max(directory) != usize::MAX,
        format_args!("can't open the files"),
    );
    let page = os::map_anonymous(8192, PROT_READ | PROT_WRITE).unwrap_or(0);
    // SAFETY: nothing uses the second page.
    let _ = unsafe { os::munmap(page + 4096, 4096) };
    let mut absent = 0;
    for door in Door::usable() {
        for row in ROWS {
            for (what, pointer) in bad_pointers(page) {
                absent += u32::from(!attempt(&mut checks, door, row, what, pointer, &good));
            }
        }
        // SAFETY: getpid touches no memory of the program.
        let answer = unsafe { call(door, door.number(sys::numbers::GETPID), [0; 6]) };
        checks.equal(answer, pid, format_args!("{door}, getpid after all rows"));
    }
    println!("{absent} calls not implemented");
    checks.status()
}

/// Bad pointers. The straddling ones begin in the page at `page`, which is mapped, and end past it.
fn bad_pointers(page: usize) -> impl Iterator<Item = (&'static str, usize)> {
    #[cfg(target_arch = "x86_64")]
    let wide = [
        ("last of the program's half", 0x7fff_ffff_efff),
        ("first beyond the program's half", 0x7fff_ffff_f000),
        ("not canonical", 1 << 47),
        ("first of the kernel's half", 0xffff_8000_0000_0000),
        ("kernel", 0xffff_ffff_8000_0000),
    ];
    #[cfg(target_arch = "x86")]
    let wide = [("kernel", 0xffff_e000), ("kernel's last page", 0xffff_f000)];
    let plain = [
        ("null", 0),
        ("1", 1),
        ("not mapped", page + 4096),
        ("wrapping", usize::MAX - 7),
        ("last byte", usize::MAX),
        ("straddling by all but one byte", page + 4095),
        ("straddling", page + 4093),
    ];
    plain.into_iter().chain(wide)
}

/// Makes the call with the bad pointer; false if the kernel lacks the call.
fn attempt(
    checks: &mut Checks,
    door: Door,
    row: &Row,
    what: &str,
    pointer: usize,
    good: &Good,
) -> bool {
    let Row(name, x86_64, i386, pattern) = *row;
    let number = if door.number(sys::numbers::GETPID) == sys::numbers::GETPID.x86_64 {
        x86_64
    } else {
        i386
    };
    let mut args = [0; 6];
    for (value, arg) in args.iter_mut().zip(pattern) {
        *value = match *arg {
            Pointer | Optional => pointer,
            Is(number) => number,
            File => good.file,
            Source => good.source,
            Directory => good.directory,
            Zeroed => (&raw mut SCRATCH).addr(),
            Path => c"/no/such/path".as_ptr() as usize,
        };
    }
    let optional = pattern.iter().any(|arg| matches!(arg, Optional));
    if number == NONE {
        return true;
    }
    // SAFETY: the calls can't write to memory in use: the valid pointers are those of `SCRATCH`,
    // the bad ones are invalid or in a page mapped for this test.
    let result = unsafe { call(door, number, args) };
    let error = (-4095..0).contains(&result);
    // A transfer may stop at the first bad byte; a null pointer may be valid.
    let partial = what.starts_with("straddling") && (0..=4).contains(&result);
    // Only SYSCALL from 64-bit code passes more than 32 bits of the pointer.
    let null = if number == x86_64 {
        pointer == 0
    } else {
        pointer as u32 == 0
    };
    let nothing = (optional || null) && result >= 0;
    checks.that(
        error || partial || nothing,
        format_args!("{door}, {name}, {what} ({pointer:#x}): {result}"),
    );
    result != -(Errno::ENOSYS.0 as isize)
}
