//! Checks of a probe: a failed check prints one line and makes the exit status 1.

use core::fmt;

use sys::println;

/// The counters of one probe's checks.
#[derive(Debug, Default)]
pub struct Checks {
    made: u32,
    failed: u32,
}

impl Checks {
    /// Checks that `found` equals `wanted`; `what` is printed if it doesn't.
    pub fn equal<T: PartialEq + fmt::Debug>(
        &mut self,
        found: T,
        wanted: T,
        what: fmt::Arguments<'_>,
    ) {
        let holds = found == wanted;
        self.that(
            holds,
            format_args!("{what}: {found:x?}, expected {wanted:x?}"),
        );
    }

    /// Checks that `holds`; `what` is printed if it doesn't.
    pub fn that(&mut self, holds: bool, what: fmt::Arguments<'_>) {
        self.made += 1;
        if !holds {
            self.failed += 1;
            println!("BROKEN: {what}");
        }
    }

    /// Prints the totals; returns exit status 0 if there were checks and none failed.
    pub fn status(&self) -> i32 {
        println!("{} checks, {} broken", self.made, self.failed);
        i32::from(self.failed != 0 || self.made == 0)
    }
}
