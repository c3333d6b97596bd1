//! Printing of scalar arguments: numbers, flags, constants.

use linux_raw_sys::general as linux;

use super::call::Call;
use super::commands;
use super::kinds::Arg;
use super::names::{self, event, file, memory, net, process, signal, time};
use super::strings::{address, hex};
use super::text::Text;
use crate::mm::fallible::put;

/// Prints a scalar argument.
pub fn print(out: &mut Text, call: &Call, kind: Arg, value: u64) {
    // The value as an int: the register's upper half is not part of it.
    let int = u64::from(value as u32);
    match kind {
        Arg::Fd | Arg::Int | Arg::Pid | Arg::Id => put!(out, "{}", value as i32),
        Arg::UInt | Arg::SyslogSize => put!(out, "{int}"),
        Arg::Size => put!(out, "{value}"),
        Arg::Offset => put!(out, "{}", call.signed(value)),
        Arg::PageOffset => hex(out, value << 12),
        Arg::DirFd if value as i32 == linux::AT_FDCWD => out.add("AT_FDCWD"),
        Arg::DirFd => put!(out, "{}", value as i32),
        Arg::Mode | Arg::OpenMode => file::permissions(out, int & 0o7777),
        Arg::FileMode => file::mode(out, int),
        Arg::MknodDev => file::device(out, int),
        Arg::OpenFlags => file::open_flags(out, int),
        Arg::PipeFlags => names::flags(out, int, file::OPEN, "O_???"),
        Arg::AccessMode => names::flags(out, int, file::ACCESS_MODES, "?_OK"),
        Arg::AccessFlags => names::flags(out, int, file::AT_ACCESS, "AT_???"),
        Arg::AtFlags => names::flags(out, int, file::AT, "AT_???"),
        Arg::StatxFlags => file::statx_flags(out, int),
        Arg::StatxMask => names::flags(out, int, file::STATX_MASK, "STATX_???"),
        Arg::Whence => names::name(out, int, file::WHENCE, "SEEK_???"),
        Arg::FcntlCommand if call.wide => names::name(out, int, file::FCNTL, "F_???"),
        Arg::FcntlCommand => match names::lookup(int, file::FCNTL64) {
            Some(name) => out.add(name),
            None => names::name(out, int, file::FCNTL, "F_???"),
        },
        Arg::IoctlCommand => commands::ioctl_command(out, int),
        Arg::FlockOp => names::flags(out, int, file::FLOCK, "LOCK_???"),
        Arg::RwfFlags => names::flags(out, int, file::RWF, "RWF_???"),
        Arg::FallocFlags => names::flags(out, int, file::FALLOC, "FALLOC_FL_???"),
        Arg::CloseRangeFlags => names::flags(out, int, file::CLOSE_RANGE, "CLOSE_RANGE_???"),
        Arg::MemfdFlags => names::flags(out, int, file::MEMFD, "MFD_???"),
        Arg::XattrFlags => names::flags(out, int, file::XATTR, "XATTR_???"),
        Arg::RenameFlags => names::flags(out, int, file::RENAME, "RENAME_???"),
        Arg::SockFamily => names::name(out, int, net::FAMILIES, "AF_???"),
        Arg::SockType => net::kind(out, int),
        Arg::SockProtocol => put!(out, "{int}"),
        Arg::SockFlags => names::flags(out, int, net::FLAGS, "SOCK_???"),
        Arg::MsgFlags => names::flags(out, int, net::MESSAGE, "MSG_???"),
        Arg::ShutdownHow => names::name(out, int, net::SHUT, "SHUT_???"),
        Arg::SockLevel => names::name(out, int, net::LEVELS, "SOL_???"),
        Arg::SockOption => names::name(out, int, net::OPTIONS, "SO_???"),
        Arg::SpliceFlags => names::flags(out, int, file::SPLICE, "SPLICE_F_???"),
        Arg::Fadvice => names::name(out, int, file::FADVICE, "POSIX_FADV_???"),
        Arg::MountFlags => names::flags(out, value, file::MOUNT, "MS_???"),
        Arg::UmountFlags => names::flags(out, int, file::UMOUNT, "MNT_???"),
        Arg::Prot => names::flags(out, value, memory::PROT, "PROT_???"),
        Arg::MmapFlags => memory::map_flags(out, value),
        Arg::MremapFlags => names::flags(out, value, memory::MREMAP, "MREMAP_???"),
        Arg::MsyncFlags => names::flags(out, int, memory::MSYNC, "MS_???"),
        Arg::Madvice => names::name(out, int, memory::MADVICE, "MADV_???"),
        Arg::ClockId => names::name(out, int, time::CLOCKS, "CLOCK_???"),
        Arg::ClockFlags => names::flags(out, int, time::CLOCK_FLAGS, "TIMER_???"),
        Arg::ItimerWhich => names::name(out, int, time::ITIMERS, "ITIMER_???"),
        Arg::InotifyFlags => names::flags(out, int, event::INOTIFY, "IN_???"),
        Arg::InotifyMask => names::flags(out, int, event::INOTIFY_MASK, "IN_???"),
        Arg::EpollFlags => names::flags(out, int, event::EPOLL_CREATE, "EPOLL_???"),
        Arg::EpollOp => names::name(out, int, event::EPOLL_OPS, "EPOLL_CTL_???"),
        Arg::EventfdFlags => names::flags(out, int, event::EVENTFD, "EFD_???"),
        Arg::SignalfdFlags => names::flags(out, int, event::SIGNALFD, "SFD_???"),
        Arg::TimerfdFlags => names::flags(out, int, event::TIMERFD, "TFD_???"),
        Arg::TimerfdSetFlags => names::flags(out, int, event::TIMERFD_SET, "TFD_???"),
        Arg::WaitFlags => names::flags(out, int, process::WAIT, "W???"),
        Arg::Resource => names::name(out, int, process::RESOURCES, "RLIMIT_???"),
        Arg::RusageWho => names::name(out, value as i32 as u64, process::RUSAGE, "RUSAGE_???"),
        Arg::PriorityWhich => names::name(out, int, process::PRIORITY, "PRIO_???"),
        Arg::SchedPolicy => names::name(out, int, process::SCHEDULERS, "SCHED_???"),
        Arg::GetrandomFlags => names::flags(out, int, process::GETRANDOM, "GRND_???"),
        Arg::PidfdFlags => names::flags(out, int, process::PIDFD, "PIDFD_???"),
        Arg::FutexOp => commands::futex_op(out, int),
        Arg::RebootCommand => names::name(out, int, process::REBOOT, "LINUX_REBOOT_CMD_???"),
        Arg::RebootMagic => names::name(out, int, process::REBOOT_MAGIC, "LINUX_REBOOT_MAGIC_???"),
        Arg::IdType => names::name(out, int, process::ID_TYPES, "P_???"),
        Arg::PtraceRequest => names::name(out, int, process::PTRACE, "PTRACE_???"),
        Arg::PrctlOption => names::name(out, int, process::PRCTL, "PR_???"),
        Arg::ArchPrctl => names::name(out, int, process::ARCH_PRCTL, "ARCH_???"),
        Arg::SyslogAction => {
            put!(out, "{int}");
            if let Some(name) = names::lookup(int, process::SYSLOG) {
                put!(out, " /* {name} */");
            }
        }
        Arg::Handler => signal::handler(out, value),
        Arg::OldSigset => signal::set(out, u64::from(value as u32)),
        Arg::Signal => signal::name(out, int),
        Arg::SigHow => names::name(out, int, signal::HOW, "SIG_???"),
        Arg::CloneFlagsOnly => names::flags(out, value, process::CLONE, "CLONE_???"),
        Arg::Membarrier => names::name(out, int, process::MEMBARRIER, "MEMBARRIER_CMD_???"),
        Arg::Hex => hex(out, value),
        _ => address(out, value),
    }
}
