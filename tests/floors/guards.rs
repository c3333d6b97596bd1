//! A lock's old value is dropped with the lock released.
//!
//! In `*lock.lock() = new` the guard lives to the end of the statement, so the old value is dropped under the
//! lock; the last reference to a file or an address space takes other locks as it goes. `Mutex::set`,
//! `replace` and `take` (`kernel/src/sync/mod.rs`) drop it after.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use regex_lite::Regex;

/// An assignment through a guard, or a guard given to `mem::replace`, `take` or `swap`.
const THROUGH_A_GUARD: &str =
    r"(?m)^\s*\*[\w.:()]+\.lock\(\)\s*=[^=]|\(\s*&mut \*[\w.:()]+\.lock\(\)";

#[test]
fn no_value_is_dropped_under_its_lock() -> Result<()> {
    let pattern = Regex::new(THROUGH_A_GUARD)?;
    for wrong in [
        "    *self.file.lock() = None;",
        "drop(core::mem::replace(&mut *ACCOUNT.lock(), new));",
        "let old = core::mem::take(&mut *current().files.lock());",
    ] {
        ensure!(pattern.is_match(wrong), "{wrong}: not found");
    }
    let kernel = paths::root().join("kernel/src");
    let (source, _) = super::kernel()?;
    for module in &source.modules {
        let file = kernel.join(&module.file);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        // `sync` is where the three methods are.
        let found = pattern
            .find(&text)
            .filter(|_| !module.file.starts_with("sync"));
        ensure!(
            found.is_none(),
            "{}: {:?}",
            file.display(),
            found.map(|found| found.as_str())
        );
    }
    Ok(())
}
