//! capget and capset: what a process may do (capabilities(7)).
//!
//! Capabilities follow from the user here: root has all of them, others none. So they can be
//! asked for, and set to what they are.

use super::errno::{Errno, SysResult};
use crate::process::{current, table};
use crate::usercopy::UserPtr;

/// _LINUX_CAPABILITY_VERSION_1, with one word a set, and the ones with two.
const VERSION_1: u32 = 0x1998_0330;
const VERSION_2: u32 = 0x2007_1026;
const VERSION_3: u32 = 0x2008_0522;
/// All capabilities up to CAP_LAST_CAP.
const ALL: u64 = (1 << 41) - 1;

/// struct __user_cap_header_struct: version and process.
type Header = [u32; 2];

/// Words a set of the header's version; `None` if that is unknown, and the header then says which
/// one isn't.
fn words(header: UserPtr<Header>) -> Result<Option<usize>, Errno> {
    match header.cast::<u32>().read()? {
        VERSION_1 => Ok(Some(1)),
        VERSION_2 | VERSION_3 => Ok(Some(2)),
        _ => {
            header.cast::<u32>().write(VERSION_3)?;
            Ok(None)
        }
    }
}

/// (effective, permitted) of a task.
fn sets(tid: u32) -> Result<(u64, u64), Errno> {
    let process = match tid {
        0 => current().process.clone(),
        tid => table::find(tid).ok_or(Errno::ESRCH)?.process.clone(),
    };
    let cred = process.cred.lock();
    let is_root = [cred.uid, cred.euid, cred.suid].contains(&0);
    let all_if = |yes| if yes { ALL } else { 0 };
    Ok((all_if(cred.is_privileged()), all_if(is_root)))
}

/// capget(2).
pub fn capget(header: UserPtr<Header>, data: UserPtr<[u32; 3]>) -> SysResult {
    let Some(words) = words(header)? else {
        return if data.is_null() {
            Ok(0)
        } else {
            Err(Errno::EINVAL)
        };
    };
    let [_, pid] = header.read()?;
    if (pid as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let (effective, permitted) = sets(pid)?;
    for word in 0..words {
        let half = |set: u64| (set >> (32 * word)) as u32;
        data.add(word)
            .write_opt([half(effective), half(permitted), 0])?;
    }
    Ok(0)
}

/// capset(2): nothing can be given up alone.
pub fn capset(header: UserPtr<Header>, data: UserPtr<[u32; 3]>) -> SysResult {
    let words = words(header)?.ok_or(Errno::EINVAL)?;
    let [_, pid] = header.read()?;
    if pid != 0 && pid != current().tid() {
        return Err(Errno::EPERM);
    }
    let mut wanted = [0u64; 3];
    for word in 0..words {
        for (set, half) in wanted.iter_mut().zip(data.add(word).read()?) {
            *set |= u64::from(half) << (32 * word);
        }
    }
    let (effective, permitted) = sets(0)?;
    let [wanted_effective, wanted_permitted, inheritable] = wanted.map(|set| set & ALL);
    if (wanted_effective, wanted_permitted, inheritable) == (effective, permitted, 0) {
        Ok(0)
    } else {
        Err(Errno::EPERM)
    }
}
