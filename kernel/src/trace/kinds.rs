//! What an argument is, so that it can be printed as strace prints it.
//!
//! The rows of `syscall/table/*.rs` name these; [`super::args`] prints them. Whether a
//! structure has its 64- or its 32-bit layout follows from the table, not from the kind,
//! unless the name ends in 64.

/// Kinds of arguments, as the tables name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A pointer that is only passed on.
    Addr,
    /// faccessat2(2)'s flags.
    AccessFlags,
    /// access(2)'s `R_OK` and its like.
    AccessMode,
    /// Code of arch_prctl(2).
    ArchPrctl,
    /// What that code takes.
    ArchPrctlValue,
    /// execve(2)'s argument strings.
    Argv,
    /// `AT_*` flags.
    AtFlags,
    /// clone3(2)'s structure.
    CloneArgs,
    /// clone(2)'s first argument; prints the others too, which are [`Arg::Skip`].
    CloneFlags,
    /// unshare(2)'s argument.
    CloneFlagsOnly,
    /// `TIMER_ABSTIME`.
    ClockFlags,
    /// `CLOCK_*`.
    ClockId,
    /// `CLOSE_RANGE_*`.
    CloseRangeFlags,
    /// `AT_FDCWD` or a file descriptor.
    DirFd,
    /// execve(2)'s environment: address and number of strings.
    Envp,
    /// epoll_ctl(2)'s struct epoll_event.
    EpollEventIn,
    /// `EPOLL_CLOEXEC`.
    EpollFlags,
    /// `EPOLL_CTL_*`.
    EpollOp,
    /// `EFD_*`.
    EventfdFlags,
    /// `FALLOC_FL_*`.
    FallocFlags,
    /// posix_fadvise(2)'s advice.
    Fadvice,
    /// fcntl(2)'s command.
    FcntlCommand,
    /// What that command takes.
    FcntlValue,
    /// File descriptor.
    Fd,
    /// mknod(2)'s type and mode.
    FileMode,
    /// flock(2)'s operation.
    FlockOp,
    /// futex(2)'s operation.
    FutexOp,
    /// futex(2)'s fourth argument: a timeout or a number.
    FutexTimeout,
    /// The same of futex_time64(2).
    FutexTimeout64,
    /// futex(2)'s last two, where the operation has them.
    FutexValue,
    /// `GRND_*`.
    GetrandomFlags,
    /// Second half of a 64-bit argument; printed with the first.
    Half,
    /// A signal handler's address, `SIG_DFL` or `SIG_IGN`.
    Handler,
    /// A number in base 16.
    Hex,
    /// User or group ID, -1 for "leave it".
    Id,
    /// Bytes that the call reads; the next argument is how many.
    InBuf,
    /// The set of CPUs that the call reads; the argument before is its size.
    InCpus,
    /// An int that the call reads.
    InInt,
    /// Group IDs that the call reads; the argument before is how many.
    InGroups,
    /// A vector of buffers that the call reads; the next argument is how many.
    InIovec,
    /// sendfile(2)'s offset, before and after.
    InOutOffset,
    /// `IN_CLOEXEC`, `IN_NONBLOCK`.
    InotifyFlags,
    /// inotify_add_watch(2)'s events and flags.
    InotifyMask,
    /// Signed number.
    Int,
    /// ioctl(2)'s command.
    IoctlCommand,
    /// What that command takes.
    IoctlValue,
    /// `ITIMER_*`.
    ItimerWhich,
    /// struct itimerval, read.
    ItimerIn,
    /// struct itimerval, written.
    ItimerOut,
    /// modify_ldt(2)'s second argument: a description, or where to put the table.
    LdtDesc,
    /// struct itimerspec, read.
    ItimerspecIn,
    /// The same with 64-bit fields for both widths.
    ItimerspecIn64,
    /// struct itimerspec that the call wrote.
    ItimerspecOut,
    /// The same with 64-bit fields for both widths.
    ItimerspecOut64,
    /// `MADV_*`.
    Madvice,
    /// The device of mknod(2), where the type has one.
    MknodDev,
    /// `MAP_*`.
    MmapFlags,
    /// membarrier(2)'s command.
    Membarrier,
    /// Permission bits, octal.
    Mode,
    /// `MS_*` of mount(2).
    MountFlags,
    /// memfd_create(2)'s flags.
    MemfdFlags,
    /// `MREMAP_*`.
    MremapFlags,
    /// mremap(2)'s new address, where the flags ask for one.
    MremapAddr,
    /// `MS_*` of msync(2).
    MsyncFlags,
    /// File offset.
    Offset,
    /// i386: a 64-bit offset, low half; the next argument is [`Arg::Half`].
    OffsetLow,
    /// i386: a 64-bit offset, high half; the next argument is [`Arg::Half`].
    OffsetHigh,
    /// i386's first mmap(2): a pointer to its six arguments.
    OldMmap,
    /// i386's first struct sigaction, read.
    OldSigactionIn,
    /// i386's first struct sigaction, written.
    OldSigactionOut,
    /// i386's first signal set, 32 bits, in the register itself.
    OldSigset,
    /// i386's first signal set, read.
    OldSigsetIn,
    /// i386's first signal set, written.
    OldSigsetOut,
    /// `O_*`.
    OpenFlags,
    /// open(2)'s mode, where the flags ask for one.
    OpenMode,
    /// An address that the call wrote.
    OutAddr,
    /// Bytes that the call wrote; as many as it returned.
    OutBuf,
    /// The set of CPUs that sched_getaffinity(2) wrote.
    OutCpus,
    /// getcwd(2)'s path.
    OutCwd,
    /// Directory entries, counted.
    OutDirents,
    /// The same of getdents(2), whose i386 entries are shorter.
    OutDirents32,
    /// Events that epoll_wait(2) returned.
    OutEpollEvents,
    /// Group IDs; as many as the call returned.
    OutGroups,
    /// An int that the call wrote.
    OutInt,
    /// A vector of buffers that the call wrote; the next argument is how many.
    OutIovec,
    /// _llseek(2)'s 64-bit result.
    OutOffset,
    /// readlink(2)'s target; as many bytes as the call returned.
    OutPath,
    /// pipe(2)'s two descriptors.
    OutPipe,
    /// Random bytes, in base 16.
    OutRandom,
    /// wait4(2)'s status.
    OutStatus,
    /// time(2)'s result.
    OutTime,
    /// struct timespec that the call wrote.
    OutTimespec,
    /// The same with 64-bit fields for both widths.
    OutTimespec64,
    /// struct timeval that the call wrote.
    OutTimeval,
    /// struct timezone that the call wrote.
    OutTimezone,
    /// i386 mmap2(2)'s offset, in pages.
    PageOffset,
    /// A path, whole.
    Path,
    /// Process or thread ID.
    Pid,
    /// pidfd_open(2)'s flags.
    PidfdFlags,
    /// `O_CLOEXEC`, `O_NONBLOCK`, without an access mode.
    PipeFlags,
    /// struct pollfd array; the next argument is how many. Results come after the call's.
    PollFds,
    /// prctl(2)'s option.
    PrctlOption,
    /// Which children waitid(2) asks for.
    IdType,
    /// A request of ptrace(2).
    PtraceRequest,
    /// What that option takes.
    PrctlValue,
    /// `PRIO_*`.
    PriorityWhich,
    /// `PROT_*`.
    Prot,
    /// reboot(2)'s command.
    RebootCommand,
    /// reboot(2)'s first and second argument.
    RebootMagic,
    /// What is left of a sleep that a signal ended.
    Remaining,
    /// The same with 64-bit fields for both widths.
    Remaining64,
    /// `RENAME_*`.
    RenameFlags,
    /// `RLIMIT_*`.
    Resource,
    /// struct rlimit, read.
    RlimitIn,
    /// struct rlimit, written.
    RlimitOut,
    /// struct rlimit64, read.
    Rlimit64In,
    /// struct rlimit64, written.
    Rlimit64Out,
    /// struct rusage that the call wrote.
    Rusage,
    /// `RUSAGE_*`.
    RusageWho,
    /// `RWF_*`.
    RwfFlags,
    /// `SCHED_*`.
    SchedPolicy,
    /// select(2)'s set; the first argument is how many descriptors it covers.
    SelectFds,
    /// The frame that a sigreturn(2) takes off the stack.
    SigFrame,
    /// `SIG_BLOCK` and its like.
    SigHow,
    /// struct sigaction, read.
    SigactionIn,
    /// struct sigaction, written.
    SigactionOut,
    /// stack_t, read.
    SigaltstackIn,
    /// stack_t, written.
    SigaltstackOut,
    /// siginfo_t, read.
    SiginfoIn,
    /// siginfo_t, written.
    SiginfoOut,
    /// Signal number.
    Signal,
    /// struct sigevent, read.
    SigeventIn,
    /// `SFD_*`.
    SignalfdFlags,
    /// Signal set, read.
    SigsetIn,
    /// Signal set, written.
    SigsetOut,
    /// Unsigned number of bytes or elements.
    Size,
    /// Not printed.
    Skip,
    /// socket(2)'s family.
    SockFamily,
    /// `SOCK_*`: a type, and flags.
    SockType,
    /// socket(2)'s protocol.
    SockProtocol,
    /// `SOCK_CLOEXEC`, `SOCK_NONBLOCK`.
    SockFlags,
    /// struct sockaddr, read; the next argument is its length.
    SockAddr,
    /// The same of sendto(2).
    SendAddr,
    /// struct sockaddr that the call wrote; the next argument points to its length.
    OutSockAddr,
    /// That length, before and after.
    OutSockLen,
    /// `MSG_*`.
    MsgFlags,
    /// struct msghdr, read.
    InMsghdr,
    /// struct msghdr that the call wrote.
    OutMsghdr,
    /// struct mmsghdr array, read; the next argument is how many.
    InMmsghdr,
    /// struct mmsghdr array that the call wrote; as many as it returned.
    OutMmsghdr,
    /// `SHUT_*`.
    ShutdownHow,
    /// `SOL_*`.
    SockLevel,
    /// `SO_*`.
    SockOption,
    /// A socket option's value, read; the next argument is its length.
    InSockOpt,
    /// A socket option's value that the call wrote; the next argument points to its length.
    OutSockOpt,
    /// `SPLICE_F_*`.
    SpliceFlags,
    /// splice(2)'s offset: `[5]`, as it is before.
    SpliceOffset,
    /// struct stat that the call wrote; i386: struct stat64.
    Stat,
    /// struct statfs that the call wrote.
    Statfs,
    /// i386's struct statfs64.
    Statfs64,
    /// struct statx that the call wrote.
    Statx,
    /// statx(2)'s flags.
    StatxFlags,
    /// statx(2)'s mask.
    StatxMask,
    /// A string, cut after 32 bytes.
    Str,
    /// struct sysinfo that the call wrote.
    Sysinfo,
    /// syslog(2)'s action.
    SyslogAction,
    /// syslog(2)'s buffer and length, where the action has them.
    SyslogBuf,
    /// See [`Arg::SyslogBuf`].
    SyslogSize,
    /// struct timespec, read.
    Timespec,
    /// The same with 64-bit fields for both widths.
    Timespec64,
    /// struct timeval, read.
    Timeval,
    /// `TFD_CLOEXEC`, `TFD_NONBLOCK`.
    TimerfdFlags,
    /// `TFD_TIMER_*`.
    TimerfdSetFlags,
    /// utimensat(2)'s two times.
    Times,
    /// The same with 64-bit fields for both widths.
    Times64,
    /// struct tms that the call wrote.
    Tms,
    /// umount2(2)'s flags.
    UmountFlags,
    /// Unsigned number.
    UInt,
    /// i386 set_thread_area(2)'s descriptor.
    UserDesc,
    /// struct utimbuf, read.
    Utimbuf,
    /// utimes(2)'s two struct timeval.
    Utimes,
    /// struct utsname that the call wrote.
    Utsname,
    /// wait4(2)'s options.
    WaitFlags,
    /// `SEEK_*`.
    Whence,
    /// setxattr(2)'s flags.
    XattrFlags,
}
