//! Part 1: the CPU, and the kernel's setup of the doors.

use sys::cpu;
use sys::os;
use sys::{print, println};

/// Shows the CPU's name.
pub fn cpu() {
    let (vendor, brand) = (cpu::vendor(), cpu::brand());
    println!(
        "   CPU: {} ({}){}",
        text(&brand),
        text(&vendor),
        if emulated() { ", emulated by QEMU" } else { "" }
    );
}

/// Shows the CPU's name and the kernel's log messages about the doors.
pub fn show() {
    cpu();
    let mut buffer = [0; 32768];
    let log = core::str::from_utf8(os::kernel_log(&mut buffer)).unwrap_or("");
    let mut shown = false;
    for (_, line) in log.lines().filter_map(|line| line.split_once("doors: ")) {
        wrapped(line);
        shown = true;
    }
    if !shown {
        println!("   (this kernel doesn't log their setup; Trident does)");
        return;
    }
    println!("   That is: the entry point of INT 0x80 is in a gate in memory (DPL=3: programs");
    println!("   may use it), those of SYSCALL and SYSENTER are in registers that only the");
    println!("   kernel can write.");
}

/// Prints `line`, wrapped at the screen's width.
fn wrapped(line: &str) {
    const WIDTH: usize = 80;
    let mut column = 0;
    for word in line.split(' ') {
        if column == 0 || column + 1 + word.len() > WIDTH {
            print!("{}", if column == 0 { "   - " } else { "\n     " });
            column = 5;
        } else {
            print!(" ");
            column += 1;
        }
        print!("{word}");
        column += word.len();
    }
    println!();
}

/// The text of a name from CPUID, without padding.
fn text(name: &[u8]) -> &str {
    let end = name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(name.len());
    core::str::from_utf8(&name[..end]).unwrap_or("?").trim()
}

/// Whether the CPU is emulated by QEMU's TCG, which CPUID's hypervisor leaf names.
pub fn emulated() -> bool {
    let leaf = cpu::cpuid(0x4000_0000);
    [leaf.ebx, leaf.ecx, leaf.edx]
        .map(u32::to_le_bytes)
        .as_flattened()
        == b"TCGTCGTCGTCG"
}
