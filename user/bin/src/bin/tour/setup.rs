//! Part 1: the CPU, and how the kernel set the doors up.

use sys::cpu;
use sys::os;
use sys::{print, println};

/// Tells the CPU's name and shows the kernel's own log lines about the doors.
pub fn show() {
    println!("1. How the doors are set up");
    let (vendor, brand) = (cpu::vendor(), cpu::brand());
    println!(
        "   CPU: {} ({}){}",
        text(&brand),
        text(&vendor),
        if emulated() { ", emulated by QEMU" } else { "" }
    );

    let mut buffer = [0; 32768];
    let log = core::str::from_utf8(os::kernel_log(&mut buffer)).unwrap_or("");
    let mut shown = false;
    for (_, line) in log.lines().filter_map(|line| line.split_once("doors: ")) {
        wrapped(line);
        shown = true;
    }
    if !shown {
        println!("   (this kernel's log says nothing about them; Trident's does)");
        return;
    }
    println!("   In words: INT 0x80 finds its way through a gate in memory (DPL=3: programs");
    println!("   may use it); SYSCALL and SYSENTER through registers that only the kernel can");
    println!("   write.");
}

/// Prints `line`, continued below where it is longer than the screen is wide.
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

/// The letters of a name as CPUID gives it.
fn text(name: &[u8]) -> &str {
    let end = name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(name.len());
    core::str::from_utf8(&name[..end]).unwrap_or("?").trim()
}

/// Whether QEMU's translator (TCG) stands in for the CPU: it says so in its hypervisor leaf.
pub fn emulated() -> bool {
    let leaf = cpu::cpuid(0x4000_0000);
    [leaf.ebx, leaf.ecx, leaf.edx]
        .map(u32::to_le_bytes)
        .as_flattened()
        == b"TCGTCGTCGTCG"
}
