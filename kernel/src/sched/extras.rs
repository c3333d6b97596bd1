//! CPU state that few tasks have and a context switch must load: debug registers, the I/O bitmap,
//! and CR4.TSD (Linux's __switch_to_xtra).
//!
//! A task has a bit for each, so that a switch between two tasks without any costs one test.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU8, Ordering};

use super::ports::Ports;
use crate::arch::debug::{self, DebugRegisters};
use crate::arch::{cpu, gdt};
use crate::sched::thread::Thread;
use crate::sync::{Mutex, rank};

/// The task has debug registers.
const DEBUG: u8 = 1;
/// The task may use I/O ports.
const PORTS: u8 = 2;
/// RDTSC traps (prctl(PR_SET_TSC)).
const TSC_TRAPS: u8 = 4;

/// Rarely used CPU state of a task.
#[derive(Default)]
pub struct Extras {
    present: AtomicU8,
    debug: Mutex<Option<Box<DebugRegisters>>, rank::DebugRegisters>,
    ports: Mutex<Ports, rank::Ports>,
}

impl Extras {
    fn set_present(&self, bit: u8, exists: bool) {
        if exists {
            self.present.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.present.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Bits of the state that the task has.
    #[inline(always)]
    pub fn present(&self) -> u8 {
        self.present.load(Ordering::Relaxed)
    }
}

impl<O: ?Sized> Thread<O> {
    /// The task's debug registers; their initial values if it never set any.
    pub fn debug_registers(&self) -> DebugRegisters {
        self.extras
            .debug
            .lock()
            .as_deref()
            .copied()
            .unwrap_or_default()
    }

    /// Sets the task's debug registers, loaded at the next switch to it.
    pub fn set_debug_registers(&self, registers: DebugRegisters) {
        let exists = registers != DebugRegisters::default();
        self.extras.debug.set(exists.then(|| Box::new(registers)));
        self.extras.set_present(DEBUG, exists);
    }

    /// The task's access to I/O ports.
    pub fn ports(&self) -> &Mutex<Ports, rank::Ports> {
        &self.extras.ports
    }

    /// Sets the task's access to I/O ports.
    pub fn set_ports(&self, ports: Ports) {
        if self.is_current() {
            ports.load();
        }
        self.extras.set_present(PORTS, !ports.is_empty());
        self.extras.ports.set(ports);
    }

    /// Whether RDTSC raises SIGSEGV in the task (PR_TSC_SIGSEGV).
    pub fn tsc_traps(&self) -> bool {
        self.extras.present() & TSC_TRAPS != 0
    }

    /// Sets whether RDTSC traps in the task.
    pub fn set_tsc_traps(&self, traps: bool) {
        self.extras.set_present(TSC_TRAPS, traps);
        if self.is_current() {
            cpu::set_tsc_traps(traps);
        }
    }
}

/// Replaces the state on the CPU by that of `next`. `previous`: the bits of the task before.
#[cold]
pub fn switch(previous: u8, next: &Thread) {
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
