//! Part 3: the vDSO, whose calls don't enter the kernel.

use programs::costs::MONOTONIC;
use programs::doors_file;
use sys::os::{self, Timespec};
use sys::vdso::Vdso;
use sys::{print, println};

use crate::report::Failure;

const CALLS: u32 = 100_000;

/// Shows the vDSO's address and functions, and checks that its calls don't enter the kernel.
pub fn show(vdso: &Vdso) -> Result<(), Failure> {
    let soname = vdso.image.soname().unwrap_or("(unnamed)");
    println!(
        "   AT_SYSINFO_EHDR says {:#x}: an ELF library, {soname}, with",
        vdso.base
    );
    print!("  ");
    for (name, ..) in vdso
        .image
        .symbols()
        .filter(|(name, ..)| name.starts_with("__vdso_"))
    {
        print!(" {}", name.trim_start_matches("__vdso_"));
    }
    println!();
    maps()?;

    let clock_gettime = vdso.clock_gettime.ok_or("the vDSO has no clock_gettime")?;
    let mut latest = Timespec::default();
    let mut call = || {
        let mut now = Timespec::default();
        // SAFETY: the vDSO's function writes one timespec, to `now`.
        let result = unsafe { clock_gettime(MONOTONIC, &mut now) };
        let forwards = result == 0 && now >= latest;
        latest = now;
        forwards
    };
    let mut forwards = true;
    let entered = doors_file::delta(|| {
        for _ in 0..CALLS {
            forwards &= call();
        }
    });
    forwards &= call();
    let bracketed = os::clock_gettime(MONOTONIC).is_ok_and(|now| now >= latest);
    if !forwards || !bracketed {
        return Err("the vDSO's clock is wrong or runs backwards");
    }
    match entered.map(|counts| counts.total()) {
        Some(0) => println!("   {CALLS} calls of clock_gettime: the kernel counted 0 entries."),
        Some(_) => return Err("calls of the vDSO's clock_gettime entered the kernel"),
        None => println!("   (this kernel doesn't count entries; Trident does, in /proc/doors)"),
    }
    Ok(())
}

/// Prints the lines of /proc/self/maps that belong to the vDSO.
fn maps() -> Result<(), Failure> {
    let mut buffer = [0; 8192];
    let maps = core::str::from_utf8(os::read_file(c"/proc/self/maps", &mut buffer)).unwrap_or("");
    let mut code = false;
    for line in maps
        .lines()
        .filter(|line| line.contains("[vdso]") || line.contains("[vvar]"))
    {
        let squeezed = line.split_whitespace();
        let (first, last) = (squeezed.clone().take(2), squeezed.last().unwrap_or(""));
        print!("  ");
        for word in first {
            print!(" {word}");
        }
        println!(
            " {last}{}",
            if last == "[vvar]" {
                ": the clock, written by the kernel"
            } else {
                ""
            }
        );
        code |= last == "[vdso]" && line.contains(" r-xp ");
    }
    if code {
        Ok(())
    } else {
        Err("/proc/self/maps has no readable and executable [vdso]")
    }
}
