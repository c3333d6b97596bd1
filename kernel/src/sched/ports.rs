//! Access of threads to I/O ports: single ports by ioperm(2), all ports by iopl(2)
//! (arch/x86/kernel/ioport.c).
//!
//! RFLAGS.IOPL stays 0: with IOPL 3 a program could disable interrupts. Level 3 is emulated by an
//! I/O bitmap with every port open in the TSS; CLI and STI are skipped then. The rights are
//! inherited by children and kept over execve(2).

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::abi::errno::Errno;
use crate::arch::gdt::{self, PORT_BYTES};
use crate::mm::fallible;
use crate::sched::thread::Thread;

/// A thread's access to I/O ports.
#[derive(Clone, Default)]
pub struct Ports {
    level: u8,
    /// I/O bitmap: a set bit closes the port. Shared with children until one of them changes it.
    closed: Option<Arc<Vec<u8>>>,
}

impl Ports {
    /// Whether every port is closed.
    pub fn is_empty(&self) -> bool {
        self.level < 3 && self.closed.is_none()
    }

    /// Level set by iopl(2), 0 to 3.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// I/O bitmap of ioperm(2); `None` if it opens no port.
    pub fn closed(&self) -> Option<&[u8]> {
        self.closed.as_ref().map(|closed| closed.as_slice())
    }

    /// Loads the I/O bitmap into the TSS.
    pub fn load(&self) {
        gdt::set_ports(match &self.closed {
            _ if self.level == 3 => gdt::Ports::All,
            Some(closed) => gdt::Ports::Some(closed),
            None => gdt::Ports::None,
        });
    }

    /// Opens or closes the ports in `range`, within 0..65536.
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

impl<O: ?Sized> Thread<O> {
    /// ioperm(2) of the running thread.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn open_ports(&self, range: core::ops::Range<usize>, open: bool) -> Result<(), Errno> {
        let mut ports = self.ports().lock().clone();
        ports.change(range, open)?;
        self.set_ports(ports);
        Ok(())
    }

    /// iopl(2) of the running thread.
    pub fn set_port_level(&self, level: u8) {
        let mut ports = self.ports().lock().clone();
        ports.level = level;
        self.set_ports(ports);
    }
}
