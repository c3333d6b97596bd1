//! Devices: serial console, ACPI, power-off and reset, random numbers.

pub mod acpi;
pub mod console;
pub mod power;
pub mod random;
