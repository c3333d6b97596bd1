//! The i386 table (arch/x86/entry/syscalls/syscall_32.tbl): what INT 0x80, SYSENTER and
//! SYSCALL in 32-bit code call. Structures have their 32-bit layouts here.

use super::{Arg, Entry, adapt, arg, calls};
use crate::syscall::{ids, limits, memory, misc, proc, signal, thread};

calls! {
    1 exit(Int) = proc::exit;
    2 fork() = proc::fork;
    4 write(Fd, InBuf, Size) = misc::write_early;
    7 waitpid(Pid, OutStatus, WaitFlags) = proc::waitpid;
    11 execve(Path, Argv, Envp) = proc::execve32;
    20 getpid() = ids::getpid;
    24 getuid() = ids::getuid;
    37 kill(Pid, Signal) = signal::kill;
    45 brk(Addr) = memory::brk;
    47 getgid() = ids::getgid;
    49 geteuid() = ids::geteuid;
    50 getegid() = ids::getegid;
    57 setpgid(Pid, Pid) = ids::setpgid;
    64 getppid() = ids::getppid;
    65 getpgrp() = ids::getpgrp;
    66 setsid() = ids::setsid;
    75 setrlimit(Resource, RlimitIn) = limits::setrlimit32;
    88 reboot(Hex, Hex, RebootCommand, Addr) = misc::reboot;
    90 mmap(Addr) = memory::old_mmap;
    91 munmap(Addr, Size) = memory::munmap;
    103 syslog(Int, OutBuf, Size) = misc::syslog;
    114 wait4(Pid, OutStatus, WaitFlags, Addr) = proc::wait4;
    116 sysinfo(Sysinfo) = misc::sysinfo32;
    120 clone(CloneFlags, Addr, OutInt, Hex, OutInt) = proc::clone32;
    122 uname(Utsname) = misc::uname;
    125 mprotect(Addr, Size, Prot) = memory::mprotect;
    132 getpgid(Pid) = ids::getpgid;
    144 msync(Addr, Size, Int) = memory::msync;
    147 getsid(Pid) = ids::getsid;
    158 sched_yield() = proc::sched_yield;
    163 mremap(Addr, Size, Size, MremapFlags, Addr) = memory::mremap;
    172 prctl(PrctlOption, Hex, Hex, Hex, Hex) = thread::prctl;
    174 rt_sigaction(Signal, SigactionIn, SigactionOut, Size) = signal::rt_sigaction32;
    175 rt_sigprocmask(SigHow, SigsetIn, SigsetOut, Size) = signal::rt_sigprocmask;
    190 vfork() = proc::vfork;
    191 ugetrlimit(Resource, RlimitOut) = limits::getrlimit32;
    192 mmap2(Addr, Size, Prot, MmapFlags, Fd, Hex) = memory::mmap2;
    199 getuid32() = ids::getuid;
    200 getgid32() = ids::getgid;
    201 geteuid32() = ids::geteuid;
    202 getegid32() = ids::getegid;
    213 setuid32(UInt) = ids::setuid;
    214 setgid32(UInt) = ids::setgid;
    219 madvise(Addr, Size, Madvice) = memory::madvise;
    224 gettid() = ids::gettid;
    238 tkill(Pid, Signal) = signal::tkill;
    243 set_thread_area(Addr) = thread::set_thread_area;
    252 exit_group(Int) = proc::exit_group;
    258 set_tid_address(Addr) = thread::set_tid_address;
    270 tgkill(Pid, Pid, Signal) = signal::tgkill;
    311 set_robust_list(Addr, Size) = thread::set_robust_list;
    340 prlimit64(Pid, Resource, RlimitIn, RlimitOut) = limits::prlimit64;
    355 getrandom(OutBuf, Size, GetrandomFlags) = misc::getrandom;
    384 arch_prctl(ArchPrctl, Hex) = thread::arch_prctl32;
}
