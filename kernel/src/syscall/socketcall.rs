//! socketcall(2): i386's multiplexer of the socket calls, with the arguments in an array. Since
//! Linux 4.3 most of the calls have numbers too.

use super::argument::FromRegister;
use super::{message, socket, sockopt, table};
use crate::abi::door::Table;
use crate::abi::errno::{Errno, SysResult};
use crate::syscall::mmsg;
use crate::trace;
use crate::usercopy::UserPtr;

/// Number of arguments of each call, by the call's number (`SYS_SOCKET` is 1).
const COUNTS: [usize; 21] = [
    0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4,
];

/// For the call log: name of a call, name of the row in the i386 table with the kinds of its
/// arguments, and number of arguments. `None` for an unknown call.
fn describe(call: usize) -> Option<(&'static str, &'static str, usize)> {
    const NAMES: [&str; 21] = [
        "",
        "socket",
        "bind",
        "connect",
        "listen",
        "accept",
        "getsockname",
        "getpeername",
        "socketpair",
        "send",
        "recv",
        "sendto",
        "recvfrom",
        "shutdown",
        "setsockopt",
        "getsockopt",
        "sendmsg",
        "recvmsg",
        "accept4",
        "recvmmsg",
        "sendmmsg",
    ];
    let name = NAMES.get(call).filter(|_| call > 0)?;
    // These calls have no row: their arguments are the first ones of another call.
    let row = match *name {
        "accept" => "accept4",
        "send" => "sendto",
        "recv" => "recvfrom",
        name => name,
    };
    Some((name, row, COUNTS[call]))
}

/// The row of the call that socketcall(2) makes, with the arguments at `args`.
pub fn traced(call: u32, args: u32) -> Option<trace::Row> {
    let (name, row, count) = describe(call as usize)?;
    let mut rows = table::entries(Table::I386).iter();
    let row = rows.find(|entry| entry.name == row)?;
    let values = UserPtr::<u32>::new(args.into()).read_vec(count).ok()?;
    let mut given = [0; 6];
    for (arg, value) in given.iter_mut().zip(values) {
        *arg = value.into();
    }
    Some(trace::Row {
        name,
        kinds: &row.args[..count],
        given: Some(given),
    })
}

/// Converts an argument to the handler's type.
fn arg<T: FromRegister>(value: u32) -> T {
    T::from_register(value.into())
}

/// socketcall(2).
pub fn socketcall(call: u32, args: UserPtr<u32>) -> SysResult {
    let count = COUNTS.get(call as usize).filter(|_| call > 0);
    let given = args.read_vec(*count.ok_or(Errno::EINVAL)?)?;
    let mut a = [0; 6];
    a[..given.len()].copy_from_slice(&given);
    let fd = a[0] as i32;
    match call {
        1 => socket::socket(a[0], a[1], a[2]),
        2 => socket::bind(fd, arg(a[1]), arg(a[2])),
        3 => socket::connect(fd, arg(a[1]), arg(a[2])),
        4 => socket::listen(fd, arg(a[1])),
        5 => socket::accept(fd, arg(a[1]), arg(a[2])),
        6 => socket::getsockname(fd, arg(a[1]), arg(a[2])),
        7 => socket::getpeername(fd, arg(a[1]), arg(a[2])),
        8 => socket::socketpair(a[0], a[1], a[2], arg(a[3])),
        9 => message::send(fd, arg(a[1]), arg(a[2]), a[3]),
        10 => message::recv(fd, arg(a[1]), arg(a[2]), a[3]),
        11 => message::sendto(fd, arg(a[1]), arg(a[2]), a[3], arg(a[4]), arg(a[5])),
        12 => message::recvfrom(fd, arg(a[1]), arg(a[2]), a[3], arg(a[4]), arg(a[5])),
        13 => socket::shutdown(fd, a[1]),
        14 => sockopt::setsockopt::<u32>(fd, a[1], a[2], arg(a[3]), arg(a[4])),
        15 => sockopt::getsockopt::<u32>(fd, a[1], a[2], arg(a[3]), arg(a[4])),
        16 => message::sendmsg::<u32>(fd, arg(a[1]), a[2]),
        17 => message::recvmsg::<u32>(fd, arg(a[1]), a[2]),
        18 => socket::accept4(fd, arg(a[1]), arg(a[2]), a[3]),
        19 => mmsg::recvmmsg::<u32, [i32; 2]>(fd, arg(a[1]), a[2], a[3], arg(a[4])),
        _ => mmsg::sendmmsg::<u32>(fd, arg(a[1]), a[2], a[3]),
    }
}
