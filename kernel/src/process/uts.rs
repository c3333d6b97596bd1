//! Names of the system (uname(2)), Linux's UTS namespace.

use alloc::string::String;

use crate::abi::errno::Errno;
use crate::sync::{Mutex, rank};

/// Release of the Linux ABI that this kernel follows. C libraries refuse to start on a kernel older
/// than they were built for.
pub const RELEASE: &str = "6.1.0-trident";
/// The release under personality UNAME26: 2.6.60 plus the minor version (override_release in
/// kernel/sys.c).
pub const RELEASE_26: &str = "2.6.61-trident";
/// Version of the build, Linux's `#1 SMP ...`.
pub const VERSION: &str = concat!("#1 Trident ", env!("CARGO_PKG_VERSION"));

/// Bytes of each field of struct utsname, NUL included.
pub const UTS_FIELD: usize = 65;

/// Name of the system that programs can set.
pub struct UtsName(Mutex<([u8; UTS_FIELD], usize), rank::HostName>);

/// The host name.
pub static HOST: UtsName = UtsName::at_boot(b"trident");
/// The (NIS) domain name.
pub static DOMAIN: UtsName = UtsName::at_boot(b"(none)");

impl UtsName {
    const fn at_boot(boot: &[u8]) -> Self {
        let mut name = [0; UTS_FIELD];
        let mut i = 0;
        while i < boot.len() {
            name[i] = boot[i];
            i += 1;
        }
        Self(Mutex::new((name, boot.len())))
    }

    /// The name.
    pub fn get(&self) -> String {
        let (name, len) = &*self.0.lock();
        String::from_utf8_lossy(&name[..*len]).into_owned()
    }

    /// Copies the name to the begin of `field`, as much as fits before a NUL.
    pub fn copy_to(&self, field: &mut [u8]) {
        let (name, len) = &*self.0.lock();
        let len = (*len).min(field.len() - 1);
        field[..len].copy_from_slice(&name[..len]);
    }

    /// Sets the name.
    ///
    /// # Errors
    /// `EINVAL` for more than 64 bytes.
    pub fn set(&self, name: &[u8]) -> Result<(), Errno> {
        let mut new = [0; UTS_FIELD];
        let (start, _) = new.split_at_mut(UTS_FIELD - 1);
        let start = start.get_mut(..name.len()).ok_or(Errno::EINVAL)?;
        start.copy_from_slice(name);
        self.0.set((new, name.len()));
        Ok(())
    }
}
