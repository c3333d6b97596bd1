//! capget(2), capset(2), and prctl(2)'s options for capabilities (capabilities(7)).

use linux_raw_sys::prctl as linux;

use crate::abi::capability::{Caps, SecureBits};
use crate::abi::cred::Credentials;
use crate::abi::errno::{Errno, SysResult};
use crate::process::capability::require;
use crate::process::{current, table};
use crate::usercopy::UserPtr;

/// _LINUX_CAPABILITY_VERSION_1: one 32-bit word per set.
const VERSION_1: u32 = 0x1998_0330;
/// _LINUX_CAPABILITY_VERSION_2: two words per set.
const VERSION_2: u32 = 0x2007_1026;
/// _LINUX_CAPABILITY_VERSION_3: two words per set.
const VERSION_3: u32 = 0x2008_0522;

/// struct __user_cap_header_struct: version and thread ID.
type Header = [u32; 2];

/// Words per set in the header's version; `None` for an unknown version, which is replaced in the
/// header by the supported one.
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

/// capget(2).
pub fn capget(header: UserPtr<Header>, data: UserPtr<[u32; 3]>) -> SysResult {
    let words = words(header)?;
    if data.is_null() {
        // Only the version is queried.
        return Ok(0);
    }
    let words = words.ok_or(Errno::EINVAL)?;
    let [_, pid] = header.read()?;
    if (pid as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let cred = match pid {
        0 => current().cred(),
        tid => table::credentials(tid)?,
    };
    let sets = [cred.effective, cred.permitted, cred.inheritable];
    for word in 0..words {
        let halves = sets.map(|set| (set.bits() >> (32 * word)) as u32);
        data.add(word).write(halves)?;
    }
    Ok(0)
}

/// capset(2), for the calling thread (cap_capset in security/commoncap.c).
pub fn capset(header: UserPtr<Header>, data: UserPtr<[u32; 3]>) -> SysResult {
    let words = words(header)?.ok_or(Errno::EINVAL)?;
    let [_, pid] = header.read()?;
    let task = current();
    if pid != 0 && pid != task.tid() {
        return Err(Errno::EPERM);
    }
    let mut wanted = [0u64; 3];
    for word in 0..words {
        for (set, half) in wanted.iter_mut().zip(data.add(word).read()?) {
            *set |= u64::from(half) << (32 * word);
        }
    }
    let [effective, permitted, inheritable] = wanted.map(Caps::from_bits_truncate);
    let old = task.cred();
    let may_inherit =
        old.has(Caps::SETPCAP) || (old.inheritable | old.permitted).contains(inheritable);
    if !may_inherit
        || !(old.inheritable | old.bounding).contains(inheritable)
        || !old.permitted.contains(permitted)
        || !permitted.contains(effective)
    {
        return Err(Errno::EPERM);
    }
    task.commit_cred(Credentials {
        effective,
        permitted,
        inheritable,
        ambient: old.ambient & permitted & inheritable,
        ..(*old).clone()
    });
    Ok(0)
}

/// Commits the running thread's credentials as changed by `by`, without further checks.
fn change(by: impl FnOnce(&mut Credentials)) -> SysResult {
    let task = current();
    let mut new = (*task.cred()).clone();
    by(&mut new);
    task.commit_cred(new);
    Ok(0)
}

/// prctl(2)'s PR_CAPBSET_READ.
pub fn is_bounding(number: u64) -> SysResult {
    let capability = Caps::numbered(number).ok_or(Errno::EINVAL)?;
    Ok(current().cred().bounding.contains(capability).into())
}

/// prctl(2)'s PR_CAPBSET_DROP.
pub fn drop_bounding(number: u64) -> SysResult {
    require(Caps::SETPCAP)?;
    let capability = Caps::numbered(number).ok_or(Errno::EINVAL)?;
    change(|cred| cred.bounding -= capability)
}

/// prctl(2)'s PR_CAP_AMBIENT.
pub fn ambient(action: u64, number: u64) -> SysResult {
    if action == u64::from(linux::PR_CAP_AMBIENT_CLEAR_ALL) {
        return match number {
            0 => change(|cred| cred.ambient = Caps::empty()),
            _ => Err(Errno::EINVAL),
        };
    }
    let capability = Caps::numbered(number).ok_or(Errno::EINVAL)?;
    let cred = current().cred();
    match u32::try_from(action) {
        Ok(linux::PR_CAP_AMBIENT_IS_SET) => Ok(cred.ambient.contains(capability).into()),
        Ok(linux::PR_CAP_AMBIENT_LOWER) => change(|cred| cred.ambient -= capability),
        Ok(linux::PR_CAP_AMBIENT_RAISE) => {
            let may = (cred.permitted & cred.inheritable).contains(capability)
                && !cred.secure_bits.contains(SecureBits::NO_CAP_AMBIENT_RAISE);
            if may {
                change(|cred| cred.ambient |= capability)
            } else {
                Err(Errno::EPERM)
            }
        }
        _ => Err(Errno::EINVAL),
    }
}

/// prctl(2)'s PR_SET_SECUREBITS.
pub fn set_secure_bits(bits: u64) -> SysResult {
    let new = u32::try_from(bits).ok().and_then(SecureBits::from_bits);
    let new = new.ok_or(Errno::EPERM)?;
    let old = current().cred();
    if !old.secure_bits.may_become(new) || !old.has(Caps::SETPCAP) {
        return Err(Errno::EPERM);
    }
    change(|cred| cred.secure_bits = new)
}

/// prctl(2)'s PR_SET_KEEPCAPS.
pub fn keep(keep: u64) -> SysResult {
    if keep > 1 {
        return Err(Errno::EINVAL);
    }
    let bits = current().cred().secure_bits;
    if bits.contains(SecureBits::KEEP_CAPS_LOCKED) {
        return Err(Errno::EPERM);
    }
    change(|cred| cred.secure_bits.set(SecureBits::KEEP_CAPS, keep == 1))
}
