//! Devices: serial console, ACPI, power-off and reset, random numbers.

pub mod acpi;
pub mod console;
pub mod log;
pub mod panic;
pub mod pic;
pub mod power;
pub mod random;
pub mod symbols;
