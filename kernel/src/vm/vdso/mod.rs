//! vDSO: two images (64- and 32-bit) and one clock page, mapped into every program.
//!
//! The images are built from `user/vdso`. They are copied to page frames once and patched for the
//! CPU; exec maps them. [`crate::time`] writes the clock page, `user/vdso/src/reader.rs` reads it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Lazy;
use vdso::images::{self, VDSO32, VDSO64, vdso32, vdso64};
use x86_64::registers::model_specific::Msr;

use crate::abi::errno::Errno;
use crate::arch::cpu::{self, Features, Vendor};
use crate::dev::log::log;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::time::clock_frame;
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::randomize::random_pages;
use crate::vm::vma::{Backing, Prot, Role, Vma, VmaFlags};

/// Frames of the 64-bit image, patched for this CPU.
// ANCHOR: patched
static IMAGE64: Lazy<Arc<Vec<Frame>>> = Lazy::new(|| {
    let mut image = Vec::from(VDSO64);
    fit_getcpu(&mut image, vdso64::VDSO_GETCPU_SITE);
    frames(&image)
});
// ANCHOR_END: patched

/// Frames of the 32-bit image, patched for this CPU, including `__kernel_vsyscall`.
static IMAGE32: Lazy<Arc<Vec<Frame>>> = Lazy::new(|| {
    let mut image = Vec::from(VDSO32);
    fit_getcpu(&mut image, vdso32::VDSO_GETCPU_SITE);
    patch(
        &mut image,
        vdso32::VDSO32_VSYSCALL_SITE,
        &vsyscall(cpu::features()).1,
    );
    frames(&image)
});

fn fit_getcpu(image: &mut [u8], site: usize) {
    if cpu::features().rdpid {
        patch(image, site, &images::GETCPU_RDPID);
    }
}

fn patch(image: &mut [u8], site: usize, code: &[u8]) {
    image[site..site + code.len()].copy_from_slice(code);
}

// ANCHOR: vsyscall
/// System call instruction of `__kernel_vsyscall`: name and code. Under a 64-bit kernel 32-bit code
/// has SYSENTER only on Intel CPUs and SYSCALL only on AMD CPUs.
fn vsyscall(cpu: &Features) -> (&'static str, [u8; 4]) {
    match cpu.vendor {
        Vendor::Intel if cpu.sysenter => ("sysenter", images::VSYSCALL_SYSENTER),
        Vendor::Amd => ("syscall", images::VSYSCALL_SYSCALL),
        _ => ("int 0x80", images::VSYSCALL_INT80),
    }
}
// ANCHOR_END: vsyscall

fn frames(image: &[u8]) -> Arc<Vec<Frame>> {
    let copy = |page: &[u8]| {
        let frame = Frame::zeroed().expect("memory for the vDSO");
        frame.write(0, page);
        frame
    };
    Arc::new(image.chunks(PAGE_SIZE as usize).map(copy).collect())
}

/// Prepares the images, and TSC_AUX for getcpu.
pub fn init() {
    let cpu = cpu::features();
    if cpu.rdtscp || cpu.rdpid {
        // TSC_AUX: cpu | node << 12, as in the limit of GDT entry 15. This is CPU 0 of node 0.
        // SAFETY: the CPU has the MSR, and the kernel doesn't read it.
        unsafe { Msr::new(0xc000_0103).write(0) };
    }
    let pages = (IMAGE64.len(), IMAGE32.len());
    log!(
        "vdso: {} and {} pages; 32-bit programs enter by {}",
        pages.0,
        pages.1,
        vsyscall(cpu).0
    );
}

/// Maps the clock page and the image directly above it, at a random address.
///
/// # Errors
/// `ENOMEM`.
pub fn map(mm: &mut AddressSpace, is_32bit: bool) -> Result<(), Errno> {
    let size = PAGE_SIZE + image(is_32bit).len() as u64 * PAGE_SIZE;
    // Below the base of mmap(2), which is random, by a random distance: neither address discloses
    // the other.
    let near = mm.mmap_base() - size - random_pages(mm, if is_32bit { 8 } else { 18 });
    map_at(mm, is_32bit, near).map(|_| ())
}

fn image(is_32bit: bool) -> &'static Arc<Vec<Frame>> {
    if is_32bit { &IMAGE32 } else { &IMAGE64 }
}

/// Maps clock page and image for a program that has unmapped its own, as when restoring a
/// checkpoint (ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64). Returns the image's size in bytes.
///
/// # Errors
/// `EEXIST` if one of them is still mapped; `ENOMEM`.
pub fn map_once(mm: &mut AddressSpace, is_32bit: bool, near: u64) -> Result<u64, Errno> {
    if mm.areas().any(Vma::is_kernels) {
        return Err(Errno::EEXIST);
    }
    map_at(mm, is_32bit, near)
}

/// Maps clock page and image, at `near` if that range is free, and sets `landmarks.vdso`. Returns
/// the image's size in bytes.
fn map_at(mm: &mut AddressSpace, is_32bit: bool, near: u64) -> Result<u64, Errno> {
    let image = image(is_32bit);
    let image_size = image.len() as u64 * PAGE_SIZE;
    let size = PAGE_SIZE + image_size;
    let start = mm.map(Place::Hint(near), size, NewArea::anonymous(Prot::empty()))?;
    // ANCHOR: map-clock-page
    let vvar = NewArea {
        prot: Prot::READ,
        // Never writable: all programs share the page.
        max_prot: Prot::READ,
        shared: false,
        backing: Backing::Kernel(clock_frame(), 0),
        role: Role::Vvar,
        flags: VmaFlags::empty(),
    };
    mm.map(Place::Fixed(start), PAGE_SIZE, vvar)?;
    // ANCHOR_END: map-clock-page
    // ANCHOR: map-image
    let code = NewArea {
        prot: Prot::READ | Prot::EXEC,
        // Writable for a debugger's breakpoint, which goes into a private copy of the page.
        max_prot: Prot::READ | Prot::WRITE | Prot::EXEC,
        shared: false,
        backing: Backing::Kernel(image.clone(), 0),
        role: Role::Vdso,
        flags: VmaFlags::empty(),
    };
    mm.map(Place::Fixed(start + PAGE_SIZE), image_size, code)?;
    // ANCHOR_END: map-image
    mm.landmarks.vdso = start + PAGE_SIZE;
    Ok(image_size)
}

/// Address of the landing pad, the return address of SYSENTER and 32-bit SYSCALL, in a 32-bit vDSO
/// mapped at `base`. 0 if `base` is 0 (the vDSO is unmapped).
pub fn landing_pad(base: u64) -> u64 {
    symbol(base, vdso32::VDSO32_SYSENTER_RETURN)
}

/// Address of `__kernel_vsyscall` (AT_SYSINFO) in a 32-bit vDSO mapped at `base`.
// ANCHOR: lent-entry
pub fn kernel_vsyscall(base: u64) -> u64 {
    symbol(base, vdso32::KERNEL_VSYSCALL)
}
// ANCHOR_END: lent-entry

/// Address of `__kernel_sigreturn`, to which signal handlers without a restorer return, in a 32-bit
/// vDSO mapped at `base`.
pub fn kernel_sigreturn(base: u64) -> u64 {
    symbol(base, vdso32::KERNEL_SIGRETURN)
}

/// Address of `__kernel_rt_sigreturn`, to which SA_SIGINFO handlers without a restorer return, in a
/// 32-bit vDSO mapped at `base`.
pub fn kernel_rt_sigreturn(base: u64) -> u64 {
    symbol(base, vdso32::KERNEL_RT_SIGRETURN)
}

fn symbol(base: u64, offset: usize) -> u64 {
    if base == 0 { 0 } else { base + offset as u64 }
}

#[cfg(test)]
mod tests {
    use super::{IMAGE32, IMAGE64, Prot, Role, images, landing_pad, map, vdso32, vdso64, vsyscall};
    use crate::arch::cpu;
    use crate::kernel_test;
    use crate::mm::PAGE_SIZE;
    use crate::vm::address_space::AddressSpace;
    use crate::vm::remap::{Remap, Request};

    kernel_test!(
        fn the_clock_page_lies_right_below_and_stays_read_only() {
            for is_32bit in [false, true] {
                let mut mm = AddressSpace::new(is_32bit).unwrap();
                map(&mut mm, is_32bit).unwrap();
                let base = mm.landmarks.vdso;
                let (vvar, code) = (base - PAGE_SIZE, base);
                let area = mm.find(vvar).unwrap();
                assert_eq!(
                    (area.role, area.prot, area.len()),
                    (Role::Vvar, Prot::READ, PAGE_SIZE)
                );
                let area = mm.find(code).unwrap();
                assert_eq!(
                    (area.role, area.prot),
                    (Role::Vdso, Prot::READ | Prot::EXEC)
                );
                for more in [Prot::WRITE, Prot::EXEC, Prot::READ | Prot::WRITE] {
                    assert!(
                        mm.protect(vvar, PAGE_SIZE, more, Prot::empty(), None)
                            .is_err()
                    );
                }
                let moved = mm
                    .remap(
                        Request::new(vvar, PAGE_SIZE, PAGE_SIZE, Remap::To(0x10_0000), false)
                            .expect("is valid"),
                    )
                    .unwrap();
                assert!(
                    mm.protect(
                        moved,
                        PAGE_SIZE,
                        Prot::READ | Prot::WRITE,
                        Prot::empty(),
                        None
                    )
                    .is_err()
                );
            }
        }
    );

    kernel_test!(
        fn the_landing_pad_moves_along() {
            let mut mm = AddressSpace::new(true).unwrap();
            map(&mut mm, true).unwrap();
            let old = mm.landmarks.vdso;
            let size = mm.find(old).unwrap().len();
            mm.remap(Request::new(old, size, size, Remap::To(0x10_0000), false).expect("is valid"))
                .unwrap();
            assert_eq!(mm.landmarks.vdso, 0x10_0000);
            assert_eq!(
                landing_pad(mm.landmarks.vdso),
                0x10_0000 + vdso32::VDSO32_SYSENTER_RETURN as u64
            );
            mm.unmap(0x10_0000, size).unwrap();
            assert_eq!(landing_pad(mm.landmarks.vdso), 0);
        }
    );

    kernel_test!(
        fn the_images_fit_this_cpu() {
            let mut code = [0; 4];
            IMAGE32[0].read(vdso32::VDSO32_VSYSCALL_SITE, &mut code);
            assert_eq!(code, vsyscall(cpu::features()).1);
            for (image, site) in [
                (&*IMAGE32, vdso32::VDSO_GETCPU_SITE),
                (&*IMAGE64, vdso64::VDSO_GETCPU_SITE),
            ] {
                let mut code = [0; 8];
                image[site / 4096].read(site % 4096, &mut code);
                assert_eq!(code == images::GETCPU_RDPID, cpu::features().rdpid);
            }
        }
    );
}
