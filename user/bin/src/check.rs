//! Checks of a probe: each failed check prints one line, and the exit status says whether any
//! failed.

use core::fmt;

use sys::println;

/// The checks of one probe.
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

    /// Sums up: exit status 0 if checks were made and all of them held.
    pub fn status(&self) -> i32 {
        println!("{} checks, {} broken", self.made, self.failed);
        i32::from(self.failed != 0 || self.made == 0)
    }
}
