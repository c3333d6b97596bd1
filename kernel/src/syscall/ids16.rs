//! 16-bit user and group IDs: i386's old calls for credentials (kernel/uid16.c).
//!
//! A 16-bit -1 is widened to -1; an ID above 65535 is reported as the overflow ID.

use super::attr;
use super::ids;
use crate::abi::errno::SysResult;
use crate::mm::fallible;
use crate::process::current;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;

/// Reported in place of an ID above 65535 (fs.overflowuid).
const OVERFLOW: u16 = 65534;

/// Widens an ID from a register.
fn wide(id: u32) -> u32 {
    let id = id as u16;
    if id == u16::MAX { u32::MAX } else { id.into() }
}

/// Narrows an ID for the program.
fn narrow(id: u32) -> u16 {
    u16::try_from(id).unwrap_or(OVERFLOW)
}

/// Defines calls with 16-bit IDs by their 32-bit counterparts.
macro_rules! narrow_calls {
    ($($name:ident($($id:ident),*) = $wide:path, $man:literal;)*) => {
        $(
            #[doc = $man]
            pub fn $name($($id: u32),*) -> SysResult {
                $wide($(wide($id)),*)
            }
        )*
    };
}

narrow_calls! {
    setuid16(uid) = ids::setuid, "setuid(2).";
    setgid16(gid) = ids::setgid, "setgid(2).";
    setreuid16(uid, euid) = ids::setreuid, "setreuid(2).";
    setregid16(gid, egid) = ids::setregid, "setregid(2).";
    setresuid16(uid, euid, suid) = ids::setresuid, "setresuid(2).";
    setresgid16(gid, egid, sgid) = ids::setresgid, "setresgid(2).";
    setfsuid16(uid) = ids::setfsuid, "setfsuid(2).";
    setfsgid16(gid) = ids::setfsgid, "setfsgid(2).";
}

/// getuid(2).
pub fn getuid16() -> SysResult {
    Ok(narrow(current().cred().uid).into())
}

/// geteuid(2).
pub fn geteuid16() -> SysResult {
    Ok(narrow(current().cred().euid).into())
}

/// getgid(2).
pub fn getgid16() -> SysResult {
    Ok(narrow(current().cred().gid).into())
}

/// getegid(2).
pub fn getegid16() -> SysResult {
    Ok(narrow(current().cred().egid).into())
}

/// getresuid(2).
pub fn getresuid16(uid: UserPtr<u16>, euid: UserPtr<u16>, suid: UserPtr<u16>) -> SysResult {
    let cred = current().cred();
    uid.write(narrow(cred.uid))?;
    euid.write(narrow(cred.euid))?;
    suid.write(narrow(cred.suid)).map(|()| 0)
}

/// getresgid(2).
pub fn getresgid16(gid: UserPtr<u16>, egid: UserPtr<u16>, sgid: UserPtr<u16>) -> SysResult {
    let cred = current().cred();
    gid.write(narrow(cred.gid))?;
    egid.write(narrow(cred.egid))?;
    sgid.write(narrow(cred.sgid)).map(|()| 0)
}

/// getgroups(2).
pub fn getgroups16(size: i32, out: UserPtr<u16>) -> SysResult {
    let groups = current().cred().groups.clone();
    if !ids::has_room(size, groups.len())? {
        return Ok(groups.len());
    }
    for (index, group) in groups.iter().enumerate() {
        out.add(index).write(narrow(*group))?;
    }
    Ok(groups.len())
}

/// setgroups(2).
pub fn setgroups16(size: i32, groups: UserPtr<u16>) -> SysResult {
    let size = size as u32 as usize;
    ids::check_groups(size)?;
    let narrow = groups.read_vec(size)?;
    let mut groups = fallible::with_capacity(size)?;
    groups.extend(narrow.into_iter().map(|group| wide(group.into())));
    ids::set_groups(groups)
}

/// chown(2).
pub fn chown16(path: UserPath, uid: u32, gid: u32) -> SysResult {
    attr::chown(path, wide(uid), wide(gid))
}

/// lchown(2).
pub fn lchown16(path: UserPath, uid: u32, gid: u32) -> SysResult {
    attr::lchown(path, wide(uid), wide(gid))
}

/// fchown(2).
pub fn fchown16(fd: i32, uid: u32, gid: u32) -> SysResult {
    attr::fchown(fd, wide(uid), wide(gid))
}
