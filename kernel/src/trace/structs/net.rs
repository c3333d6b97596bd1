//! Structures of calls on sockets: addresses, messages, control messages, options.

use linux_raw_sys::net as linux;

use crate::mm::fallible::put;
use crate::trace::call::Call;
use crate::trace::names::{self, net};
use crate::trace::strings::{address, array, buffer, iovec, quoted};
use crate::trace::text::Text;
use crate::usercopy::UserPtr;

/// Bytes of an address that are read, at most (struct sockaddr_un).
const ADDRESS_MAX: usize = 110;

/// struct sockaddr, of `len` bytes: `{sa_family=AF_UNIX, sun_path="name"}`.
pub fn sockaddr(out: &mut Text, at: u64, len: u64) {
    let mut bytes = [0; ADDRESS_MAX];
    let shown = &mut bytes[..ADDRESS_MAX.min(len as usize)];
    if at == 0 || len < 2 || UserPtr::<u8>::new(at).read_into(shown).is_err() {
        return address(out, at);
    }
    let (family, data) = shown.split_at(2);
    let family = u32::from(u16::from_ne_bytes([family[0], family[1]]));
    out.add("{sa_family=");
    names::name(out, family.into(), net::FAMILIES, "AF_???");
    match (family, data) {
        (linux::AF_UNIX, []) => {}
        (linux::AF_UNIX, [0, name @ ..]) => {
            out.add(", sun_path=@");
            quoted_whole(out, name);
        }
        (linux::AF_UNIX, path) => {
            out.add(", sun_path=");
            quoted_whole(out, path.split(|byte| *byte == 0).next().unwrap_or(path));
        }
        (linux::AF_INET, [high, low, a, b, c, d, ..]) => {
            let port = u16::from_be_bytes([*high, *low]);
            put!(
                out,
                ", sin_port=htons({port}), sin_addr=inet_addr(\"{a}.{b}.{c}.{d}\")"
            );
        }
        _ => {
            out.add(", sa_data=");
            quoted(out, data);
        }
    }
    out.add("}");
}

/// Prints a name in quotes, not truncated.
fn quoted_whole(out: &mut Text, name: &[u8]) {
    out.add("\"");
    crate::trace::strings::escaped(out, name);
    out.add("\"");
}

/// struct sockaddr that a call wrote, truncated to its buffer; its length is at `len_at`.
pub fn returned(out: &mut Text, call: &Call, at: u64, len_at: u64) {
    match (call.room, read_int(len_at)) {
        (Some(room), Some(len)) if !call.failed() => sockaddr(out, at, room.min(len).into()),
        _ => address(out, at),
    }
}

/// The length that a call changed from the buffer's size: `[110 => 2]`; unchanged: `[2]`.
pub fn length(out: &mut Text, call: &Call, at: u64) {
    match (call.room, read_int(at)) {
        (Some(room), Some(len)) if room != len && !call.failed() => {
            put!(out, "[{} => {}]", room as i32, len as i32);
        }
        (Some(room), _) => put!(out, "[{}]", room as i32),
        _ => address(out, at),
    }
}

/// Reads an int in user memory; `None` for NULL and on a fault.
pub fn read_int(at: u64) -> Option<u32> {
    UserPtr::<u32>::new(at).read().ok().filter(|_| at != 0)
}

/// struct msghdr. `limit` is the length of the received message in bytes; `None` for a message that
/// is sent.
pub fn msghdr(out: &mut Text, call: &Call, at: u64, limit: Option<u64>) {
    let word = call.word();
    let field = |index: u64| call.read_word(at.wrapping_add(index * word));
    let (Some(name), Some(name_len), Some(vector), Some(count)) =
        (field(0), field(1), field(2), field(3))
    else {
        return address(out, at);
    };
    let (Some(control), Some(control_len), Some(flags)) = (field(4), field(5), field(6)) else {
        return address(out, at);
    };
    let name_len = u64::from(name_len as u32);
    if at == 0 {
        return address(out, at);
    }
    if limit.is_some() && call.failed() {
        return put!(out, "{{msg_namelen={}}}", name_len as i32);
    }
    let room = call.room.map_or(name_len, u64::from);
    out.add("{msg_name=");
    sockaddr(out, name, name_len.min(room));
    if limit.is_some() && room != name_len {
        put!(out, ", msg_namelen={room} => {name_len}");
    } else {
        put!(out, ", msg_namelen={}", name_len as i32);
    }
    out.add(", msg_iov=");
    iovec(out, call, vector, count, limit.unwrap_or(u64::MAX));
    put!(out, ", msg_iovlen={count}");
    if control_len != 0 {
        out.add(", msg_control=");
        controls(out, call, control, control_len);
    }
    put!(out, ", msg_controllen={control_len}, msg_flags=");
    names::flags(out, u64::from(flags as u32), net::MESSAGE, "MSG_???");
    out.add("}");
}

/// Control messages: `[{cmsg_len=20, cmsg_level=SOL_SOCKET, ...}]`.
fn controls(out: &mut Text, call: &Call, at: u64, len: u64) {
    let word = call.word();
    let header = word + 8;
    if at == 0 || len < header || call.read_word(at).is_none() {
        return address(out, at);
    }
    let mut offset = 0_u64;
    while offset.saturating_add(header) <= len {
        let here = at.wrapping_add(offset);
        let (Some(size), Some(level), Some(kind)) = (
            call.read_word(here),
            read_int(here.wrapping_add(word)),
            read_int(here.wrapping_add(word + 4)),
        ) else {
            break;
        };
        put!(
            out,
            "{}{{cmsg_len={size}, cmsg_level=",
            if offset > 0 { ", " } else { "[" }
        );
        names::name(out, level.into(), net::LEVELS, "SOL_???");
        out.add(", cmsg_type=");
        names::name(out, kind.into(), net::CONTROL, "SCM_???");
        let data = here.wrapping_add(header);
        let data_len = size.saturating_sub(header).min(len - offset - header);
        if data_len > 0 {
            out.add(", cmsg_data=");
            control_data(out, call, (level, kind), data, data_len);
        }
        out.add("}");
        if size < header {
            break;
        }
        offset = offset.saturating_add(size.saturating_add(word - 1) / word * word);
    }
    out.add("]");
}

fn control_data(out: &mut Text, call: &Call, kind: (u32, u32), at: u64, len: u64) {
    match kind {
        (linux::SOL_SOCKET, linux::SCM_RIGHTS) => array(out, at, len / 4, 4, |out, at| {
            read_int(at).map(|fd| put!(out, "{}", fd as i32)).is_some()
        }),
        (linux::SOL_SOCKET, linux::SCM_CREDENTIALS) if len >= 12 => credentials(out, call, at),
        _ => buffer(out, at, len),
    }
}

/// struct ucred.
fn credentials(out: &mut Text, call: &Call, at: u64) {
    match call.fields(at, 12) {
        Some(mut fields) => {
            let (pid, uid, gid) = (fields.i32(), fields.u32(), fields.u32());
            put!(out, "{{pid={pid}, uid={uid}, gid={gid}}}");
        }
        None => address(out, at),
    }
}

/// struct mmsghdr array: as many elements as the call returned.
pub fn mmsghdr(out: &mut Text, call: &Call, at: u64, was_received: bool) {
    let size = if call.wide { 64 } else { 32 };
    array(out, at, call.value(), size, |out, at| {
        let len = read_int(at.wrapping_add(7 * call.word()));
        out.add("{msg_hdr=");
        let limit = was_received.then_some(len.unwrap_or(0).into());
        msghdr(out, call, at, limit);
        len.map(|len| put!(out, ", msg_len={len}}}")).is_some()
    });
}

/// A socket option's value of `len` bytes.
pub fn option(out: &mut Text, call: &Call, level: u64, option: u64, at: u64, len: u64) {
    let is_socket = level == u64::from(linux::SOL_SOCKET);
    match option as u32 {
        linux::SO_LINGER if is_socket && len >= 8 => match call.fields(at, 8) {
            Some(mut fields) => put!(
                out,
                "{{l_onoff={}, l_linger={}}}",
                fields.i32(),
                fields.i32()
            ),
            None => address(out, at),
        },
        linux::SO_PEERCRED if is_socket && len >= 12 => credentials(out, call, at),
        _ if len == 4 => match read_int(at) {
            Some(value) => put!(out, "[{}]", value as i32),
            None => address(out, at),
        },
        _ if len == 0 => address(out, at),
        _ => buffer(out, at, len),
    }
}
