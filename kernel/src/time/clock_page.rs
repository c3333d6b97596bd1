//! The clock page: each clock's value at the last tick and the rate to extrapolate it by.
//!
//! [`super::tick`] writes the page. `user/vdso/src/reader.rs` reads it, both in programs, where
//! `vm/vdso/` maps the page read-only, and in the kernel.

use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Lazy;
use vdso::page::ClockPage;

use crate::mm::frame::Frame;

/// The page's frame, as the list of frames that a mapping takes.
static CLOCK: Lazy<Arc<Vec<Frame>>> = Lazy::new(|| {
    let frame = Frame::zeroed().expect("memory for the clock page");
    Arc::new(Vec::from([frame]))
});

/// The page's frame, shared by the mappings of all programs.
pub fn clock_frame() -> Arc<Vec<Frame>> {
    CLOCK.clone()
}

/// The clock page.
pub fn clock_page() -> &'static ClockPage {
    // SAFETY: the frame is page aligned, never freed and initially zero (a valid `ClockPage`); the
    // kernel accesses it only through the structure's atomics.
    unsafe { &*CLOCK[0].as_ptr().cast() }
}

#[cfg(test)]
mod tests {
    use super::{ClockPage, clock_page};
    use crate::kernel_test;
    use crate::mm::PAGE_SIZE;

    kernel_test!(
        fn the_clock_page_is_one_page() {
            assert_eq!(size_of::<ClockPage>() as u64, PAGE_SIZE);
            assert!((&raw const *clock_page()).addr().is_multiple_of(4096));
        }
    );
}
