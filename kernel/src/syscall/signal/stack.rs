//! Alternate signal stack: sigaltstack(2).

use crate::abi::errno::SysResult;
use crate::process::current;
use crate::process::signal::alternate::AlternateStack;
use crate::syscall::argument::Word;
use crate::usercopy::UserPtr;

/// sigaltstack(2): base, flags, size, each in the place of a `long`.
pub fn sigaltstack<W: Word>(new: UserPtr<[W; 3]>, old: UserPtr<[W; 3]>) -> SysResult {
    let new = new.read_opt()?.map(|words| {
        let [base, flags, size] = words.map(Into::into);
        AlternateStack {
            base,
            flags: flags as u32,
            size,
        }
    });
    let sp = current().frame().rsp;
    let before = current().exchange_alternate_stack(new, sp)?;
    let AlternateStack { base, flags, size } = before;
    let words = [base, flags.into(), size].map(W::truncate);
    old.write_opt(words).map(|()| 0)
}
