//! Source of the vDSO's functions. Its images are built without line numbers, so that each function is
//! known by its name only: the page shows where the function begins.

use std::rc::Rc;

use harness::paths;

/// The files with the functions of a width's image.
fn files(bits: u32) -> [&'static str; 2] {
    let own = match bits {
        64 => "user/vdso/src/image/x86_64.rs",
        _ => "user/vdso/src/image/x86.rs",
    };
    ["user/vdso/src/image/mod.rs", own]
}

/// File and line where a function begins: Rust's `fn`, or a label of assembly. The names without
/// `__vdso_` are aliases.
pub fn beginning(function: &str, bits: u32) -> Option<(Rc<str>, u32)> {
    let names = [function.to_owned(), format!("__vdso_{function}")];
    let heads = names.map(|name| [format!("fn {name}("), format!("\"{name}:\"")]);
    let heads = heads.concat();
    files(bits).into_iter().find_map(|file| {
        let text = std::fs::read_to_string(paths::root().join(file)).ok()?;
        let is_head = |line: &str| heads.iter().any(|head| line.contains(head));
        let at = text.lines().position(is_head)?;
        Some((Rc::from(file), at as u32 + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_both_images_are_found() {
        for (function, bits) in [
            ("__vdso_clock_gettime", 64),
            ("clock_gettime64", 32),
            ("__vdso_getcpu", 32),
            ("__kernel_vsyscall", 32),
        ] {
            assert!(beginning(function, bits).is_some(), "{function}");
        }
        assert_eq!(beginning("no_such_function", 64), None);
    }
}
