//! Socket options of level SOL_SOCKET (socket(7)), without their layout in user memory.
//!
//! Options without effect on a Unix-domain socket are stored and read back, as on Linux.

use linux_raw_sys::net as linux;

use super::packet::UserCredentials;
use super::socket::{Phase, Socket};
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::process::caller;
use crate::process::capability::{capable, require};

/// Default size of both buffers in bytes (net.core.wmem_default).
const BUFFER: usize = 212_992;
/// Largest size in bytes that setsockopt(2) accepts, before doubling (net.core.wmem_max).
const BUFFER_MAX: usize = 4 << 20;
/// Smallest sizes in bytes (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF).
const SEND_MIN: usize = 4608;
const RECEIVE_MIN: usize = 2304;

/// Options set by setsockopt(2).
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// SO_SNDBUF in bytes: limit of the charge for unread messages.
    pub send_buffer: usize,
    /// SO_RCVBUF in bytes; without effect, as on Linux.
    receive_buffer: usize,
    /// SO_RCVTIMEO and SO_SNDTIMEO in ns, by [`super::socket::READ`] and [`super::socket::WRITE`].
    pub timeouts: [Option<u64>; 2],
    /// SO_PASSCRED.
    pub pass_credentials: bool,
    /// SO_RCVLOWAT.
    low_mark: i32,
    /// SO_PRIORITY.
    priority: i32,
    /// SO_LINGER: on, seconds.
    linger: [i32; 2],
    /// The on/off options of [`SWITCHES`], a bit per option number.
    bits: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            send_buffer: BUFFER,
            receive_buffer: BUFFER,
            timeouts: [None; 2],
            pass_credentials: false,
            low_mark: 1,
            priority: 0,
            linger: [0; 2],
            bits: 0,
        }
    }
}

/// On/off options without effect here.
const SWITCHES: [u32; 7] = [
    linux::SO_DEBUG,
    linux::SO_REUSEADDR,
    linux::SO_DONTROUTE,
    linux::SO_BROADCAST,
    linux::SO_KEEPALIVE,
    linux::SO_OOBINLINE,
    linux::SO_REUSEPORT,
];

/// An option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Int(i32),
    /// struct linger.
    Linger([i32; 2]),
    /// A time in ns; `None` for no limit.
    Time(Option<u64>),
    /// struct ucred.
    Credentials(UserCredentials),
}

/// Type of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// int.
    Int,
    /// struct linger.
    Linger,
    /// struct timeval of the caller's width; if `true`, with 64-bit fields for both widths.
    Time(bool),
    /// struct ucred.
    Credentials,
}

/// The type of `option`'s value.
pub fn shape(option: u32) -> Shape {
    match option {
        linux::SO_LINGER => Shape::Linger,
        linux::SO_RCVTIMEO_OLD | linux::SO_SNDTIMEO_OLD => Shape::Time(false),
        linux::SO_RCVTIMEO_NEW | linux::SO_SNDTIMEO_NEW => Shape::Time(true),
        linux::SO_PEERCRED => Shape::Credentials,
        _ => Shape::Int,
    }
}

/// Index of a timeout option in [`Options::timeouts`].
fn direction(option: u32) -> usize {
    match option {
        linux::SO_RCVTIMEO_OLD | linux::SO_RCVTIMEO_NEW => super::socket::READ,
        _ => super::socket::WRITE,
    }
}

/// The stored size of a buffer: doubled, for the overhead of struct sk_buff, as on Linux.
fn buffer_size(value: i32, least: usize) -> usize {
    (value as u32 as usize)
        .min(BUFFER_MAX)
        .saturating_mul(2)
        .max(least)
}

impl Socket {
    /// Reads an option of level SOL_SOCKET.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an unknown option.
    pub fn option(&self, option: u32) -> Result<Value, Errno> {
        const NO_PEER: UserCredentials = UserCredentials {
            pid: 0,
            uid: u32::MAX,
            gid: u32::MAX,
        };
        let mut state = self.state();
        let options = &state.options;
        Ok(Value::Int(match option {
            linux::SO_LINGER => return Ok(Value::Linger(options.linger)),
            linux::SO_PEERCRED => {
                return Ok(Value::Credentials(
                    state.peer_credentials.unwrap_or(NO_PEER),
                ));
            }
            _ if matches!(shape(option), Shape::Time(_)) => {
                return Ok(Value::Time(options.timeouts[direction(option)]));
            }
            linux::SO_TYPE => self.kind as i32,
            linux::SO_DOMAIN => linux::AF_UNIX as i32,
            linux::SO_PROTOCOL => 0,
            linux::SO_ERROR => state.error.take().map_or(0, |errno| errno.number() as i32),
            linux::SO_ACCEPTCONN => i32::from(state.phase == Phase::Listening),
            linux::SO_SNDBUF => options.send_buffer as i32,
            linux::SO_RCVBUF => options.receive_buffer as i32,
            linux::SO_PASSCRED => i32::from(options.pass_credentials),
            linux::SO_RCVLOWAT => options.low_mark,
            linux::SO_SNDLOWAT => 1,
            linux::SO_PRIORITY => options.priority,
            _ if SWITCHES.contains(&option) => i32::from(options.bits >> option & 1 != 0),
            _ => return Err(Errno::ENOPROTOOPT),
        }))
    }

    /// Sets an option of level SOL_SOCKET.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an unknown or read-only option; `EPERM` or `EACCES` without the capability
    /// it needs.
    pub fn set_option(&self, option: u32, value: Value) -> Result<(), Errno> {
        may_set(option, value)?;
        let mut state = self.state();
        let options = &mut state.options;
        match value {
            Value::Linger(linger) => options.linger = linger,
            Value::Time(time) => options.timeouts[direction(option)] = time,
            Value::Credentials(_) => return Err(Errno::ENOPROTOOPT),
            Value::Int(value) => match option {
                linux::SO_SNDBUF | linux::SO_SNDBUFFORCE => {
                    options.send_buffer = buffer_size(value, SEND_MIN);
                    drop(state);
                    self.wake_if_writable();
                }
                linux::SO_RCVBUF | linux::SO_RCVBUFFORCE => {
                    options.receive_buffer = buffer_size(value, RECEIVE_MIN);
                }
                linux::SO_PASSCRED => options.pass_credentials = value != 0,
                linux::SO_RCVLOWAT => {
                    options.low_mark = if value < 0 { i32::MAX } else { value.max(1) };
                }
                linux::SO_PRIORITY => options.priority = value,
                _ if SWITCHES.contains(&option) => {
                    options.bits &= !(1 << option);
                    options.bits |= u64::from(value != 0) << option;
                }
                _ => return Err(Errno::ENOPROTOOPT),
            },
        }
        Ok(())
    }
}

/// Checks that the caller may set `option` to `value` (sk_setsockopt in net/core/sock.c).
fn may_set(option: u32, value: Value) -> Result<(), Errno> {
    /// Highest priority that needs no capability.
    const PRIORITY_MAX: i32 = 6;
    let Value::Int(value) = value else {
        return Ok(());
    };
    match option {
        linux::SO_SNDBUFFORCE | linux::SO_RCVBUFFORCE => require(Caps::NET_ADMIN),
        linux::SO_PRIORITY if !(0..=PRIORITY_MAX).contains(&value) => {
            let who = caller::credentials();
            let may = who.has_any(Caps::NET_RAW | Caps::NET_ADMIN);
            may.then_some(()).ok_or(Errno::EPERM)
        }
        linux::SO_DEBUG if value != 0 && !capable(Caps::NET_ADMIN) => Err(Errno::EACCES),
        _ => Ok(()),
    }
}
