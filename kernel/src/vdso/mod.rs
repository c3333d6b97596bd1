//! TEMPORARY stand-in until the vDSO is there.
use crate::mm::address_space::AddressSpace;
use crate::syscall::errno::Errno;
/// Maps the vDSO and its data page; sets `landmarks.vdso`.
pub fn map(_mm: &mut AddressSpace, _is_32bit: bool) -> Result<(), Errno> { Ok(()) }
/// Address of the landing pad in a vDSO mapped at `base`; 0 if `base` is 0.
pub fn landing_pad(_base: u64) -> u64 { 0 }
/// Address of `__kernel_vsyscall` in a vDSO mapped at `base`.
pub fn kernel_vsyscall(_base: u64) -> u64 { 0 }
/// Prepares the images for this CPU.
pub fn init() {}
