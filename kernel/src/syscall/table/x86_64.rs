//! The x86_64 table (arch/x86/entry/syscalls/syscall_64.tbl): what SYSCALL in 64-bit code calls.

use super::{Arg, Entry, adapt, arg, calls};
use crate::syscall::{ids, limits, memory, misc, proc, signal, thread};

calls! {
    1 write(Fd, InBuf, Size) = misc::write_early;
    9 mmap(Addr, Size, Prot, MmapFlags, Fd, Hex) = memory::mmap;
    10 mprotect(Addr, Size, Prot) = memory::mprotect;
    11 munmap(Addr, Size) = memory::munmap;
    12 brk(Addr) = memory::brk;
    13 rt_sigaction(Signal, SigactionIn, SigactionOut, Size) = signal::rt_sigaction;
    14 rt_sigprocmask(SigHow, SigsetIn, SigsetOut, Size) = signal::rt_sigprocmask;
    24 sched_yield() = proc::sched_yield;
    25 mremap(Addr, Size, Size, MremapFlags, Addr) = memory::mremap;
    26 msync(Addr, Size, Int) = memory::msync;
    28 madvise(Addr, Size, Madvice) = memory::madvise;
    39 getpid() = ids::getpid;
    56 clone(CloneFlags, Addr, OutInt, OutInt, Hex) = proc::clone;
    57 fork() = proc::fork;
    58 vfork() = proc::vfork;
    59 execve(Path, Argv, Envp) = proc::execve;
    60 exit(Int) = proc::exit;
    61 wait4(Pid, OutStatus, WaitFlags, Addr) = proc::wait4;
    62 kill(Pid, Signal) = signal::kill;
    63 uname(Utsname) = misc::uname;
    97 getrlimit(Resource, RlimitOut) = limits::getrlimit;
    99 sysinfo(Sysinfo) = misc::sysinfo;
    102 getuid() = ids::getuid;
    103 syslog(Int, OutBuf, Size) = misc::syslog;
    104 getgid() = ids::getgid;
    105 setuid(UInt) = ids::setuid;
    106 setgid(UInt) = ids::setgid;
    107 geteuid() = ids::geteuid;
    108 getegid() = ids::getegid;
    109 setpgid(Pid, Pid) = ids::setpgid;
    110 getppid() = ids::getppid;
    111 getpgrp() = ids::getpgrp;
    112 setsid() = ids::setsid;
    121 getpgid(Pid) = ids::getpgid;
    124 getsid(Pid) = ids::getsid;
    157 prctl(PrctlOption, Hex, Hex, Hex, Hex) = thread::prctl;
    158 arch_prctl(ArchPrctl, Hex) = thread::arch_prctl;
    160 setrlimit(Resource, RlimitIn) = limits::setrlimit;
    169 reboot(Hex, Hex, RebootCommand, Addr) = misc::reboot;
    186 gettid() = ids::gettid;
    200 tkill(Pid, Signal) = signal::tkill;
    218 set_tid_address(Addr) = thread::set_tid_address;
    231 exit_group(Int) = proc::exit_group;
    234 tgkill(Pid, Pid, Signal) = signal::tgkill;
    273 set_robust_list(Addr, Size) = thread::set_robust_list;
    302 prlimit64(Pid, Resource, RlimitIn, RlimitOut) = limits::prlimit64;
    318 getrandom(OutBuf, Size, GetrandomFlags) = misc::getrandom;
}
