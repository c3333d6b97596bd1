//! In-kernel unit tests: `cargo test` builds the kernel with `cfg(test)`, which runs them at boot.
//!
//! ```ignore
//! kernel_test!(fn addition_works() { assert_eq!(1 + 1, 2) });
//! ```
//!
//! Arguments and output are libtest's, so that `cargo test` and `cargo nextest run` work: the
//! arguments follow ` -- ` on the command line (`--list`, `--exact`, `--ignored`, a filter). A
//! failed test panics, which ends the run with the panic's exit code.

use alloc::string::String;
use alloc::vec::Vec;

use formats::cmdline::CommandLine;

use crate::dev::console;
use crate::dev::power::{self, Exit};

/// A registered test.
pub struct KernelTest {
    /// Path of the test, `module::name`.
    pub name: &'static str,
    /// Test body; panics on failure.
    pub run: fn(),
}

// Bounds of section `.ktests`, from the linker script. Only their addresses are used.
unsafe extern "C" {
    static __ktests_start: u8;
    static __ktests_end: u8;
}

/// Registers a test.
#[macro_export]
macro_rules! kernel_test {
    (fn $name:ident() $body:block) => {
        const _: () = {
            fn $name() $body
            #[used]
            #[unsafe(link_section = ".ktests")]
            static TEST: $crate::ktest::KernelTest = $crate::ktest::KernelTest {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: $name,
            };
        };
    };
}

macro_rules! out {
    ($($arg:tt)*) => { console::print(format_args!($($arg)*)) };
}

fn all() -> Vec<&'static KernelTest> {
    let start = (&raw const __ktests_start).cast::<KernelTest>();
    let end = (&raw const __ktests_end).cast::<KernelTest>();
    // SAFETY: the linker script makes the two symbols bound an array of `KernelTest`s.
    let tests = unsafe { core::slice::from_raw_parts(start, end.offset_from(start) as usize) };
    let mut tests: Vec<_> = tests.iter().collect();
    tests.sort_by_key(|test| test.name);
    tests
}

/// A test's path without the crate's name.
fn short(name: &str) -> &str {
    name.split_once("::").map_or(name, |(_, rest)| rest)
}

/// Runs the tests that the arguments select and ends QEMU. Returns at once with `rdinit=` on the
/// command line, so that the test build can boot to a program.
pub fn run(options: &CommandLine) {
    if options.rdinit.is_some() {
        return;
    }
    let args: Vec<String> = options
        .init_args
        .iter()
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect();
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    // Options of libtest that take a value.
    let takes_value = |arg: &str| {
        matches!(
            arg,
            "--format" | "--test-threads" | "--color" | "--skip" | "-Z"
        )
    };
    let mut filters: Vec<&str> = Vec::new();
    let mut skip = false;
    for arg in &args {
        if !skip && !arg.starts_with('-') {
            filters.push(arg);
        }
        skip = takes_value(arg);
    }
    let matches = |name: &str| {
        filters.is_empty()
            || filters.iter().any(|f| {
                if flag("--exact") {
                    name == *f
                } else {
                    name.contains(f)
                }
            })
    };
    let tests = all();
    // No test is marked as ignored, so `--ignored` selects none.
    let chosen: Vec<_> = tests
        .iter()
        .filter(|test| !flag("--ignored") && matches(short(test.name)))
        .collect();
    if flag("--list") {
        for test in &chosen {
            out!("{}: test\n", short(test.name));
        }
        finish()
    }
    out!("\nrunning {} tests\n", chosen.len());
    for test in &chosen {
        out!("test {} ... ", short(test.name));
        (test.run)();
        out!("ok\n");
    }
    out!(
        "\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; {} filtered out\n\n",
        chosen.len(),
        tests.len() - chosen.len()
    );
    finish()
}

fn finish() -> ! {
    power::debug_exit(Exit::Success);
    power::halt()
}
