//! Rule 21: the vDSO is an ELF shared library; its functions are found by name and version, by both
//! hash tables. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use programs::doors_file::Counts;
use sys::elf_image::Image;
use sys::env::AT_SYSINFO;
use sys::vdso::{VERSION, Vdso};
use sys::{Env, println};

sys::entry!(run);

#[cfg(target_pointer_width = "64")]
const FUNCTIONS: &[&str] = &[
    "clock_gettime",
    "gettimeofday",
    "clock_getres",
    "time",
    "getcpu",
];
#[cfg(target_pointer_width = "32")]
const FUNCTIONS: &[&str] = &[
    "__vdso_clock_gettime",
    "__vdso_clock_gettime64",
    "__vdso_gettimeofday",
    "__vdso_clock_getres",
    "__vdso_time",
];

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    let Some(vdso) = Vdso::find(env) else {
        println!("BROKEN: no vDSO");
        return 1;
    };
    symbols(&mut checks, &vdso.image, env.aux(AT_SYSINFO));
    checks.status()
}

fn symbols(checks: &mut Checks, image: &Image, vsyscall: Option<usize>) {
    let soname = if cfg!(target_pointer_width = "64") {
        "linux-vdso.so.1"
    } else {
        "linux-gate.so.1"
    };
    checks.equal(image.soname(), Some(soname), format_args!("SONAME"));
    // Newer Linux kernels have only the GNU table; Trident has both.
    let both = Counts::read().is_some() || image.has_hash();
    checks.that(image.has_gnu_hash(), format_args!("no DT_GNU_HASH"));
    let find = |checks: &mut Checks, name: &str, version: &str| {
        let gnu = image.lookup_gnu_hash(name, version);
        checks.that(
            gnu.is_some(),
            format_args!("{name}, version {version}: not in DT_GNU_HASH"),
        );
        if both {
            let hash = image.lookup_hash(name, version);
            checks.equal(
                hash,
                gnu,
                format_args!("{name}, version {version}: in DT_HASH"),
            );
        }
        gnu
    };
    for name in FUNCTIONS {
        let address = find(checks, name, VERSION);
        if cfg!(target_pointer_width = "64") {
            // The weak alias without a prefix.
            let alias = name.trim_start_matches("__vdso_");
            let aliases = [find(checks, alias, VERSION), find(checks, alias, "")];
            checks.equal(
                aliases,
                [address; 2],
                format_args!("{alias}, with and without version"),
            );
        }
    }
    if cfg!(target_pointer_width = "32") {
        find(checks, "__kernel_sigreturn", "LINUX_2.5");
        find(checks, "__kernel_rt_sigreturn", "LINUX_2.5");
        let found = find(checks, "__kernel_vsyscall", "LINUX_2.5");
        checks.equal(found, vsyscall, format_args!("AT_SYSINFO"));
    }
    let absent = ["", "__vdso_", "__vdso_clock_gettimf", "no_such_function"];
    for name in absent {
        checks.equal(
            image.lookup_gnu_hash(name, ""),
            None,
            format_args!("\"{name}\" in DT_GNU_HASH"),
        );
        checks.equal(
            image.lookup_hash(name, ""),
            None,
            format_args!("\"{name}\" in DT_HASH"),
        );
    }
    let wrong = image.lookup_gnu_hash("__vdso_clock_gettime", "LINUX_9.9");
    checks.equal(wrong, None, format_args!("an undefined version"));
}
