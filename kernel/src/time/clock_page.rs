//! The clock page: each clock's value at the last tick and the rate to extrapolate it by.
//!
//! [`super::tick`] writes the page. `user/vdso/src/reader.rs` reads it, both in programs, where
//! `vm/vdso/` maps the page read-only, and in the kernel.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use spin::Lazy;
use vdso::page::ClockPage;
use vdso::writer::Timekeeper;

use super::TICK_NANOS;
use crate::mm::frame::Frame;

/// The page's frame, as the list of frames that a mapping takes.
static CLOCK: Lazy<Arc<Vec<Frame>>> = Lazy::new(|| {
    let frame = Frame::zeroed().expect("memory for the clock page");
    Arc::new(Vec::from([frame]))
});

/// Stands for the page before its first write: a page whose clocks have no value.
static UNWRITTEN: Unwritten = Unwritten({
    let mut words = [const { AtomicU32::new(0) }; size_of::<ClockPage>() / 4];
    // A write has begun, and no clock's has ended.
    words[0] = AtomicU32::new(1);
    words
});

/// The page's words.
#[repr(C, align(4096))]
struct Unwritten([AtomicU32; size_of::<ClockPage>() / 4]);

const _: () = assert!(size_of::<Unwritten>() == size_of::<ClockPage>());

/// The page's address in the kernel.
static PAGE: AtomicPtr<ClockPage> = AtomicPtr::new((&raw const UNWRITTEN).cast_mut().cast());

/// The page's frame, shared by the mappings of all programs.
pub fn clock_frame() -> Arc<Vec<Frame>> {
    CLOCK.clone()
}

/// Rewrites the page.
pub fn publish(keeper: &Timekeeper) {
    let page = CLOCK[0].as_ptr().cast::<ClockPage>();
    // SAFETY: the frame is page aligned, never freed and initially zero (a valid `ClockPage`); the
    // kernel accesses it only through the structure's atomics.
    keeper.publish(unsafe { &*page }, TICK_NANOS);
    PAGE.store(page, Ordering::Relaxed);
}

/// The clock page.
#[inline(always)]
pub fn clock_page() -> &'static ClockPage {
    // SAFETY: [`UNWRITTEN`], aligned as the page and of valid fields, or the page that `publish`
    // wrote.
    unsafe { &*PAGE.load(Ordering::Relaxed) }
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
