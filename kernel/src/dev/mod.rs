//! Devices: the serial console, the ways to end the machine, random numbers.

pub mod acpi;
pub mod console;
pub mod power;
pub mod random;
