//! Alternate signal stack: sigaltstack(2).

use crate::abi::errno::SysResult;
use crate::process::current;
use crate::process::signal::alternate::{self, AlternateStack};
use crate::usercopy::UserPtr;

/// sigaltstack(2): base, flags (padded), size.
pub fn sigaltstack(new: UserPtr<[u64; 3]>, old: UserPtr<[u64; 3]>) -> SysResult {
    let stack = |[base, flags, size]: [u64; 3]| AlternateStack {
        base,
        flags: flags as u32,
        size,
    };
    let sp = current().frame().rsp;
    let before = alternate::exchange(new.read_opt()?.map(stack), sp)?;
    let AlternateStack { base, flags, size } = before;
    old.write_opt([base, flags.into(), size]).map(|()| 0)
}

/// sigaltstack(2), i386: three 32-bit words.
pub fn sigaltstack32(new: UserPtr<[u32; 3]>, old: UserPtr<[u32; 3]>) -> SysResult {
    let stack = |[base, flags, size]: [u32; 3]| AlternateStack {
        base: base.into(),
        flags,
        size: size.into(),
    };
    let sp = current().frame().rsp;
    let before = alternate::exchange(new.read_opt()?.map(stack), sp)?;
    let AlternateStack { base, flags, size } = before;
    old.write_opt([base as u32, flags, size as u32]).map(|()| 0)
}
