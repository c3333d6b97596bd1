//! Constants of calls on sockets.

use super::{Name, known_flags, name, names};
use crate::mm::fallible::put;
use crate::trace::text::Text;

/// `AF_*`.
pub const FAMILIES: &[Name] = names!(linux_raw_sys::net:
    AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC AF_X25 AF_INET6
    AF_ROSE AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS
    AF_SNA AF_IRDA AF_PPPOX AF_WANPIPE AF_LLC AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC
    AF_ISDN AF_PHONET AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP);
const TYPES: &[Name] = names!(linux_raw_sys::net:
    SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET);
/// Flags of socket(2)'s type and of accept4(2) (include/linux/net.h).
pub const FLAGS: &[Name] = &[(0o2_000_000, "SOCK_CLOEXEC"), (0o4000, "SOCK_NONBLOCK")];
/// `SHUT_*`.
pub const SHUT: &[Name] = names!(linux_raw_sys::net: SHUT_RD SHUT_WR SHUT_RDWR);
/// `SOL_*` (include/linux/socket.h).
pub const LEVELS: &[Name] = &[
    (0, "SOL_IP"),
    (1, "SOL_SOCKET"),
    (6, "SOL_TCP"),
    (17, "SOL_UDP"),
    (41, "SOL_IPV6"),
    (270, "SOL_NETLINK"),
];
/// `SO_*` of level SOL_SOCKET.
pub const OPTIONS: &[Name] = names!(linux_raw_sys::net:
    SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE
    SO_OOBINLINE SO_NO_CHECK SO_PRIORITY SO_LINGER SO_BSDCOMPAT SO_REUSEPORT SO_PASSCRED SO_PEERCRED
    SO_RCVLOWAT SO_SNDLOWAT SO_RCVTIMEO_OLD SO_SNDTIMEO_OLD SO_BINDTODEVICE SO_ATTACH_FILTER
    SO_DETACH_FILTER SO_PEERNAME SO_ACCEPTCONN SO_PEERSEC SO_SNDBUFFORCE SO_RCVBUFFORCE SO_PASSSEC SO_MARK
    SO_PROTOCOL SO_DOMAIN SO_RXQ_OVFL SO_PEEK_OFF SO_NOFCS SO_BUSY_POLL SO_COOKIE SO_PEERGROUPS
    SO_RCVTIMEO_NEW SO_SNDTIMEO_NEW);
/// `SCM_*`.
pub const CONTROL: &[Name] = names!(linux_raw_sys::net: SCM_RIGHTS SCM_CREDENTIALS SCM_SECURITY);
/// `MSG_*` (include/linux/socket.h).
pub const MESSAGE: &[Name] = &[
    (1, "MSG_OOB"),
    (2, "MSG_PEEK"),
    (4, "MSG_DONTROUTE"),
    (8, "MSG_CTRUNC"),
    (0x10, "MSG_PROBE"),
    (0x20, "MSG_TRUNC"),
    (0x40, "MSG_DONTWAIT"),
    (0x80, "MSG_EOR"),
    (0x100, "MSG_WAITALL"),
    (0x200, "MSG_FIN"),
    (0x400, "MSG_SYN"),
    (0x800, "MSG_CONFIRM"),
    (0x1000, "MSG_RST"),
    (0x2000, "MSG_ERRQUEUE"),
    (0x4000, "MSG_NOSIGNAL"),
    (0x8000, "MSG_MORE"),
    (0x10000, "MSG_WAITFORONE"),
    (0x40000, "MSG_BATCH"),
    (0x2000_0000, "MSG_FASTOPEN"),
    (0x4000_0000, "MSG_CMSG_CLOEXEC"),
];

/// Prints a socket type with its flags: `SOCK_STREAM|SOCK_CLOEXEC`.
pub fn kind(out: &mut Text, value: u64) {
    name(out, value & 0xf, TYPES, "SOCK_???");
    let flags = value & !0xf;
    let rest = known_flags(out, flags, FLAGS, "|");
    if rest != 0 {
        put!(out, "|{rest:#x}");
        if rest == flags {
            out.add(" /* SOCK_??? */");
        }
    }
}
