//! The program's segment registers and FS/GS bases, switched with the task.
//!
//! 64-bit code ignores DS and ES, 32-bit code uses them; the bases of FS and GS point to
//! thread-local storage. Loading a selector also loads its base: the selector comes first.

use core::arch::asm;

use x86_64::instructions::segmentation::{SS, Segment};
use x86_64::registers::model_specific::Msr;
use x86_64::structures::gdt::SegmentSelector;

use super::gdt::{KERNEL_DS, TLS_FIRST};
use super::{percpu, user_desc};

/// Loads a segment register; loads null if the selector faults.
macro_rules! load_selector {
    ($register:literal, $selector:expr) => {
        // SAFETY: ring 0 ignores DS, ES and FS in 64-bit mode; GS's base is rewritten by the
        // caller. A bad selector faults at label 2, which the exception table sends to 3.
        unsafe {
            asm!(
                concat!("2: mov ", $register, ", {sel:x}"),
                "jmp 4f",
                "3: xor {sel:e}, {sel:e}",
                concat!("mov ", $register, ", {sel:x}"),
                "4:",
                $crate::extable!("2b", "3b"),
                sel = inout(reg) $selector => _,
                options(nostack),
            );
        }
    };
}

/// IA32_FS_BASE.
const FS_BASE: u32 = 0xc000_0100;
/// IA32_GS_BASE: the per-CPU data's address while in the kernel.
const GS_BASE: u32 = 0xc000_0101;
/// IA32_KERNEL_GS_BASE: the program's GS base while in the kernel (SWAPGS exchanges the two).
const KERNEL_GS_BASE: u32 = 0xc000_0102;

fn read(msr: u32) -> u64 {
    // SAFETY: the three registers exist in long mode, and reading has no effect.
    unsafe { Msr::new(msr).read() }
}

fn write(msr: u32, base: u64) {
    // WRMSR faults on a non-canonical base. A program can leave one with WRFSBASE on an emulator
    // that doesn't check: sign-extend what is written.
    let canonical = ((base << 16) as i64 >> 16) as u64;
    // SAFETY: the kernel uses neither FS base nor the program's GS base; for IA32_GS_BASE callers
    // pass the per-CPU data's address.
    unsafe { Msr::new(msr).write(canonical) };
}

/// The running program's FS base.
pub fn fs_base() -> u64 {
    read(FS_BASE)
}

/// The running program's GS base.
pub fn gs_base() -> u64 {
    read(KERNEL_GS_BASE)
}

/// Loads the running program's FS selector, then its base.
pub fn set_fs(selector: u16, base: u64) {
    load_selector!("fs", selector);
    write(FS_BASE, base);
}

/// Loads the running program's GS selector, then its base.
pub fn set_gs(selector: u16, base: u64) {
    load_gs(selector);
    write(KERNEL_GS_BASE, base);
}

/// Loads the program's GS selector; returns the base from its descriptor.
// ANCHOR: load-gs
fn load_gs(selector: u16) -> u64 {
    // MOV GS overwrites the active GS base, which is the kernel's: restore it at once. Interrupts
    // are off, and an NMI loads its own GS base.
    load_selector!("gs", selector);
    let base = read(GS_BASE);
    write(GS_BASE, percpu::base());
    base
}
// ANCHOR_END: load-gs

/// Reloads DS and ES of the running program if `changed` is true of the selector: its descriptor
/// has changed.
// ANCHOR: reload-data
pub fn reload_data(changed: impl Fn(u16) -> bool) {
    let now = Segments::read();
    if changed(now.ds) {
        load_selector!("ds", now.ds);
    }
    if changed(now.es) {
        load_selector!("es", now.es);
    }
}
// ANCHOR_END: reload-data

/// Reloads DS, ES, FS and GS as [`reload_data`] does; FS and GS get the new bases.
pub fn reload(changed: impl Fn(u16) -> bool) {
    reload_data(&changed);
    let now = Segments::read();
    if changed(now.fs) {
        load_selector!("fs", now.fs);
    }
    if changed(now.gs) {
        let base = load_gs(now.gs);
        write(KERNEL_GS_BASE, base);
    }
}

/// Loads `selector` into the running program's DS and ES.
pub fn set_data(selector: u16) {
    load_selector!("ds", selector);
    load_selector!("es", selector);
}

/// Loads the running program's selectors, with RPL 3. Registers that already hold theirs are
/// skipped: reloading FS or GS would change its base.
pub fn set_selectors(ds: u16, es: u16, fs: u16, gs: u16) {
    let ring3 = |selector: u16| {
        if selector > 3 { selector | 3 } else { selector }
    };
    let [ds, es, fs, gs] = [ds, es, fs, gs].map(ring3);
    let now = Segments::read();
    if now.ds != ds {
        load_selector!("ds", ds);
    }
    if now.es != es {
        load_selector!("es", es);
    }
    if now.fs != fs {
        load_selector!("fs", fs);
    }
    if now.gs != gs {
        // The base from the descriptor is the program's.
        let base = load_gs(gs);
        write(KERNEL_GS_BASE, base);
    }
}

/// A program's data segment selectors and FS/GS bases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the registers' names.
pub struct Segments {
    pub ds: u16,
    pub es: u16,
    pub fs: u16,
    pub gs: u16,
    pub fs_base: u64,
    pub gs_base: u64,
}

impl Segments {
    /// Registers that may hold any selector.
    pub const UNKNOWN: Self = Self {
        ds: u16::MAX,
        es: u16::MAX,
        fs: u16::MAX,
        gs: u16::MAX,
        fs_base: 0,
        gs_base: 0,
    };

    /// Updates a sleeping task's bases after a change of its TLS descriptor `slot`: FS or GS takes
    /// the new base if its selector names that descriptor.
    pub fn take_base(&mut self, slot: usize, descriptor: u64) {
        let selector = ((TLS_FIRST + slot) << 3 | 3) as u16;
        let base = user_desc::base(descriptor);
        if self.fs == selector {
            self.fs_base = base;
        }
        if self.gs == selector {
            self.gs_base = base;
        }
    }

    /// Reads the running program's registers.
    pub fn read() -> Self {
        let (ds, es, fs, gs): (u16, u16, u16, u16);
        // SAFETY: reading selectors has no effect.
        unsafe {
            asm!("mov {:x}, ds", "mov {:x}, es", "mov {:x}, fs", "mov {:x}, gs",
                 out(reg) ds, out(reg) es, out(reg) fs, out(reg) gs,
                 options(nomem, nostack, preserves_flags));
        }
        Self {
            ds,
            es,
            fs,
            gs,
            fs_base: fs_base(),
            gs_base: gs_base(),
        }
    }

    /// Loads the registers for the task about to run, after those of `previous`, which the CPU
    /// still holds. Its TLS descriptors must be in the GDT.
    pub fn load(&self, previous: &Self) {
        // A selector whose descriptor no longer exists becomes null, as on Linux. A null selector
        // stays (load_seg_legacy in arch/x86/kernel/process_64.c).
        if self.ds | self.es | previous.ds | previous.es != 0 {
            load_selector!("ds", self.ds);
            load_selector!("es", self.es);
        }
        // ANCHOR: load-bases
        if self.fs | self.gs | previous.fs | previous.gs != 0 {
            set_fs(self.fs, self.fs_base);
            set_gs(self.gs, self.gs_base);
        } else {
            // A write of an MSR costs far more than a comparison, and programs without
            // thread-local storage behind GS all have 0 there.
            if self.fs_base != previous.fs_base {
                write(FS_BASE, self.fs_base);
            }
            if self.gs_base != previous.gs_base {
                write(KERNEL_GS_BASE, self.gs_base);
            }
        }
        // ANCHOR_END: load-bases
        // ANCHOR: reload-ss
        // An interrupt from user mode sets SS to null, and SYSRET on AMD CPUs then leaves the
        // program a stack segment with stale attributes (Linux: X86_BUG_SYSRET_SS_ATTRS).
        // SAFETY: the kernel's own data segment.
        unsafe { SS::set_reg(SegmentSelector(KERNEL_DS)) };
        // ANCHOR_END: reload-ss
    }
}
