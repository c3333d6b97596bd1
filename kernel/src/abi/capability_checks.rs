//! Test builds: each place of the kernel that checks for a capability, and the answers it got.
//! `/proc/capability-checks` lists them for the case that wants both answers from each check.

use core::panic::Location;
use core::ptr;
use core::sync::atomic::{AtomicU8, Ordering};

use spin::Once;

/// Bits of [`Site::answers`].
const REFUSED: u8 = 1;
const GRANTED: u8 = 2;

/// A place that checks. Without a lock of a rank, as checks are made under all of them.
struct Site {
    /// Unset: the site is free.
    place: Once<&'static Location<'static>>,
    answers: AtomicU8,
}

/// More than there are checks.
static SITES: [Site; 256] = [const {
    Site {
        place: Once::new(),
        answers: AtomicU8::new(0),
    }
}; 256];

/// Notes the answer of the check at `place`.
pub fn note(place: &'static Location<'static>, is_granted: bool) {
    let answer = if is_granted { GRANTED } else { REFUSED };
    let site = SITES
        .iter()
        .find(|site| ptr::eq(*site.place.call_once(|| place), place));
    let site = site.expect("more checks for capabilities than sites");
    site.answers.fetch_or(answer, Ordering::Relaxed);
}

/// The places that checked so far: whether each refused, and whether it granted.
pub fn noted() -> impl Iterator<Item = (&'static Location<'static>, bool, bool)> {
    SITES.iter().map_while(|site| {
        let answers = site.answers.load(Ordering::Relaxed);
        let place = site.place.get()?;
        Some((*place, answers & REFUSED != 0, answers & GRANTED != 0))
    })
}
