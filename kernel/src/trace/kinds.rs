//! Kinds of system call arguments: each selects how an argument is printed.
//!
//! The rows of `syscall/table/*.rs` list their arguments' kinds; [`super::args`] prints them. The
//! table, x86_64 or i386, decides whether a structure has its 64-bit or its 32-bit layout; a kind
//! whose name ends in 64 has 64-bit fields in both.

/// Kind of an argument, as named in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A pointer, printed as an address.
    Addr,
    /// faccessat2(2)'s flags.
    AccessFlags,
    /// access(2)'s mode: `F_OK`, or `R_OK`, `W_OK` and `X_OK`.
    AccessMode,
    /// Code of arch_prctl(2).
    ArchPrctl,
    /// arch_prctl(2)'s second argument, by its code.
    ArchPrctlValue,
    /// execve(2)'s argument strings.
    Argv,
    /// `AT_*` flags.
    AtFlags,
    /// clone3(2)'s structure.
    CloneArgs,
    /// clone(2)'s flags; prints the other arguments too, which are [`Arg::Skip`].
    CloneFlags,
    /// unshare(2)'s flags.
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
    /// fcntl(2)'s third argument, by its command.
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
    /// [`Arg::FutexTimeout`] of futex_time64(2): the timeout has 64-bit fields.
    FutexTimeout64,
    /// futex(2)'s fifth and sixth arguments, if the operation uses them.
    FutexValue,
    /// `GRND_*`.
    GetrandomFlags,
    /// Second half of a 64-bit argument; printed with the first.
    Half,
    /// A signal handler's address, `SIG_DFL` or `SIG_IGN`.
    Handler,
    /// A number in hexadecimal.
    Hex,
    /// User or group ID; -1 leaves it unchanged.
    Id,
    /// Bytes that the call reads; the next argument is their number.
    InBuf,
    /// A CPU set that the call reads; the previous argument is its size in bytes.
    InCpus,
    /// An int that the call reads.
    InInt,
    /// Group IDs that the call reads; the previous argument is their number.
    InGroups,
    /// struct iovec array whose buffers the call reads; the next argument is its length.
    InIovec,
    /// sendfile(2)'s offset: the value after the call.
    InOutOffset,
    /// `IN_CLOEXEC`, `IN_NONBLOCK`.
    InotifyFlags,
    /// inotify_add_watch(2)'s events and flags.
    InotifyMask,
    /// Signed number.
    Int,
    /// ioctl(2)'s command.
    IoctlCommand,
    /// ioctl(2)'s third argument, by its command.
    IoctlValue,
    /// `ITIMER_*`.
    ItimerWhich,
    /// struct itimerval, read.
    ItimerIn,
    /// struct itimerval, written.
    ItimerOut,
    /// modify_ldt(2)'s second argument: a struct user_desc to write, or the buffer to read into.
    LdtDesc,
    /// struct itimerspec, read.
    ItimerspecIn,
    /// struct itimerspec with 64-bit fields in both tables, read.
    ItimerspecIn64,
    /// struct itimerspec that the call wrote.
    ItimerspecOut,
    /// struct itimerspec with 64-bit fields in both tables, that the call wrote.
    ItimerspecOut64,
    /// `MADV_*`.
    Madvice,
    /// mknod(2)'s device number, for device files.
    MknodDev,
    /// `MAP_*`.
    MmapFlags,
    /// membarrier(2)'s command.
    Membarrier,
    /// Permission bits, in octal.
    Mode,
    /// `MS_*` of mount(2).
    MountFlags,
    /// memfd_create(2)'s flags.
    MemfdFlags,
    /// `MREMAP_*`.
    MremapFlags,
    /// mremap(2)'s new address, if the flags have the call use it.
    MremapAddr,
    /// `MS_*` of msync(2).
    MsyncFlags,
    /// File offset.
    Offset,
    /// i386: low half of a 64-bit offset; the next argument, [`Arg::Half`], is the high half.
    OffsetLow,
    /// i386: high half of a 64-bit offset; the next argument, [`Arg::Half`], is the low half.
    OffsetHigh,
    /// i386's old mmap(2): a pointer to its six arguments.
    OldMmap,
    /// i386's struct old_sigaction, read.
    OldSigactionIn,
    /// i386's struct old_sigaction, written.
    OldSigactionOut,
    /// i386's old_sigset_t (32 bits) in the register.
    OldSigset,
    /// i386's old_sigset_t, read.
    OldSigsetIn,
    /// i386's old_sigset_t, written.
    OldSigsetOut,
    /// `O_*`.
    OpenFlags,
    /// open(2)'s mode, if the flags have the call create a file.
    OpenMode,
    /// An address that the call wrote.
    OutAddr,
    /// Bytes that the call wrote; the result is their number.
    OutBuf,
    /// The CPU set that sched_getaffinity(2) wrote; the result is its size in bytes.
    OutCpus,
    /// The path that getcwd(2) wrote.
    OutCwd,
    /// Directory entries that the call wrote; only their number is printed.
    OutDirents,
    /// [`Arg::OutDirents`] of i386's getdents(2), whose entries are shorter.
    OutDirents32,
    /// Events that epoll_wait(2) returned.
    OutEpollEvents,
    /// Group IDs that the call wrote; the result is their number.
    OutGroups,
    /// An int that the call wrote.
    OutInt,
    /// struct iovec array whose buffers the call wrote; the next argument is its length.
    OutIovec,
    /// _llseek(2)'s 64-bit result.
    OutOffset,
    /// The target that readlink(2) wrote; the result is its length.
    OutPath,
    /// pipe(2)'s two descriptors.
    OutPipe,
    /// Random bytes, in hexadecimal.
    OutRandom,
    /// wait4(2)'s status.
    OutStatus,
    /// time(2)'s result.
    OutTime,
    /// struct timespec that the call wrote.
    OutTimespec,
    /// struct timespec with 64-bit fields in both tables, that the call wrote.
    OutTimespec64,
    /// struct timeval that the call wrote.
    OutTimeval,
    /// struct timezone that the call wrote.
    OutTimezone,
    /// mmap2(2)'s offset (i386), in pages.
    PageOffset,
    /// A path, not truncated.
    Path,
    /// Process or thread ID.
    Pid,
    /// pidfd_open(2)'s flags.
    PidfdFlags,
    /// `O_CLOEXEC`, `O_NONBLOCK`, without an access mode.
    PipeFlags,
    /// struct pollfd array; the next argument is its length. The returned events are printed after
    /// the result.
    PollFds,
    /// prctl(2)'s option.
    PrctlOption,
    /// waitid(2)'s `P_*`.
    IdType,
    /// A request of ptrace(2).
    PtraceRequest,
    /// An argument of prctl(2), by its option.
    PrctlValue,
    /// `PRIO_*`.
    PriorityWhich,
    /// `PROT_*`.
    Prot,
    /// reboot(2)'s command.
    RebootCommand,
    /// reboot(2)'s first and second argument.
    RebootMagic,
    /// Time left of a sleep that a signal interrupted.
    Remaining,
    /// [`Arg::Remaining`] with 64-bit fields in both tables.
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
    /// select(2)'s set; the first argument is its length in bits.
    SelectFds,
    /// The signal frame that sigreturn(2) restores.
    SigFrame,
    /// `SIG_BLOCK`, `SIG_UNBLOCK` or `SIG_SETMASK`.
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
    /// `SOCK_*`: a type and flags.
    SockType,
    /// socket(2)'s protocol.
    SockProtocol,
    /// `SOCK_CLOEXEC`, `SOCK_NONBLOCK`.
    SockFlags,
    /// struct sockaddr, read; the next argument is its length.
    SockAddr,
    /// sendto(2)'s struct sockaddr; the next argument is its length.
    SendAddr,
    /// struct sockaddr that the call wrote; the next argument points to its length.
    OutSockAddr,
    /// The length of [`Arg::OutSockAddr`] or [`Arg::OutSockOpt`], before and after the call.
    OutSockLen,
    /// `MSG_*`.
    MsgFlags,
    /// struct msghdr, read.
    InMsghdr,
    /// struct msghdr that the call wrote.
    OutMsghdr,
    /// struct mmsghdr array, read; the result is the number of messages sent.
    InMmsghdr,
    /// struct mmsghdr array that the call wrote; the result is the number of messages received.
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
    /// splice(2)'s offset before the call: `[5]`.
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
    /// A string, truncated after 32 bytes.
    Str,
    /// struct sysinfo that the call wrote.
    Sysinfo,
    /// syslog(2)'s action.
    SyslogAction,
    /// syslog(2)'s buffer, if the action uses it.
    SyslogBuf,
    /// syslog(2)'s length of the buffer, or the console level.
    SyslogSize,
    /// struct timespec, read.
    Timespec,
    /// struct timespec with 64-bit fields in both tables, read.
    Timespec64,
    /// struct timeval, read.
    Timeval,
    /// `TFD_CLOEXEC`, `TFD_NONBLOCK`.
    TimerfdFlags,
    /// `TFD_TIMER_*`.
    TimerfdSetFlags,
    /// utimensat(2)'s two times.
    Times,
    /// [`Arg::Times`] with 64-bit fields in both tables.
    Times64,
    /// struct tms that the call wrote.
    Tms,
    /// umount2(2)'s flags.
    UmountFlags,
    /// Unsigned number.
    UInt,
    /// set_thread_area(2)'s struct user_desc (i386).
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
