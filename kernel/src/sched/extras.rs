//! What few tasks have and a switch between tasks has to see to: breakpoints in hardware, I/O
//! ports, and RDTSC that traps.
//!
//! The task has a bit for each, so that a switch between two tasks without extras costs one test.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU8, Ordering};

use super::ports::Ports;
use crate::arch::debug::{self, DebugRegisters};
use crate::arch::{cpu, gdt, percpu};
use crate::process::task::Task;
use crate::sync::{Mutex, rank};

/// The task has debug registers.
const DEBUG: u8 = 1;
/// It may use I/O ports.
const PORTS: u8 = 2;
/// RDTSC traps (prctl(PR_SET_TSC)).
const TSC_TRAPS: u8 = 4;

/// A task's.
#[derive(Default)]
pub struct Extras {
    present: AtomicU8,
    debug: Mutex<Option<Box<DebugRegisters>>, rank::DebugRegisters>,
    ports: Mutex<Ports, rank::Ports>,
}

impl Extras {
    fn note(&self, bit: u8, is_there: bool) {
        if is_there {
            self.present.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.present.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Bits of what there is.
    #[inline(always)]
    pub fn present(&self) -> u8 {
        self.present.load(Ordering::Relaxed)
    }
}

impl Task {
    /// Its debug registers; without any, what such a task reads.
    pub fn debug_registers(&self) -> DebugRegisters {
        self.extras
            .debug
            .lock()
            .as_deref()
            .copied()
            .unwrap_or_default()
    }

    /// Gives it debug registers, which count from its next switch on.
    pub fn set_debug_registers(&self, registers: DebugRegisters) {
        let is_there = registers != DebugRegisters::default();
        self.extras.debug.set(is_there.then(|| Box::new(registers)));
        self.extras.note(DEBUG, is_there);
    }

    /// Its rights to I/O ports.
    pub fn ports(&self) -> &Mutex<Ports, rank::Ports> {
        &self.extras.ports
    }

    /// Gives it other ones.
    pub fn set_ports(&self, ports: Ports) {
        if core::ptr::eq(self, percpu::current()) {
            ports.load();
        }
        self.extras.note(PORTS, !ports.is_empty());
        self.extras.ports.set(ports);
    }

    /// Whether RDTSC is its SIGSEGV.
    pub fn tsc_traps(&self) -> bool {
        self.extras.present() & TSC_TRAPS != 0
    }

    /// Has RDTSC trap, or not.
    pub fn set_tsc_traps(&self, traps: bool) {
        self.extras.note(TSC_TRAPS, traps);
        if core::ptr::eq(self, percpu::current()) {
            cpu::set_tsc_traps(traps);
        }
    }
}

/// Takes what `previous` has off the CPU, and gives it what `next` has.
#[cold]
pub fn switch(previous: u8, next: &Task) {
    let extras = &next.extras;
    if (previous | extras.present()) & DEBUG != 0 {
        debug::switch(extras.debug.lock().as_deref(), previous & DEBUG != 0);
    }
    if extras.present() & PORTS != 0 {
        extras.ports.lock().load();
    } else if previous & PORTS != 0 {
        gdt::set_ports(gdt::Ports::None);
    }
    if (previous ^ extras.present()) & TSC_TRAPS != 0 {
        cpu::set_tsc_traps(next.tsc_traps());
    }
}
