//! The order of locks: a [`Mutex`](super::Mutex) names its rank in its type.
//!
//! The list below is the order, from the locks that are taken first. `docs/LOCKS.md` explains it.

/// A rank: a place in the order, which only test builds look at.
#[cfg_attr(not(debug_assertions), allow(dead_code))]
pub trait Rank {
    /// The place; a lock is taken only while those held have lower ones.
    const ORDER: usize;
    /// What messages and `docs/LOCKS.md` call it.
    const NAME: &'static str;
}

macro_rules! ranks {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        // One rank is taken only by the kernel's own tests.
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
        /// Their names, in order.
        #[cfg(debug_assertions)]
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

ranks! {
    /// All mounts: `fs/mount/mod.rs`.
    Mounts,
    /// Where a file system is mounted: `fs/mount/mod.rs`.
    MountPoint,
    /// Extended attributes of a file: `fs/tmpfs/node.rs`.
    Xattrs,
    /// Who waits for record locks: `fs/lock/posix.rs`.
    LockWaiters,
    /// The text of an open file of /proc: `fs/procfs/files.rs`.
    ProcText,
    /// Which table of open files a process has: `process/mod.rs`.
    FilesOf,
    /// Pipes of FIFOs that are open: `fs/pipe/fifo.rs`.
    Fifos,
    /// A table of open files: `fs/fd.rs`.
    Files,
    /// Locks on files: `fs/lock/mod.rs`.
    FileLocks,
    /// Entries of a directory: `fs/tmpfs/directory.rs`.
    Directory,
    /// A name's parent and the name: `fs/dentry.rs`.
    Dentry,
    /// Mode, owner, times of a file: `fs/tmpfs/node.rs`.
    InodeAttributes,
    /// Root, working directory and umask: `fs/mod.rs`.
    FsContext,
    /// What an epoll instance watches: `fs/epoll/mod.rs`.
    EpollItems,
    /// How many files a user watches: `fs/epoll/quota.rs`.
    EpollQuota,
    /// An epoll instance's own open file: `fs/epoll/mod.rs`.
    EpollFile,
    /// Items that watch an open file: `fs/epoll/item.rs`.
    EpollWatchers,
    /// Pseudo-terminals by number: `fs/tty/pty/mod.rs`.
    Ptys,
    /// A process's controlling terminal: `fs/tty/session.rs`.
    ControllingTerminal,
    /// A terminal: `fs/tty/device.rs`.
    Tty,
    /// The master's side of a pseudo-terminal: `fs/tty/pty/mod.rs`.
    PtyMaster,
    /// Processes in whose queues a signalfd's watchers stand: `fs/signalfd.rs`.
    SignalFd,
    /// The count of an eventfd: `fs/eventfd.rs`.
    EventFd,
    /// Timerfds that a change of the date cancels: `fs/timerfd.rs`.
    CancellableTimers,
    /// A timerfd: `fs/timerfd.rs`.
    TimerFd,
    /// All watches, by file: `fs/inotify/watch.rs`.
    Watches,
    /// An inotify instance's watches: `fs/inotify/mod.rs`.
    InotifyWatches,
    /// Events that wait in an inotify instance: `fs/inotify/mod.rs`.
    InotifyQueue,
    /// How many instances and watches each user has: `fs/inotify/limits.rs`.
    InotifyUsers,
    /// The name that an unnamed socket gets next: `net/address.rs`.
    NextSocketName,
    /// The user and group that own a socket: `net/socket.rs`.
    SocketOwner,
    /// A socket: `net/socket.rs`.
    SocketState,
    /// Sockets by path, and by abstract name: `net/address.rs`.
    SocketNames,
    /// Files on their way in one packet: `net/packet.rs`.
    PacketFiles,
    /// Sockets that are on their way in packets: `net/inflight.rs`.
    FlyingSockets,
    /// How many files each user has on their way: `net/inflight.rs`.
    FlyingOfUser,
    /// Files of packets that nothing can receive, to be closed: `net/inflight.rs`.
    FlyingLeft,
    /// A process's children: `process/mod.rs`.
    Children,
    /// Threads that a process traces: `process/mod.rs`.
    Tracees,
    /// A process's parent: `process/mod.rs`.
    Parent,
    /// A first thread that ended while it was traced: `ptrace/end.rs`.
    TracedLeader,
    /// A process's threads: `process/mod.rs`.
    Threads,
    /// Tasks and processes by ID: `process/table.rs`.
    TaskTable,
    /// Who owns which priority-inheriting futex: `process/futex/pi.rs`.
    FutexOwners,
    /// All who wait for futexes: `process/futex/mod.rs`.
    FutexQueue,
    /// A thread that waits for a futex: `process/futex/mod.rs`.
    FutexWaiter,
    /// Which signal actions a process has: `process/mod.rs`.
    SignalActionsOf,
    /// What each signal does: `process/signal/mod.rs`.
    SignalActions,
    /// How a thread is traced: `ptrace/mod.rs`.
    Tracing,
    /// A thread's signals: `process/signal/mod.rs`.
    TaskSignals,
    /// Signals that wait for a process, and job control: `process/signal/mod.rs`.
    ProcessSignals,
    /// How a process is to end: `process/exit.rs`.
    Ending,
    /// How a process ended: `process/exit.rs`.
    ExitStatus,
    /// As whom a thread acts: `process/cred.rs`.
    TaskCredentials,
    /// As whom a process's first thread acts: `process/cred.rs`.
    Credentials,
    /// A process's resource limits: `process/limits.rs`.
    Limits,
    /// What waited-for children used: `process/mod.rs`.
    ChildrenUsage,
    /// A thread's name: `process/task.rs`.
    TaskName,
    /// The name of a process's last thread: `process/mod.rs`.
    LastName,
    /// Where records of ended processes go: `process/accounting.rs`.
    Accounting,
    /// What a thread set about itself: `process/attributes.rs`.
    TaskAttributes,
    /// A process's timers by ID: `process/timers/mod.rs`.
    PosixTimers,
    /// The ID that is tried next: `process/timers/mod.rs`.
    NextTimer,
    /// Those timers that count CPU time and are on: `process/timers/mod.rs`.
    PosixCpuTimers,
    /// A timer of timer_create(2): `process/timers/posix.rs`.
    PosixTimer,
    /// ITIMER_REAL of a process: `process/timers/mod.rs`.
    RealTimer,
    /// ITIMER_VIRTUAL and ITIMER_PROF of a process: `process/timers/mod.rs`.
    CpuTimers,
    /// CPU times as they were told last: `process/usage.rs`.
    CpuTold,
    /// Those who wait for one thing: `process/wait.rs`.
    WaitQueue,
    /// What of it may be ready: `fs/epoll/list.rs`.
    EpollList,
    /// What is waited for by one item: `fs/epoll/item.rs`.
    EpollEvent,
    /// Where one timer is in its queue: `time/timer.rs`.
    TimerPlace,
    /// Timers by the time they are due: `time/timer.rs`.
    TimerQueue,
    /// The scheduler: `process/sched.rs`.
    RunQueue,
    /// A thread's restartable sequences: `process/rseq.rs`.
    Rseq,
    /// A task's FPU registers: `process/task.rs`.
    Fpu,
    /// A task's segment registers: `process/task.rs`.
    Segments,
    /// A task's descriptors in the GDT: `process/task.rs`.
    ThreadArea,
    /// A thread's debug registers: `process/extras.rs`.
    DebugRegisters,
    /// I/O ports that a thread was given: `process/ports.rs`.
    Ports,
    /// Which address space a process has: `process/mod.rs`.
    MemoryOf,
    /// An address space: `mm/address_space.rs`.
    Memory,
    /// Open files whose last mapping is gone: `mm/mapped.rs`.
    MappedFiles,
    /// Pages and length of a file: `fs/tmpfs/data.rs`.
    FileData,
    /// Pages of memory that is shared without a file: `mm/shared.rs`.
    SharedPages,
    Leftovers,
    /// Kernel stacks that are not in use: `mm/kstack.rs`.
    KernelStacks,
    /// The name that uname(2) gives: `syscall/misc.rs`.
    HostName,
    /// Which calls without a handler were named in the log: `syscall/table.rs`.
    SeenCalls,
    /// The line that the tracer has begun: `trace/line.rs`.
    TraceLine,
    /// What the kernel's own tests note.
    #[allow(dead_code)]
    TestLog,
    /// The pool of random bytes: `dev/random.rs`.
    RandomPool,
    /// The clocks: `time/mod.rs`.
    Timekeeper,
    /// What watches the rate of the TSC: `time/mod.rs`.
    TscWatch,
    /// The kernel's log: `log.rs`.
    Log,
    /// The serial port: `dev/console.rs`.
    Console,
    /// The heap: `mm/heap.rs`.
    Heap,
    /// Free frames: `mm/allocator.rs`.
    Frames,
}
