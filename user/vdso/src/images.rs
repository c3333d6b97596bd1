//! The two vDSO images that `build.rs` makes: ELF shared objects for the kernel to map.
//!
//! The clock page ([`crate::page`]) must be mapped just below the image. The sources are in
//! `src/image/`; `kernel/src/vdso/` maps the images.

/// `linux-vdso.so.1`, for 64-bit programs.
pub static VDSO64: &[u8] = &ALIGNED64.0;
/// `linux-gate.so.1`, for 32-bit programs.
pub static VDSO32: &[u8] = &ALIGNED32.0;

/// Page-aligned bytes, so that the ELF header is aligned for its readers.
#[repr(C, align(4096))]
struct Aligned<T: ?Sized>(T);

// ANCHOR: bytes
static ALIGNED64: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/vdso64.so")));
// ANCHOR_END: bytes
static ALIGNED32: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/vdso32.so")));

include!(concat!(env!("OUT_DIR"), "/offsets.rs"));

/// Code for [`vdso32::VDSO32_VSYSCALL_SITE`] on CPUs with `SYSENTER` in 32-bit code (Intel):
/// `mov ebp, esp; sysenter`.
pub const VSYSCALL_SYSENTER: [u8; 4] = [0x89, 0xe5, 0x0f, 0x34];
/// Code for that site on CPUs with `SYSCALL` in 32-bit code (AMD): `mov ebp, ecx; syscall`.
pub const VSYSCALL_SYSCALL: [u8; 4] = [0x89, 0xcd, 0x0f, 0x05];
/// Initial code at that site, for CPUs with neither: a no-op before `int 0x80`.
pub const VSYSCALL_INT80: [u8; 4] = [0x0f, 0x1f, 0x40, 0x00];

/// Code for `VDSO_GETCPU_SITE` of both images on CPUs with RDPID: `rdpid eax`, one instruction of
/// eight bytes by DS prefixes, which have no effect without an operand in memory.
pub const GETCPU_RDPID: [u8; 8] = [0x3e, 0x3e, 0x3e, 0x3e, 0xf3, 0x0f, 0xc7, 0xf8];
