//! Resource limits: getrlimit(2), setrlimit(2), prlimit64(2).

use linux_raw_sys::general::RLIMIT_NOFILE;

use super::argument::Word;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::limits::INFINITY;
use crate::process::{current, table};
use crate::usercopy::UserPtr;

/// Highest limit of descriptors (fs.nr_open).
const NR_OPEN: u64 = 1 << 20;

/// Soft and hard limit of the running process.
fn get(resource: u32) -> Result<(u64, u64), Errno> {
    current().process.limit(resource).ok_or(Errno::EINVAL)
}

/// getrlimit(2), and i386's ugetrlimit(2): a limit beyond the layout's width reads as infinite.
pub fn getrlimit<W: Word>(resource: u32, out: UserPtr<[W; 2]>) -> SysResult {
    let (soft, hard) = get(resource)?;
    let narrow = |value: u64| W::truncate(value.min(W::MAX));
    out.write([narrow(soft), narrow(hard)]).map(|()| 0)
}

/// getrlimit(2), i386, older than ugetrlimit(2): a limit beyond 31 bits reads as infinite.
pub fn old_getrlimit(resource: u32, out: UserPtr<[u32; 2]>) -> SysResult {
    let (soft, hard) = get(resource)?;
    let narrow = |value: u64| value.min(i32::MAX as u64) as u32;
    out.write([narrow(soft), narrow(hard)]).map(|()| 0)
}

/// setrlimit(2): the layout's highest value is infinite.
pub fn setrlimit<W: Word>(resource: u32, new: UserPtr<[W; 2]>) -> SysResult {
    let widen = |value: W| match value.into() {
        value if value == W::MAX => INFINITY,
        value => value,
    };
    let [soft, hard] = new.read()?.map(widen);
    set(0, resource, Some((soft, hard))).map(|_| 0)
}

/// prlimit64(2): the layout is the same in both tables.
pub fn prlimit64(
    pid: i32,
    resource: u32,
    new: UserPtr<[u64; 2]>,
    old: UserPtr<[u64; 2]>,
) -> SysResult {
    let (soft, hard) = set(pid, resource, new.read_opt()?.map(Into::into))?;
    old.write_opt([soft, hard]).map(|()| 0)
}

/// Sets a limit of `pid` (0: the running process) if `new` is given; returns the old one.
fn set(pid: i32, resource: u32, new: Option<(u64, u64)>) -> Result<(u64, u64), Errno> {
    let task = current();
    let (me, process) = (task.cred(), table::named(pid)?);
    let is_self = pid == 0 || pid as u32 == task.tid();
    let may = is_self || me.may_limit(&*table::credentials(pid as u32)?);
    if !may {
        return Err(Errno::EPERM);
    }
    let Some((soft, hard)) = new else {
        return process.limit(resource).ok_or(Errno::EINVAL);
    };
    process.change_limit(resource, |old| {
        if soft > hard {
            return Err(Errno::EINVAL);
        }
        let too_many = resource == RLIMIT_NOFILE && hard > NR_OPEN;
        if too_many || hard > old.1 && !me.has(Caps::SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        Ok((soft, hard))
    })
}
