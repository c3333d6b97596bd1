//! Character devices by number: the target of opening a device node.
//!
//! The numbers are Linux's (Documentation/admin-guide/devices.txt).

use alloc::sync::Arc;

use spin::Once;

use super::inode::FileOps;
use super::io::{In, MAX_RW_COUNT, Moved, Out, UserBuffer, finish};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::Device;
use crate::dev::random;
use crate::sched::preempt::{self, STRIDE, Stride};
use crate::usercopy::UserRange;

/// /dev/null.
pub const NULL: Device = Device::new(1, 3);
/// /dev/zero.
pub const ZERO: Device = Device::new(1, 5);
/// /dev/full.
pub const FULL: Device = Device::new(1, 7);
/// /dev/random.
pub const RANDOM: Device = Device::new(1, 8);
/// /dev/urandom.
pub const URANDOM: Device = Device::new(1, 9);
/// /dev/kmsg.
pub const KMSG: Device = Device::new(1, 11);
/// /dev/ttyS0.
pub const TTY_S0: Device = Device::new(4, 64);
/// /dev/tty: the caller's controlling terminal.
pub const TTY: Device = Device::new(5, 0);
/// /dev/ptmx: creates a pseudo-terminal.
pub const PTMX: Device = Device::new(5, 2);
/// /dev/console.
pub const CONSOLE: Device = Device::new(5, 1);

/// A driver of devices.
pub struct Driver {
    /// Major numbers.
    pub majors: &'static [u32],
    /// Opens a device; `ENXIO` if there is none.
    pub open: fn(Device) -> Result<Arc<dyn FileOps>, Errno>,
}

static DRIVERS: Once<&'static [Driver]> = Once::new();

/// Sets the drivers of floors above.
pub fn init(drivers: &'static [Driver]) {
    DRIVERS.call_once(|| drivers);
}

/// Opens the device `device`.
///
/// # Errors
/// `ENXIO` if there is none.
pub fn open(device: Device) -> Result<Arc<dyn FileOps>, Errno> {
    Ok(match device {
        NULL => Arc::new(Null),
        ZERO => Arc::new(Zero { full: false }),
        FULL => Arc::new(Zero { full: true }),
        RANDOM | URANDOM => Arc::new(Random),
        KMSG => Arc::new(Kmsg),
        _ => {
            let mut drivers = DRIVERS.get().copied().unwrap_or_default().iter();
            let driver = drivers.find(|driver| driver.majors.contains(&device.major));
            (driver.ok_or(Errno::ENXIO)?.open)(device)?
        }
    })
}

struct Null;

impl FileOps for Null {
    fn has_position(&self) -> bool {
        false
    }

    fn read(&self, _offset: u64, _out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        Ok(())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        from.skip_all();
        Ok(())
    }

    fn write_user(&self, from: UserRange, _nonblocking: bool) -> Moved {
        (from.len().min(MAX_RW_COUNT), Ok(()))
    }
}

/// /dev/zero, and /dev/full, whose writes fail.
struct Zero {
    full: bool,
}

impl FileOps for Zero {
    fn has_position(&self) -> bool {
        false
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        out.put_zeros()
    }

    fn read_user(&self, mut to: UserRange, _nonblocking: bool) -> SysResult {
        let len = to.len();
        if len <= STRIDE && to.put_zeros(len) == len {
            return Ok(len);
        }
        fill_with_zeros(len, to)
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        if self.full {
            return Err(Errno::ENOSPC);
        }
        from.skip_all();
        Ok(())
    }
}

/// Fills the rest of a buffer of `len` bytes with zeros; returns the number of bytes filled in all.
#[cold]
fn fill_with_zeros(len: usize, rest: UserRange) -> SysResult {
    let mut out = UserBuffer::new(rest);
    let result = out.put_zeros();
    finish((len - rest.len() + Out::done(&out), result))
}

/// /dev/random and /dev/urandom: neither blocks, as on Linux once the generator is seeded.
struct Random;

impl FileOps for Random {
    fn has_position(&self) -> bool {
        false
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; 256];
        let mut stride = Stride::default();
        while out.left() > 0 {
            let part = &mut bytes[..out.left().min(256)];
            random::fill(part);
            out.put(part)?;
            if stride.passes(part.len() * random::FILL_WEIGHT) {
                preempt::interrupted()?;
            }
        }
        Ok(())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; 256];
        let mut stride = Stride::default();
        while from.left() > 0 {
            let len = from.left().min(bytes.len());
            from.take(&mut bytes[..len])?;
            random::stir(&bytes[..len]);
            if stride.passes(len * random::STIR_WEIGHT) {
                preempt::interrupted()?;
            }
        }
        Ok(())
    }
}

/// /dev/kmsg: a write adds a message to the kernel's log. Reading is left to syslog(2).
struct Kmsg;

impl FileOps for Kmsg {
    fn is_stream(&self) -> bool {
        true
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        /// Longest message (PRINTKRB_RECORD_MAX).
        const MESSAGE_MAX: usize = 1024;
        if from.left() > MESSAGE_MAX {
            return Err(Errno::EINVAL);
        }
        let mut bytes = [0; MESSAGE_MAX];
        let message = &mut bytes[..from.left()];
        from.take(message)?;
        let text = message
            .utf8_chunks()
            .map(|chunk| chunk.valid())
            .collect::<alloc::string::String>();
        crate::dev::log::log!("{}", text.trim_end_matches('\n'));
        Ok(())
    }
}
