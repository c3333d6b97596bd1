//! ACPI's fixed hardware: the sleep register with the value for S5, and the power management timer.
//!
//! The tables are found from the RSDP that the loader reports: RSDT or XSDT, in it the FADT,
//! from there PM1a_CNT and the DSDT, in whose bytes `_S5_` names a package with SLP_TYP (ACPI
//! specification 6.5, 4.8.3.2 and 7.4.2). No AML is interpreted for it: the package holds
//! constants everywhere. `microvm` has a sleep register behind the FADT's hardware-reduced
//! fields instead, and no timer.

use bootloader_api::BootInfo;
use spin::Once;
use x86_64::instructions::port::Port;

use crate::mm::frame::phys_to_virt;

static SLEEP: Once<Sleep> = Once::new();
static PM_TIMER: Once<PmTimer> = Once::new();

/// The power management timer: a port that counts up at 3.579545 MHz (specification 4.8.3.3).
#[derive(Clone, Copy, Debug)]
pub struct PmTimer {
    /// Where it is read, 32 bits at a time.
    pub port: u16,
    /// The bits that count: 24 or 32.
    pub mask: u32,
}

/// How this machine is put to sleep for good.
#[derive(Clone, Copy, Debug)]
enum Sleep {
    /// Write SLP_TYP and SLP_EN to an I/O port.
    Port { port: u16, typ: u16 },
    /// Write them to a byte in memory (hardware-reduced ACPI).
    Memory { address: u64, typ: u8 },
}

/// SLP_EN in PM1a_CNT; SLP_TYP is three bits from bit 10 on.
const SLP_EN: u16 = 1 << 13;
/// FADT flag TMR_VAL_EXT: the timer has 32 bits.
const WIDE_TIMER: u32 = 1 << 8;
/// FADT flag HW_REDUCED_ACPI.
const HW_REDUCED: u32 = 1 << 20;
/// Largest table that is believed.
const TABLE_MAX: u32 = 4 << 20;

/// Bytes of physical memory, copied a value at a time.
fn read<const N: usize>(address: u64) -> [u8; N] {
    // SAFETY: callers pass addresses in ACPI tables, which lie in RAM that the physical map
    // covers; unaligned reads are by bytes.
    unsafe { phys_to_virt(address).cast::<[u8; N]>().read_unaligned() }
}

fn u32_at(address: u64) -> u32 {
    u32::from_le_bytes(read(address))
}

fn u64_at(address: u64) -> u64 {
    u64::from_le_bytes(read(address))
}

/// Finds the way to power off, and the timer. Without tables there is neither, and power-off halts.
pub fn init(boot_info: &BootInfo) {
    let Some(&rsdp) = boot_info.rsdp_addr.as_ref() else {
        return;
    };
    let top = boot_info
        .memory_regions
        .iter()
        .map(|region| region.end)
        .max()
        .unwrap_or(0);
    let inside = |address: u64| (address != 0 && address < top).then_some(address);
    let Some(fadt) = find_fadt(rsdp, inside) else {
        return;
    };
    if let Some(sleep) = sleep_of(fadt, inside) {
        SLEEP.call_once(|| sleep);
    }
    if let Some(timer) = pm_timer_of(fadt) {
        PM_TIMER.call_once(|| timer);
    }
}

/// The power management timer, where there is one.
pub fn pm_timer() -> Option<PmTimer> {
    PM_TIMER.get().copied()
}

fn find_fadt(rsdp: u64, inside: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    if &read::<8>(inside(rsdp)?) != b"RSD PTR " {
        return None;
    }
    let revision = read::<1>(rsdp + 15)[0];
    let (root, width) = match revision {
        0 => (u64::from(u32_at(rsdp + 16)), 4),
        _ => (u64_at(rsdp + 24), 8),
    };
    let root = inside(root)?;
    let len = u64::from(u32_at(root + 4).min(TABLE_MAX));
    for entry in (36..len).step_by(width as usize) {
        let table = if width == 4 {
            u64::from(u32_at(root + entry))
        } else {
            u64_at(root + entry)
        };
        if inside(table).is_some_and(|table| &read::<4>(table) == b"FACP") {
            return Some(table);
        }
    }
    None
}

/// From PM_TMR_BLK, which hardware-reduced ACPI leaves empty.
fn pm_timer_of(fadt: u64) -> Option<PmTimer> {
    let flags = u32_at(fadt + 112);
    if flags & HW_REDUCED != 0 {
        return None;
    }
    let port = u16::try_from(u32_at(fadt + 76)).ok();
    Some(PmTimer {
        port: port.filter(|port| *port != 0)?,
        mask: if flags & WIDE_TIMER != 0 {
            u32::MAX
        } else {
            0xff_ffff
        },
    })
}

fn sleep_of(fadt: u64, inside: impl Fn(u64) -> Option<u64>) -> Option<Sleep> {
    let len = u32_at(fadt + 4);
    let x_dsdt = if len >= 148 { u64_at(fadt + 140) } else { 0 };
    let dsdt = if x_dsdt != 0 {
        x_dsdt
    } else {
        u64::from(u32_at(fadt + 40))
    };
    let typ = s5_type(inside(dsdt)?)?;
    if u32_at(fadt + 112) & HW_REDUCED != 0 && len >= 256 {
        // SLEEP_CONTROL_REG: a generic address structure; its address is at +4.
        let address = u64_at(fadt + 244 + 4);
        return Some(Sleep::Memory { address, typ });
    }
    let port = u16::try_from(u32_at(fadt + 64))
        .ok()
        .filter(|port| *port != 0)?;
    Some(Sleep::Port {
        port,
        typ: u16::from(typ),
    })
}

/// SLP_TYP of `_S5_`: name, package opcode, length, count, then the first constant.
fn s5_type(dsdt: u64) -> Option<u8> {
    let len = u64::from(u32_at(dsdt + 4).min(TABLE_MAX));
    for at in 36..len.checked_sub(10)? {
        if &read::<4>(dsdt + at) != b"_S5_" {
            continue;
        }
        let bytes: [u8; 6] = read(dsdt + at + 4);
        if bytes[0] != 0x12 {
            continue;
        }
        // PkgLength takes one byte more for each of its top two bits, then comes the count.
        let first = 2 + usize::from(bytes[1] >> 6) + 1;
        let value = read::<2>(dsdt + at + 4 + first as u64);
        // BytePrefix, or ZeroOp and OneOp, which are the values themselves.
        return Some(if value[0] == 0x0a { value[1] } else { value[0] });
    }
    None
}

/// Powers off; returns if there is no way to.
pub fn power_off() {
    match SLEEP.get().copied() {
        Some(Sleep::Port { port, typ }) => {
            // SAFETY: the port is the one that the FADT names for this.
            unsafe { Port::<u16>::new(port).write(typ << 10 | SLP_EN) };
        }
        Some(Sleep::Memory { address, typ }) => {
            // SLP_TYP is bits 2 to 4 and SLP_EN bit 5 of this register.
            crate::mm::paging::write_device(address, typ << 2 | 1 << 5);
        }
        None => {}
    }
}
