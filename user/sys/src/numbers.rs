//! System call numbers of both tables.
//!
//! The two tables have different numbers for the same names: `write` is 1 in one and 4 in the
//! other. Source: Linux's `syscall_64.tbl` and `syscall_32.tbl`. Only the calls that the programs
//! use.

/// One call's number in each table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// In the table of `SYSCALL` from 64-bit code.
    pub x86_64: usize,
    /// In the table of every other door.
    pub i386: usize,
}

/// The number of a call that a table lacks: out of range, so the result is `-ENOSYS`.
pub const ABSENT: usize = 100_000;

macro_rules! numbers {
    ($($name:ident $x86_64:expr, $i386:expr;)+) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: ", stringify!($x86_64), " and ", stringify!($i386), ".")]
            pub const $name: Call = Call { x86_64: $x86_64, i386: $i386 };
        )+
    };
}

numbers! {
    READ 0, 3;
    WRITE 1, 4;
    OPEN 2, 5;
    CLOSE 3, 6;
    STAT 4, 106;
    POLL 7, 168;
    LSEEK 8, 19;
    // The i386 table's plain mmap (90) takes a struct; 192 is mmap2, with the offset in pages.
    MMAP 9, 192;
    MPROTECT 10, 125;
    MUNMAP 11, 91;
    RT_SIGACTION 13, 174;
    RT_SIGPROCMASK 14, 175;
    RT_SIGRETURN 15, 173;
    IOCTL 16, 54;
    PREAD64 17, 180;
    PWRITE64 18, 181;
    PIPE 22, 42;
    SCHED_YIELD 24, 158;
    MREMAP 25, 163;
    MSYNC 26, 144;
    DUP2 33, 63;
    NANOSLEEP 35, 162;
    SETITIMER 38, 104;
    GETPID 39, 20;
    CLONE 56, 120;
    FORK 57, 2;
    VFORK 58, 190;
    EXECVE 59, 11;
    EXIT 60, 1;
    WAIT4 61, 114;
    KILL 62, 37;
    FCNTL 72, 55;
    CHDIR 80, 12;
    MKDIR 83, 39;
    UNLINK 87, 10;
    SETPGID 109, 57;
    GETPPID 110, 64;
    SETSID 112, 66;
    MKNOD 133, 14;
    GETTIMEOFDAY 96, 78;
    SYSLOG 103, 103;
    ARCH_PRCTL 158, 384;
    MOUNT 165, 21;
    TIME 201, 13;
    FUTEX 202, 240;
    GETDENTS64 217, 220;
    GETRANDOM 318, 355;
    OPENAT 257, 295;
    READLINKAT 267, 305;
    FALLOCATE 285, 324;
    PRLIMIT64 302, 340;
    MEMFD_CREATE 319, 356;
    CLOSE_RANGE 436, 436;
    CLOCK_GETTIME 228, 265;
    CLOCK_GETTIME64 ABSENT, 403;
    CLOCK_GETRES 229, 266;
    EXIT_GROUP 231, 252;
    SIGNALFD4 289, 327;
    PIPE2 293, 331;
    GETCPU 309, 318;
    STATX 332, 383;
}
