//! Tests that the appendix has the values of the kernel's sources.

use std::collections::BTreeMap;

use harness::paths;
use regex::Regex;

use crate::tree::Tree;

/// The value of `2 << 3 | 3`, `0x8d5`, or of names that are known.
fn value(expression: &str, names: &BTreeMap<String, u64>) -> Option<u64> {
    let number = |text: &str| {
        let text = text.trim().replace('_', "");
        let digits = text
            .strip_prefix("0x")
            .map(|digits| u64::from_str_radix(digits, 16));
        digits
            .unwrap_or_else(|| text.parse())
            .ok()
            .or_else(|| names.get(&text).copied())
    };
    expression.split('|').try_fold(0, |sum, part| {
        let part = match part.split_once("<<") {
            Some((left, right)) => number(left)? << number(right)?,
            None => number(part)?,
        };
        Some(sum | part)
    })
}

/// The integer constants of a file whose values can be read.
fn constants(path: &str) -> BTreeMap<String, u64> {
    let text = Tree::new(paths::root()).read(path).unwrap();
    let constant = Regex::new(r"const (\w+): u\d+ = ([^;]+);").unwrap();
    let mut names = BTreeMap::new();
    // A constant may come before those that it is made of.
    for _ in 0..2 {
        for found in constant.captures_iter(&text) {
            if let Some(value) = value(&found[2], &names) {
                names.insert(found[1].to_owned(), value);
            }
        }
    }
    names
}

/// The row of a page's table whose first cells these are.
fn row<'a>(page: &'a str, beginning: &str) -> &'a str {
    page.lines()
        .find(|line| line.starts_with(beginning))
        .unwrap_or_else(|| panic!("no row {beginning}"))
}

#[test]
fn registers_have_the_values_of_the_sources() {
    let page = Tree::new(paths::root())
        .read("book/src/appendix/registers.md")
        .unwrap();
    let msr = constants("kernel/src/entry/msr.rs");
    for name in [
        "STAR",
        "LSTAR",
        "CSTAR",
        "SFMASK",
        "SYSENTER_CS",
        "SYSENTER_ESP",
        "SYSENTER_EIP",
    ] {
        let row = row(&page, &format!("| `{name}` |"));
        assert!(
            row.contains(&format!("`{:#x}`", msr[name])),
            "{row}: {:#x}",
            msr[name]
        );
    }
    let segments = constants("kernel/src/arch/segments.rs");
    for name in ["FS_BASE", "GS_BASE", "KERNEL_GS_BASE"] {
        let row = row(&page, &format!("| `{name}` |"));
        assert!(row.contains(&format!("`{:#x}`", segments[name])), "{row}");
    }
    let mask = format!("`{:#x}`", msr["MASKED_FLAGS"]);
    assert!(row(&page, "| `SFMASK` |").contains(&mask), "{mask}");

    let gdt = constants("kernel/src/arch/gdt.rs");
    let user32 = constants("kernel/src/abi/frame.rs")["USER32_CS"];
    let selectors = ["KERNEL_CS", "KERNEL_DS", "USER_DS", "USER_CS"].map(|name| gdt[name]);
    for selector in selectors.into_iter().chain([user32]) {
        row(&page, &format!("| `{selector:#04x}` | {} |", selector >> 3));
    }
    let star = user32 << 48 | gdt["KERNEL_CS"] << 32;
    assert!(
        row(&page, "| `STAR` |").contains(&format!("`{star:#018x}`")),
        "{star:#x}"
    );
}

/// Flags by name that SFMASK clears, in the source and in the picture's row.
#[test]
fn the_picture_of_the_flags_shows_the_mask() {
    let picture = Tree::new(paths::root())
        .read("book/src/figures/rflags.svg")
        .unwrap();
    let msr = constants("kernel/src/entry/msr.rs");
    let boxes = picture
        .matches("fill=\"var(--dispatch, #00695c)\" fill-opacity")
        .count();
    // IOPL's two bits are one box.
    assert_eq!(boxes as u32, msr["MASKED_FLAGS"].count_ones() - 1);
}

/// The order of the arguments by each door, as the stubs' comments have it.
#[test]
fn conventions_are_those_of_the_stubs() {
    let tree = Tree::new(paths::root());
    let page = tree.read("book/src/appendix/conventions.md").unwrap();
    let cells = |beginning: &str| -> Vec<String> {
        let cells = row(&page, beginning).trim_matches('|').split('|');
        cells
            .skip(1)
            .map(|cell| cell.trim().replace('`', ""))
            .collect()
    };
    let columns: Vec<String> = (0..4)
        .map(|column| {
            let first =
                (1..=5).map(|number| cells(&format!("| argument {number} |"))[column].clone());
            first.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let sixth = cells("| argument 6 |");
    for (column, file, said) in [
        (
            0,
            "kernel/src/entry/syscall.rs",
            format!("{} {}", columns[0], sixth[0]),
        ),
        (
            1,
            "kernel/src/entry/int80.rs",
            format!("{} {}", columns[1], sixth[1]),
        ),
        (2, "kernel/src/entry/sysenter.rs", columns[2].clone()),
        (3, "kernel/src/entry/syscall.rs", columns[3].clone()),
    ] {
        assert!(
            tree.read(file).unwrap().contains(&said),
            "column {column}: {file} has no {said}"
        );
    }
    for (column, file) in [
        (2, "kernel/src/entry/sysenter.rs"),
        (3, "kernel/src/entry/syscall.rs"),
    ] {
        let said = sixth[column].replace("word at", "the sixth at");
        assert!(
            tree.read(file).unwrap().contains(&said),
            "{file} has no {said}"
        );
    }
}
