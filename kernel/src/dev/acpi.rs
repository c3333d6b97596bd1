//! ACPI fixed hardware: the sleep register for power-off (S5) and the power management timer.
//!
//! The loader reports the RSDP. It points to the RSDT or XSDT, which lists the FADT, which gives
//! PM1a_CNT and the DSDT; the DSDT's package `_S5_` holds SLP_TYP (ACPI specification 6.5, 4.8.3.2
//! and 7.4.2). No AML is interpreted: the package consists of constants on all known machines.
//! `microvm` is hardware-reduced: a sleep register in the FADT instead of PM1a_CNT, and no timer.

use bootloader_api::BootInfo;
use spin::Once;
use x86_64::instructions::port::Port;

use crate::mm::frame::phys_to_virt;
use crate::mm::paging;

static SLEEP: Once<Sleep> = Once::new();
static PM_TIMER: Once<PmTimer> = Once::new();

/// Power management timer: an up-counter at 3.579545 MHz (specification 4.8.3.3).
#[derive(Clone, Copy, Debug)]
pub struct PmTimer {
    /// I/O port of the counter, read as 32 bits.
    pub port: u16,
    /// Valid bits of the counter: 24 or 32.
    pub mask: u32,
}

/// Power-off method of this machine.
#[derive(Clone, Copy, Debug)]
enum Sleep {
    /// Write SLP_TYP and SLP_EN to an I/O port.
    Port { port: u16, typ: u16 },
    /// Write them to a byte in memory (hardware-reduced ACPI).
    Memory { address: u64, typ: u8 },
}

/// SLP_EN in PM1a_CNT; SLP_TYP is bits 10 to 12.
const SLP_EN: u16 = 1 << 13;
/// FADT flag TMR_VAL_EXT: the timer has 32 bits.
const WIDE_TIMER: u32 = 1 << 8;
/// FADT flag HW_REDUCED_ACPI.
const HW_REDUCED: u32 = 1 << 20;
/// Maximum table length accepted.
const TABLE_MAX: u32 = 4 << 20;

/// Reads physical memory; `None` outside the physical map, as addresses in tables may be wrong.
fn read<const N: usize>(address: u64) -> Option<[u8; N]> {
    // SAFETY: mapped memory, read unaligned.
    paging::is_mapped_physical(address, N as u64)
        .then(|| unsafe { phys_to_virt(address).cast::<[u8; N]>().read_unaligned() })
}

/// A table that is mapped over its whole length.
#[derive(Clone, Copy)]
struct Table {
    address: u64,
    len: u32,
}

impl Table {
    /// Bytes of the common table header.
    const HEADER: u32 = 36;

    /// The table at a physical address; `None` if its length is invalid or it isn't fully mapped.
    fn at(address: u64) -> Option<Self> {
        let head = read::<8>(address).filter(|_| address != 0)?;
        let [_, _, _, _, len @ ..] = head;
        let len = u32::from_le_bytes(len);
        let is_sane = (Self::HEADER..=TABLE_MAX).contains(&len)
            && paging::is_mapped_physical(address, len.into());
        is_sane.then_some(Self { address, len })
    }

    /// `N` bytes of the table at `offset`; `None` past its end.
    fn get<const N: usize>(self, offset: u32) -> Option<[u8; N]> {
        let end = offset.checked_add(N as u32)?;
        let at = self.address + u64::from(offset);
        // SAFETY: `Table::at` checked that the whole table is mapped; read unaligned.
        (end <= self.len).then(|| unsafe { phys_to_virt(at).cast::<[u8; N]>().read_unaligned() })
    }

    fn u32(self, offset: u32) -> Option<u32> {
        self.get(offset).map(u32::from_le_bytes)
    }

    fn u64(self, offset: u32) -> Option<u64> {
        self.get(offset).map(u64::from_le_bytes)
    }
}

/// Finds the sleep register and the timer. Without ACPI tables there is neither: [`power_off`]
/// returns.
pub fn init(boot_info: &BootInfo) {
    let Some(&rsdp) = boot_info.rsdp_addr.as_ref() else {
        return;
    };
    let Some(fadt) = find_fadt(rsdp) else {
        return;
    };
    if let Some(sleep) = sleep_of(fadt) {
        SLEEP.call_once(|| sleep);
    }
    if let Some(timer) = pm_timer_of(fadt) {
        PM_TIMER.call_once(|| timer);
    }
}

/// The power management timer, if the machine has one.
pub fn pm_timer() -> Option<PmTimer> {
    PM_TIMER.get().copied()
}

fn find_fadt(rsdp: u64) -> Option<Table> {
    let first = read::<20>(rsdp)?;
    let sum = first.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if !first.starts_with(b"RSD PTR ") || sum != 0 {
        return None;
    }
    let [.., a, b, c, d] = first;
    let (root, width) = match first[15] {
        0 => (u64::from(u32::from_le_bytes([a, b, c, d])), 4),
        _ => (u64::from_le_bytes(read(rsdp.checked_add(24)?)?), 8),
    };
    let root = Table::at(root)?;
    let entries = (Table::HEADER..root.len).step_by(width as usize);
    let tables = entries.filter_map(|entry| match width {
        4 => root.u32(entry).map(u64::from),
        _ => root.u64(entry),
    });
    tables
        .filter_map(Table::at)
        .find(|table| table.get(0) == Some(*b"FACP"))
}

/// The timer at PM_TMR_BLK; `None` on hardware-reduced ACPI.
fn pm_timer_of(fadt: Table) -> Option<PmTimer> {
    let flags = fadt.u32(112)?;
    if flags & HW_REDUCED != 0 {
        return None;
    }
    let port = u16::try_from(fadt.u32(76)?).ok();
    Some(PmTimer {
        port: port.filter(|port| *port != 0)?,
        mask: if flags & WIDE_TIMER != 0 {
            u32::MAX
        } else {
            0xff_ffff
        },
    })
}

fn sleep_of(fadt: Table) -> Option<Sleep> {
    let x_dsdt = fadt.u64(140).filter(|address| *address != 0);
    let dsdt = match x_dsdt {
        Some(address) => address,
        None => u64::from(fadt.u32(40)?),
    };
    let typ = s5_type(Table::at(dsdt)?)?;
    if fadt.u32(112)? & HW_REDUCED != 0 {
        // SLEEP_CONTROL_REG is a generic address structure, with the address at offset 4.
        if let Some(address) = fadt.u64(244 + 4) {
            return Some(Sleep::Memory { address, typ });
        }
    }
    let port = u16::try_from(fadt.u32(64)?).ok();
    Some(Sleep::Port {
        port: port.filter(|port| *port != 0)?,
        typ: u16::from(typ),
    })
}

/// SLP_TYP from `_S5_`: name, PackageOp, PkgLength, NumElements, then the first constant.
fn s5_type(dsdt: Table) -> Option<u8> {
    for at in Table::HEADER..dsdt.len {
        if dsdt.get(at) != Some(*b"_S5_") {
            continue;
        }
        let [opcode, length] = dsdt.get(at + 4)?;
        if opcode != 0x12 {
            continue;
        }
        // The top two bits of PkgLength's first byte are the number of its further bytes.
        let first = 2 + u32::from(length >> 6) + 1;
        let [value, behind] = dsdt.get(at + 4 + first)?;
        // BytePrefix and a byte, or ZeroOp or OneOp, which equal their values. SLP_TYP has 3 bits.
        return Some(if value == 0x0a { behind } else { value } & 0b111);
    }
    None
}

/// Powers off; returns on a machine without a sleep register.
pub fn power_off() {
    match SLEEP.get().copied() {
        Some(Sleep::Port { port, typ }) => {
            // SAFETY: the FADT's PM1a_CNT port.
            unsafe { Port::<u16>::new(port).write(typ << 10 | SLP_EN) };
        }
        Some(Sleep::Memory { address, typ }) => {
            // SLEEP_CONTROL_REG: SLP_TYP is bits 2 to 4, SLP_EN bit 5.
            paging::write_device(address, typ << 2 | 1 << 5);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{PmTimer, Sleep, find_fadt, pm_timer_of, sleep_of};
    use crate::kernel_test;
    use crate::mm::frame::Frame;
    use crate::mm::paging;

    /// Offset of each table in the page.
    const RSDP: usize = 0;
    const XSDT: usize = 0x100;
    const FADT: usize = 0x200;
    const DSDT: usize = 0x400;

    /// ACPI tables like a PC's, in one page.
    struct Tables(Frame);

    impl Tables {
        fn new() -> Self {
            let tables = Self(Frame::zeroed().expect("a frame"));
            tables.table(XSDT, b"XSDT", 36 + 2 * 8);
            tables.table(FADT, b"FACP", 276);
            tables.table(DSDT, b"DSDT", 100);
            tables.set(XSDT + 36, &tables.at(DSDT).to_le_bytes());
            tables.set(XSDT + 44, &tables.at(FADT).to_le_bytes());
            tables.set(FADT + 64, &0x604_u32.to_le_bytes());
            tables.set(FADT + 76, &0x608_u32.to_le_bytes());
            tables.set(FADT + 140, &tables.at(DSDT).to_le_bytes());
            tables.set(DSDT + 60, b"_S5_\x12\x06\x04\x0a\x05");
            tables.root(tables.at(XSDT));
            tables
        }

        fn at(&self, offset: usize) -> u64 {
            self.0.address() + offset as u64
        }

        fn set(&self, offset: usize, bytes: &[u8]) {
            self.0.write(offset, bytes);
        }

        fn table(&self, offset: usize, signature: &[u8; 4], len: u32) {
            self.set(offset, signature);
            self.set(offset + 4, &len.to_le_bytes());
        }

        fn root(&self, address: u64) {
            let mut rsdp = *b"RSD PTR \0......\x02....";
            rsdp[8] = 0;
            let sum = rsdp.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            rsdp[8] = sum.wrapping_neg();
            self.set(RSDP, &rsdp);
            self.set(RSDP + 24, &address.to_le_bytes());
        }

        /// The sleep port with its type, and the timer's port.
        fn found(&self) -> (Option<(u16, u16)>, Option<u16>) {
            let Some(fadt) = find_fadt(self.at(RSDP)) else {
                return (None, None);
            };
            let sleep = match sleep_of(fadt) {
                Some(Sleep::Port { port, typ }) => Some((port, typ)),
                _ => None,
            };
            (sleep, pm_timer_of(fadt).map(|PmTimer { port, .. }| port))
        }
    }

    const ALL: (Option<(u16, u16)>, Option<u16>) = (Some((0x604, 5)), Some(0x608));

    /// Addresses at which there is no table: none, no memory, the end of everything, across it.
    fn wrong_addresses() -> [u64; 8] {
        let far = 1 << 45;
        assert!(!paging::is_mapped_physical(far, 1));
        [
            0,
            far,
            far - 4,
            1 << 52,
            1 << 63,
            u64::MAX - 3,
            u64::MAX - 40,
            u64::MAX,
        ]
    }

    kernel_test!(
        fn tables_are_read_as_they_are() {
            assert_eq!(Tables::new().found(), ALL);
        }
    );

    kernel_test!(
        fn addresses_in_tables_are_not_believed() {
            for wrong in wrong_addresses() {
                assert!(find_fadt(wrong).is_none(), "{wrong:#x}");
                let tables = Tables::new();
                tables.root(wrong);
                assert_eq!(tables.found(), (None, None), "{wrong:#x}");
                let tables = Tables::new();
                tables.set(XSDT + 36, &wrong.to_le_bytes());
                assert_eq!(tables.found(), ALL, "{wrong:#x}");
                tables.set(XSDT + 44, &wrong.to_le_bytes());
                assert_eq!(tables.found(), (None, None), "{wrong:#x}");
                let tables = Tables::new();
                tables.set(FADT + 140, &wrong.to_le_bytes());
                assert_eq!(tables.found(), (None, ALL.1), "{wrong:#x}");
            }
        }
    );

    kernel_test!(
        fn lengths_in_tables_are_not_believed() {
            for wrong in [0, 8, 35, 4 << 20 | 1, u32::MAX] {
                for table in [XSDT, FADT] {
                    let tables = Tables::new();
                    tables.set(table + 4, &wrong.to_le_bytes());
                    assert_eq!(tables.found(), (None, None), "{wrong:#x}");
                }
                let tables = Tables::new();
                tables.set(DSDT + 4, &wrong.to_le_bytes());
                assert_eq!(tables.found(), (None, ALL.1), "{wrong:#x}");
            }
            // Each ends before what is looked for.
            for (table, len, found) in [
                (XSDT, 36 + 15, (None, None)),
                (FADT, 115, (None, None)),
                (DSDT, 68, (None, ALL.1)),
            ] {
                let tables = Tables::new();
                tables.set(table + 4, &u32::to_le_bytes(len));
                assert_eq!(tables.found(), found, "{len}");
            }
            // A sum that is wrong.
            let tables = Tables::new();
            tables.set(RSDP + 9, b"x");
            assert_eq!(tables.found(), (None, None));
        }
    );
}
