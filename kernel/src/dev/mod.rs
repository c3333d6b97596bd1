//! Devices: serial console, interrupt controller, ACPI, power-off and reset, random numbers; on the
//! console, the kernel's log and its panic.
//!
//! Floor 4: it may use `mm/` and what is below. Reading order: `console.rs`, `log.rs` and
//! `panic.rs` (what the kernel says), `pic.rs` and `local_apic.rs` (interrupt lines, a timer),
//! `acpi.rs`, `random.rs`. The clocks' hardware is in `time/`, character devices and terminals are
//! in `vfs/` and `tty/`.
//!
//! Left out of Linux's drivers: PCI and all that is found there, a display and a keyboard, the
//! IOAPIC, log levels.

pub mod acpi;
pub mod console;
pub mod local_apic;
pub mod log;
pub mod panic;
pub mod pic;
pub mod power;
pub mod random;
pub mod symbols;
