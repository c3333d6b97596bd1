//! Test builds: which checks for capabilities were made, and what they answered.
//! `/proc/capability-checks` lists them for the case that wants each check of the kernel struck
//! both ways.

use core::fmt::Write;
use core::panic::Location;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use crate::mm::fallible::Text;

/// Bits of [`Site::answers`].
const REFUSED: u8 = 1;
const GRANTED: u8 = 2;

/// A place in the source that asks. Without a lock, as checks are made under all of them.
struct Site {
    /// Null: free.
    place: AtomicPtr<Location<'static>>,
    answers: AtomicU8,
}

/// More than there are checks.
static SITES: [Site; 256] = [const {
    Site {
        place: AtomicPtr::new(ptr::null_mut()),
        answers: AtomicU8::new(0),
    }
}; 256];

/// Notes what the check at `place` answered.
pub fn note(place: &'static Location<'static>, is_granted: bool) {
    let place = ptr::from_ref(place).cast_mut();
    let answer = if is_granted { GRANTED } else { REFUSED };
    let site = SITES.iter().find(|site| {
        let free = ptr::null_mut();
        let taken = site
            .place
            .compare_exchange(free, place, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok() || taken == Err(place)
    });
    let site = site.expect("more checks for capabilities than sites");
    site.answers.fetch_or(answer, Ordering::Relaxed);
}

/// `/proc/capability-checks`: a line for each site, "file:line:column refused granted" with 0 or 1
/// for the answers.
pub fn list(_: &(), text: &mut Text) {
    for site in &SITES {
        // SAFETY: `note` stores references to what the program is made of.
        let Some(place) = (unsafe { site.place.load(Ordering::Relaxed).as_ref() }) else {
            break;
        };
        let answers = site.answers.load(Ordering::Relaxed);
        let has = |answer| u8::from(answers & answer != 0);
        let _ = writeln!(text, "{place} {} {}", has(REFUSED), has(GRANTED));
    }
}
