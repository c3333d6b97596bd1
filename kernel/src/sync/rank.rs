//! Lock order: the ranks named in the type of each [`Mutex`](super::Mutex).
//!
//! The list below is the order, outermost locks first. `docs/LOCKS.md` explains it, and names the
//! file of each lock.

/// A lock rank, checked in test builds.
#[cfg_attr(not(debug_assertions), allow(dead_code))]
pub trait Rank {
    /// Position in the order. A lock may be taken only if all held locks have lower ones.
    const ORDER: usize;
    /// Name in messages and `docs/LOCKS.md`.
    const NAME: &'static str;
}

macro_rules! ranks {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        // One rank is used only by in-kernel tests.
        #[allow(dead_code)]
        enum Order {
            $($name,)*
        }
        $(
            $(#[$doc])*
            pub struct $name;
            impl Rank for $name {
                const ORDER: usize = Order::$name as usize;
                const NAME: &'static str = stringify!($name);
            }
        )*
        /// Names of the ranks, in order.
        #[cfg(debug_assertions)]
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

ranks! {
    /// All mounts.
    Mounts,
    /// The mount point of a mount.
    MountPoint,
    /// Extended attributes of a file.
    Xattrs,
    /// Waiters for record locks.
    LockWaiters,
    /// The text of an open file of /proc.
    ProcText,
    /// A process's reference to its table of open files.
    FilesOf,
    /// A table of open files.
    Files,
    /// Locks on files.
    FileLocks,
    /// Entries of a directory.
    Directory,
    /// Parent and name of a directory entry.
    Dentry,
    /// Mode, owner, times of a file.
    InodeAttributes,
    /// Root, working directory and umask.
    FsContext,
    /// Items of an epoll instance.
    EpollItems,
    /// Number of files that a user watches.
    EpollQuota,
    /// An epoll instance's own open file.
    EpollFile,
    /// Items that watch an open file.
    EpollWatchers,
    /// Pseudo-terminals by number.
    Ptys,
    /// A process's controlling terminal.
    ControllingTerminal,
    /// A terminal.
    Tty,
    /// The master's side of a pseudo-terminal.
    PtyMaster,
    /// Processes whose signal wait queues have watchers of a signalfd.
    SignalFd,
    /// The count of an eventfd.
    EventFd,
    /// Timerfds cancelled by a change of the date.
    CancellableTimers,
    /// A timerfd.
    TimerFd,
    /// All watches, by file.
    Watches,
    /// An inotify instance's watches.
    InotifyWatches,
    /// Event queue of an inotify instance.
    InotifyQueue,
    /// Numbers of instances and watches per user.
    InotifyUsers,
    /// Next name for autobind.
    NextSocketName,
    /// Owner and group of a socket.
    SocketOwner,
    /// A socket.
    SocketState,
    /// Sockets by abstract name.
    SocketNames,
    /// What a FIFO or socket file leads to.
    Endpoints,
    /// Files passed in a packet (SCM_RIGHTS).
    PacketFiles,
    /// Sockets in flight: sent (SCM_RIGHTS) and not yet received.
    InFlightSockets,
    /// Number of descriptors in flight per user.
    FlyingOfUser,
    /// Messages that will never be received, whose files are to be closed.
    FlyingLeft,
    /// A process's children.
    Children,
    /// Threads that a process traces.
    Tracees,
    /// A process's parent.
    Parent,
    /// A thread group leader that exited while traced.
    TracedLeader,
    /// A process's threads.
    Threads,
    /// Tasks and processes by ID.
    TaskTable,
    /// Owners of priority-inheriting futexes.
    FutexOwners,
    /// All futex waiters.
    FutexQueue,
    /// A thread waiting for a futex.
    FutexWaiter,
    /// A process's reference to its signal actions.
    SignalActionsOf,
    /// Signal actions.
    SignalActions,
    /// Ptrace state of a thread.
    Tracing,
    /// A thread's signals.
    TaskSignals,
    /// A process's pending signals, and job control.
    ProcessSignals,
    /// A group exit in progress.
    Ending,
    /// A process's exit status.
    ExitStatus,
    /// A thread's credentials.
    TaskCredentials,
    /// Credentials of a thread group leader.
    Credentials,
    /// A process's resource limits.
    Limits,
    /// Resource usage of reaped children.
    ChildrenUsage,
    /// A thread's name.
    TaskName,
    /// Name of a process's last thread.
    LastName,
    /// The file of process accounting (acct(2)).
    Accounting,
    /// Attributes that a thread has set (prctl(2)).
    TaskAttributes,
    /// A process's timers by ID.
    PosixTimers,
    /// Next timer ID to try.
    NextTimer,
    /// Armed CPU-time timers.
    PosixCpuTimers,
    /// A timer of timer_create(2).
    PosixTimer,
    /// ITIMER_REAL of a process.
    RealTimer,
    /// ITIMER_VIRTUAL and ITIMER_PROF of a process.
    CpuTimers,
    /// CPU times reported last.
    ReportedCpuTimes,
    /// A wait queue.
    WaitQueue,
    /// Ready list of an epoll instance.
    EpollList,
    /// Events of an epoll item.
    EpollEvent,
    /// Wake-ups to be made later.
    LateWakes,
    /// A timer's position in its queue.
    TimerPlace,
    /// Timers by expiry time.
    TimerQueue,
    /// The scheduler.
    RunQueue,
    /// A thread's restartable sequences.
    Rseq,
    /// A thread's FPU registers.
    Fpu,
    /// A thread's segment registers.
    Segments,
    /// A thread's descriptors in the GDT.
    ThreadArea,
    /// A thread's debug registers.
    DebugRegisters,
    /// I/O ports granted to a thread (ioperm(2)).
    Ports,
    /// A process's reference to its address space.
    MemoryOf,
    /// An address space.
    Memory,
    /// Address spaces that map a file.
    Mappers,
    /// Open files whose last mapping is gone.
    MappedFiles,
    /// Pages and length of a file.
    FileData,
    /// Pages of shared anonymous memory.
    SharedPages,
    /// Pages to be freed in parts.
    Leftovers,
    /// Unused kernel stacks.
    KernelStacks,
    /// Host and domain name (uname(2)).
    HostName,
    /// Calls without a handler already logged.
    SeenCalls,
    /// The call log's unfinished line.
    TraceLine,
    /// Notes of in-kernel tests.
    #[allow(dead_code)]
    TestLog,
    /// The random number generator.
    RandomPool,
    /// The clocks.
    Timekeeper,
    /// Watch of the TSC's rate.
    TscWatch,
    /// The kernel's log.
    Log,
    /// The serial port.
    Console,
    /// The heap.
    Heap,
    /// Free frames.
    Frames,
}
