//! Capabilities: root's rights, one by one (capabilities(7)), and the secure bits.

use bitflags::bitflags;
use linux_raw_sys::general as linux;

macro_rules! capabilities {
    ($($name:ident = $number:ident;)*) => {
        bitflags! {
            /// A set of capabilities; each has the bit of its number.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            #[allow(missing_docs)] // capabilities(7) says what each is for.
            pub struct Caps: u64 {
                $(const $name = 1 << linux::$number;)*
            }
        }
    };
}

capabilities! {
    CHOWN = CAP_CHOWN;
    DAC_OVERRIDE = CAP_DAC_OVERRIDE;
    DAC_READ_SEARCH = CAP_DAC_READ_SEARCH;
    FOWNER = CAP_FOWNER;
    FSETID = CAP_FSETID;
    KILL = CAP_KILL;
    SETGID = CAP_SETGID;
    SETUID = CAP_SETUID;
    SETPCAP = CAP_SETPCAP;
    LINUX_IMMUTABLE = CAP_LINUX_IMMUTABLE;
    NET_BIND_SERVICE = CAP_NET_BIND_SERVICE;
    NET_BROADCAST = CAP_NET_BROADCAST;
    NET_ADMIN = CAP_NET_ADMIN;
    NET_RAW = CAP_NET_RAW;
    IPC_LOCK = CAP_IPC_LOCK;
    IPC_OWNER = CAP_IPC_OWNER;
    SYS_MODULE = CAP_SYS_MODULE;
    SYS_RAWIO = CAP_SYS_RAWIO;
    SYS_CHROOT = CAP_SYS_CHROOT;
    SYS_PTRACE = CAP_SYS_PTRACE;
    SYS_PACCT = CAP_SYS_PACCT;
    SYS_ADMIN = CAP_SYS_ADMIN;
    SYS_BOOT = CAP_SYS_BOOT;
    SYS_NICE = CAP_SYS_NICE;
    SYS_RESOURCE = CAP_SYS_RESOURCE;
    SYS_TIME = CAP_SYS_TIME;
    SYS_TTY_CONFIG = CAP_SYS_TTY_CONFIG;
    MKNOD = CAP_MKNOD;
    LEASE = CAP_LEASE;
    AUDIT_WRITE = CAP_AUDIT_WRITE;
    AUDIT_CONTROL = CAP_AUDIT_CONTROL;
    SETFCAP = CAP_SETFCAP;
    MAC_OVERRIDE = CAP_MAC_OVERRIDE;
    MAC_ADMIN = CAP_MAC_ADMIN;
    SYSLOG = CAP_SYSLOG;
    WAKE_ALARM = CAP_WAKE_ALARM;
    BLOCK_SUSPEND = CAP_BLOCK_SUSPEND;
    AUDIT_READ = CAP_AUDIT_READ;
    PERFMON = CAP_PERFMON;
    BPF = CAP_BPF;
    CHECKPOINT_RESTORE = CAP_CHECKPOINT_RESTORE;
}

impl Caps {
    /// Those that the file system's user ID carries (CAP_FS_SET in include/linux/capability.h).
    pub const FILE_SYSTEM: Self = Self::CHOWN
        .union(Self::MKNOD)
        .union(Self::DAC_OVERRIDE)
        .union(Self::DAC_READ_SEARCH)
        .union(Self::FOWNER)
        .union(Self::FSETID)
        .union(Self::LINUX_IMMUTABLE)
        .union(Self::MAC_OVERRIDE);

    /// The one with this number.
    pub fn numbered(number: u64) -> Option<Self> {
        let bit = 1u64.checked_shl(u32::try_from(number).ok()?)?;
        Self::from_bits(bit)
    }
}

bitflags! {
    /// How root's user ID and capabilities go together (include/uapi/linux/securebits.h). The bit
    /// above each locks it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SecureBits: u32 {
        /// execve(2) gives root nothing.
        const NO_ROOT = 1;
        /// `NO_ROOT` is locked.
        const NO_ROOT_LOCKED = 1 << 1;
        /// Changes of user IDs leave capabilities alone.
        const NO_SETUID_FIXUP = 1 << 2;
        /// `NO_SETUID_FIXUP` is locked.
        const NO_SETUID_FIXUP_LOCKED = 1 << 3;
        /// Permitted capabilities outlive the last user ID of root's, until execve(2).
        const KEEP_CAPS = 1 << 4;
        /// `KEEP_CAPS` is locked.
        const KEEP_CAPS_LOCKED = 1 << 5;
        /// The ambient set doesn't grow.
        const NO_CAP_AMBIENT_RAISE = 1 << 6;
        /// `NO_CAP_AMBIENT_RAISE` is locked.
        const NO_CAP_AMBIENT_RAISE_LOCKED = 1 << 7;
    }
}

impl SecureBits {
    /// All the locks.
    pub const LOCKS: Self = Self::NO_ROOT_LOCKED
        .union(Self::NO_SETUID_FIXUP_LOCKED)
        .union(Self::KEEP_CAPS_LOCKED)
        .union(Self::NO_CAP_AMBIENT_RAISE_LOCKED);

    /// Whether it may become `new`: no locked bit changes, no lock opens.
    pub fn may_become(self, new: Self) -> bool {
        let locks = self & Self::LOCKS;
        let locked = locks.bits() >> 1;
        locked & (self.bits() ^ new.bits()) == 0 && new.contains(locks)
    }
}
