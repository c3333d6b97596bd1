//! What depends on the system call table asks for it by `Door::table` or `Frame::table`.
//!
//! A comparison with one door stands for a table only until there is another door: of `!=
//! Door::Syscall`, a new 64-bit door would silently become a 32-bit one. So only `abi/` and `entry/`
//! name a door.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use regex_lite::Regex;

#[test]
fn every_door_is_in_the_list() -> Result<()> {
    let text = fs::read_to_string(paths::root().join("kernel/src/abi/door.rs"))?;
    let variant = Regex::new(r"(?m)^    (\w+) = 0x[0-9a-f]+,$")?;
    let names: Vec<String> = variant
        .captures_iter(&text)
        .map(|captures| format!("Self::{}", &captures[1]))
        .collect();
    let list = format!(
        "pub const ALL: [Self; {}] = [{}];",
        names.len(),
        names.join(", ")
    );
    ensure!(
        names.len() >= 4 && text.contains(&list),
        "door.rs lacks {list}"
    );
    Ok(())
}

#[test]
fn only_abi_and_entry_name_a_door() -> Result<()> {
    let pattern = Regex::new(r"\bDoor::[A-Z][a-z]\w*")?;
    for (code, is_named) in [
        ("door != Door::Syscall", true),
        ("Door::Int80 as u64", true),
        ("Door::ALL.len()", false),
        ("Door::of(entry).map(Door::table)", false),
    ] {
        ensure!(pattern.is_match(code) == is_named, "{code}");
    }
    let kernel = paths::root().join("kernel/src");
    let (source, _) = super::kernel()?;
    for module in &source.modules {
        if module.file.starts_with("abi") || module.file.starts_with("entry") {
            continue;
        }
        let file = kernel.join(&module.file);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let found = pattern.find(&text).map(|found| found.as_str());
        ensure!(found.is_none(), "{}: {found:?}", file.display());
    }
    Ok(())
}
