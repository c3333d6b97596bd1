//! Lock order: the ranks named in the type of each [`Mutex`](super::Mutex).
//!
//! The list below is the order, outermost locks first. `docs/LOCKS.md` explains it.

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
    /// All mounts: `vfs/mount/mod.rs`.
    Mounts,
    /// The mount point of a mount: `vfs/mount/mod.rs`.
    MountPoint,
    /// Extended attributes of a file: `vfs/tmpfs/node.rs`.
    Xattrs,
    /// Waiters for record locks: `vfs/lock/posix.rs`.
    LockWaiters,
    /// The text of an open file of /proc: `fs/procfs/files.rs`.
    ProcText,
    /// A process's reference to its table of open files: `process/mod.rs`.
    FilesOf,
    /// Pipes of open FIFOs: `vfs/pipe/fifo.rs`.
    Fifos,
    /// A table of open files: `fs/fd.rs`.
    Files,
    /// Locks on files: `vfs/lock/mod.rs`.
    FileLocks,
    /// Entries of a directory: `vfs/tmpfs/directory.rs`.
    Directory,
    /// Parent and name of a directory entry: `vfs/dentry.rs`.
    Dentry,
    /// Mode, owner, times of a file: `vfs/tmpfs/node.rs`.
    InodeAttributes,
    /// Root, working directory and umask: `fs/mod.rs`.
    FsContext,
    /// Items of an epoll instance: `vfs/epoll/mod.rs`.
    EpollItems,
    /// Number of files that a user watches: `vfs/epoll/quota.rs`.
    EpollQuota,
    /// An epoll instance's own open file: `vfs/epoll/mod.rs`.
    EpollFile,
    /// Items that watch an open file: `vfs/epoll/item.rs`.
    EpollWatchers,
    /// Pseudo-terminals by number: `tty/pty/mod.rs`.
    Ptys,
    /// A process's controlling terminal: `tty/session.rs`.
    ControllingTerminal,
    /// A terminal: `tty/device.rs`.
    Tty,
    /// The master's side of a pseudo-terminal: `tty/pty/mod.rs`.
    PtyMaster,
    /// Processes whose queues a signalfd's watchers are in: `fs/signalfd.rs`.
    SignalFd,
    /// The count of an eventfd: `vfs/eventfd.rs`.
    EventFd,
    /// Timerfds cancelled by a change of the date: `vfs/timerfd.rs`.
    CancellableTimers,
    /// A timerfd: `vfs/timerfd.rs`.
    TimerFd,
    /// All watches, by file: `vfs/inotify/watch.rs`.
    Watches,
    /// An inotify instance's watches: `vfs/inotify/mod.rs`.
    InotifyWatches,
    /// Event queue of an inotify instance: `vfs/inotify/mod.rs`.
    InotifyQueue,
    /// Numbers of instances and watches per user: `vfs/inotify/limits.rs`.
    InotifyUsers,
    /// Next name for autobind: `net/address.rs`.
    NextSocketName,
    /// Owner and group of a socket: `net/socket.rs`.
    SocketOwner,
    /// A socket: `net/socket.rs`.
    SocketState,
    /// Sockets by path, and by abstract name: `net/address.rs`.
    SocketNames,
    /// Files passed in a packet (SCM_RIGHTS): `net/packet.rs`.
    PacketFiles,
    /// Sockets in flight in packets: `net/inflight.rs`.
    FlyingSockets,
    /// Number of files in flight per user: `net/inflight.rs`.
    FlyingOfUser,
    /// Files of unreachable packets, to be closed: `net/inflight.rs`.
    FlyingLeft,
    /// A process's children: `process/mod.rs`.
    Children,
    /// Threads that a process traces: `process/mod.rs`.
    Tracees,
    /// A process's parent: `process/mod.rs`.
    Parent,
    /// A thread group leader that exited while traced: `process/ptrace/end.rs`.
    TracedLeader,
    /// A process's threads: `process/mod.rs`.
    Threads,
    /// Tasks and processes by ID: `process/table.rs`.
    TaskTable,
    /// Owners of priority-inheriting futexes: `process/futex/pi.rs`.
    FutexOwners,
    /// All futex waiters: `process/futex/mod.rs`.
    FutexQueue,
    /// A thread waiting for a futex: `process/futex/mod.rs`.
    FutexWaiter,
    /// A process's reference to its signal actions: `process/mod.rs`.
    SignalActionsOf,
    /// Signal actions: `process/signal/mod.rs`.
    SignalActions,
    /// Ptrace state of a thread: `process/ptrace/mod.rs`.
    Tracing,
    /// A thread's signals: `process/signal/mod.rs`.
    TaskSignals,
    /// A process's pending signals, and job control: `process/signal/mod.rs`.
    ProcessSignals,
    /// A group exit in progress: `process/status.rs`.
    Ending,
    /// A process's exit status: `process/status.rs`.
    ExitStatus,
    /// A thread's credentials: `abi/cred.rs`.
    TaskCredentials,
    /// Credentials of a thread group leader: `abi/cred.rs`.
    Credentials,
    /// A process's resource limits: `abi/limits.rs`.
    Limits,
    /// Resource usage of reaped children: `process/mod.rs`.
    ChildrenUsage,
    /// A thread's name: `process/task.rs`.
    TaskName,
    /// Name of a process's last thread: `process/mod.rs`.
    LastName,
    /// The file of process accounting (acct(2)): `process/accounting.rs`.
    Accounting,
    /// Attributes that a thread has set (prctl(2)): `process/attributes.rs`.
    TaskAttributes,
    /// A process's timers by ID: `process/timers/mod.rs`.
    PosixTimers,
    /// Next timer ID to try: `process/timers/mod.rs`.
    NextTimer,
    /// Armed CPU-time timers: `process/timers/mod.rs`.
    PosixCpuTimers,
    /// A timer of timer_create(2): `process/timers/posix.rs`.
    PosixTimer,
    /// ITIMER_REAL of a process: `process/timers/mod.rs`.
    RealTimer,
    /// ITIMER_VIRTUAL and ITIMER_PROF of a process: `process/timers/mod.rs`.
    CpuTimers,
    /// CPU times reported last: `process/rusage.rs`.
    CpuTold,
    /// A wait queue: `sched/wait.rs`.
    WaitQueue,
    /// Ready list of an epoll instance: `vfs/epoll/list.rs`.
    EpollList,
    /// Events of an epoll item: `vfs/epoll/item.rs`.
    EpollEvent,
    /// A timer's position in its queue: `time/timer.rs`.
    TimerPlace,
    /// Timers by expiry time: `time/timer.rs`.
    TimerQueue,
    /// The scheduler: `sched/run_queue.rs`.
    RunQueue,
    /// A thread's restartable sequences: `process/task.rs`.
    Rseq,
    /// A thread's FPU registers: `sched/thread.rs`.
    Fpu,
    /// A thread's segment registers: `sched/thread.rs`.
    Segments,
    /// A thread's descriptors in the GDT: `sched/thread.rs`.
    ThreadArea,
    /// A thread's debug registers: `sched/extras.rs`.
    DebugRegisters,
    /// I/O ports granted to a thread (ioperm(2)): `sched/ports.rs`.
    Ports,
    /// A process's reference to its address space: `process/mod.rs`.
    MemoryOf,
    /// An address space: `vm/address_space.rs`.
    Memory,
    /// Open files whose last mapping is gone: `vm/mapped.rs`.
    MappedFiles,
    /// Pages and length of a file: `vfs/tmpfs/data.rs`.
    FileData,
    /// Pages of shared anonymous memory: `vm/shared.rs`.
    SharedPages,
    /// Pages to be freed in parts: `vm/leftovers.rs`.
    Leftovers,
    /// Unused kernel stacks: `mm/kstack.rs`.
    KernelStacks,
    /// Host and domain name (uname(2)): `syscall/system.rs`.
    HostName,
    /// Calls without a handler already logged: `syscall/table.rs`.
    SeenCalls,
    /// The tracer's unfinished line: `trace/line.rs`.
    TraceLine,
    /// Notes of in-kernel tests.
    #[allow(dead_code)]
    TestLog,
    /// The random number generator: `dev/random.rs`.
    RandomPool,
    /// The clocks: `time/mod.rs`.
    Timekeeper,
    /// Watch of the TSC's rate: `time/mod.rs`.
    TscWatch,
    /// The kernel's log: `dev/log.rs`.
    Log,
    /// The serial port: `dev/console.rs`.
    Console,
    /// The heap: `mm/heap.rs`.
    Heap,
    /// Free frames: `mm/allocator.rs`.
    Frames,
}
