//! I/O ports that a thread may use by itself: ioperm(2) opens single ones, iopl(2) all
//! (arch/x86/kernel/ioport.c).
//!
//! The CPU's own I/O privilege level stays 0: with a higher one a program could turn interrupts
//! off. Level 3 is a bitmap in the TSS with every port open, and CLI and STI do nothing then. The
//! rights go to children and stay over execve(2).

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::arch::gdt::{self, PORT_BYTES};
use crate::mm::fallible;
use crate::process::instruction;
use crate::process::task::Task;

/// A thread's rights.
#[derive(Clone, Default)]
pub struct Ports {
    level: u8,
    /// A bit for each port, set where it is closed. Children share it until one of them changes it.
    closed: Option<Arc<Vec<u8>>>,
}

impl Ports {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.level < 3 && self.closed.is_none()
    }

    /// The level that iopl(2) gave.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The bitmap of ioperm(2), if a port is open.
    pub fn closed(&self) -> Option<&[u8]> {
        self.closed.as_ref().map(|closed| closed.as_slice())
    }

    /// Gives the CPU the rights.
    pub fn load(&self) {
        gdt::set_ports(match &self.closed {
            _ if self.level == 3 => gdt::Ports::All,
            Some(closed) => gdt::Ports::Some(closed),
            None => gdt::Ports::None,
        });
    }

    /// Opens or closes the ports in `range`, which end at 65536.
    ///
    /// # Errors
    /// `ENOMEM`.
    fn change(&mut self, range: core::ops::Range<usize>, open: bool) -> Result<(), Errno> {
        let mut bitmap = match self.closed.take() {
            None if !open => return Ok(()),
            None => {
                let mut bitmap = fallible::zeroed(PORT_BYTES)?;
                bitmap.fill(u8::MAX);
                bitmap
            }
            Some(shared) => match Arc::try_unwrap(shared) {
                Ok(own) => own,
                Err(shared) => {
                    let copy = fallible::to_vec(&shared);
                    self.closed = Some(shared);
                    copy?
                }
            },
        };
        for port in range {
            let bit = 1 << (port % 8);
            if open {
                bitmap[port / 8] &= !bit;
            } else {
                bitmap[port / 8] |= bit;
            }
        }
        let any_open = bitmap.iter().any(|byte| *byte != u8::MAX);
        self.closed = any_open.then(|| Arc::new(bitmap));
        Ok(())
    }
}

/// ioperm(2) of the running task.
///
/// # Errors
/// `ENOMEM`.
pub fn set_open(task: &Task, range: core::ops::Range<usize>, open: bool) -> Result<(), Errno> {
    let mut ports = task.ports().lock().clone();
    ports.change(range, open)?;
    task.set_ports(ports);
    Ok(())
}

/// iopl(2) of the running task.
pub fn set_level(task: &Task, level: u8) {
    let mut ports = task.ports().lock().clone();
    ports.level = level;
    task.set_ports(ports);
}

/// Whether the instruction that met a general protection fault is CLI or STI of a program at level
/// 3, which does nothing there (fixup_iopl_exception).
pub fn passes_over(task: &Task, frame: &mut Frame) -> bool {
    const CLI: u8 = 0xfa;
    const STI: u8 = 0xfb;
    let level = task.ports().lock().level;
    let does_nothing = level == 3 && matches!(instruction::bytes(frame)[..], [CLI | STI, ..]);
    if does_nothing {
        frame.rip += 1;
    }
    does_nothing
}
