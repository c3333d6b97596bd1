//! Invalid firmware data: the loader checks the bounds of the memory map, modules and tables before
//! it uses them. It reports an error if it can't continue; the kernel boots without missing tables.

use anyhow::{Context, Result};
use harness::firmware::{BASE, Firmware, INITRD, TABLES};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases, token};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    cases![
        generated_firmware_boots,
        odd_memory_maps_boot,
        impossible_memory_maps_are_refused,
        modules_outside_of_free_ram_are_refused,
        an_unterminated_command_line_is_refused,
        no_boot_information_is_refused,
        missing_acpi_tables_are_ignored,
    ]
}

/// A reserved region, far beyond the kernel's physical map: QEMU reports it on AMD's CPUs.
const FAR: u64 = 0xfd_0000_0000;

fn good(words: &str) -> Result<Firmware> {
    let program = compile("ending", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    Ok(Firmware::new(files.build(), words))
}

fn boot(firmware: &Firmware) -> Result<Outcome> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("image.elf");
    std::fs::write(&path, firmware.image()?)?;
    Vm::new().kernel(path).memory("64").run()
}

/// The machine boots and init exits with status 0.
fn boots(what: &str, change: impl FnOnce(&mut Firmware)) -> Result<()> {
    let token = token::random();
    let mut firmware = good(&format!("-- exit 0 {token}"))?;
    change(&mut firmware);
    let outcome = boot(&firmware)?;
    let passed = outcome.expect(Verdict::Pass);
    passed
        .and_then(|outcome| outcome.contains(&format!("token: {token}")))
        .with_context(|| what.to_owned())?;
    Ok(())
}

/// The loader stops, with `why` in its message.
fn refused(what: &str, why: &str, change: impl FnOnce(&mut Firmware)) -> Result<()> {
    let mut firmware = good("-- exit 0")?;
    change(&mut firmware);
    let outcome = boot(&firmware)?;
    let ended = outcome.expect(Verdict::Panic);
    ended
        .and_then(|outcome| outcome.contains("trident-boot: "))
        .and_then(|outcome| outcome.contains(why))
        .with_context(|| what.to_owned())?;
    Ok(())
}

fn generated_firmware_boots() -> Result<()> {
    boots("valid data", |_| {})
}

fn odd_memory_maps_boot() -> Result<()> {
    boots("backwards", |firmware| firmware.regions.reverse())?;
    boots(
        "entries twice, empty, reserved across the end of RAM, far away",
        |firmware| {
            let twice = firmware.regions.clone();
            let odd = [
                (0x300_0000, 0, 2),
                (0x3f0_0800, 0x200_0000, 2),
                (FAR, 3 << 32, 2),
            ];
            *firmware = firmware.clone().with_regions(&twice).with_regions(&odd);
        },
    )
}

fn impossible_memory_maps_are_refused() -> Result<()> {
    let wraps = "wraps around";
    refused("a region wraps", wraps, |firmware| {
        *firmware = firmware
            .clone()
            .with_regions(&[(u64::MAX - 0xfff, 0x2000, 1)]);
    })?;
    refused("RAM everywhere", "", |firmware| {
        *firmware = firmware
            .clone()
            .with_regions(&[(0x10_0000, u64::MAX - 0x10_0000, 1)]);
    })?;
    refused("no entries", "no memory map", |firmware| {
        firmware.map_count = 0;
    })?;
    refused("too many", "too many entries", |firmware| {
        firmware.map_count = 300;
    })?;
    for count in [1 << 28, u32::MAX] {
        refused("too many for 4 GiB", "out of reach", |firmware| {
            firmware.map_count = count;
        })?;
    }
    for map in [0xffff_fff0, u64::MAX - 8] {
        refused("across the end of memory", "", |firmware| {
            firmware.map = map;
        })?;
    }
    Ok(())
}

fn modules_outside_of_free_ram_are_refused() -> Result<()> {
    let not_ram = "not in RAM";
    let of =
        |module: (u64, u64)| move |firmware: &mut Firmware| firmware.module_list = vec![module];
    refused("after RAM", not_ram, of((0x8000_0000, 0x1000)))?;
    refused("across the end of RAM", not_ram, of((INITRD, 64 << 20)))?;
    refused("larger than RAM", not_ram, of((INITRD, 0xff00_0000)))?;
    refused("in tables", not_ram, of((TABLES, 0x1000)))?;
    refused("wraps", "wraps around", of((INITRD, u64::MAX)))?;
    refused(
        "above 4 GiB",
        "out of reach",
        of((INITRD + (1 << 32), 0x1000)),
    )?;
    refused(
        "over the loader",
        "no room for loader and initramfs",
        of((0x18_0000, 0x1000)),
    )?;
    refused("reserved", not_ram, |firmware| {
        *firmware = firmware.clone().with_regions(&[(INITRD + 0x1000, 16, 2)]);
    })?;
    refused("too many", "too many boot modules", |firmware| {
        firmware.module_count = 80;
    })?;
    refused("too many for 4 GiB", "out of reach", |firmware| {
        firmware.module_count = u32::MAX;
    })
}

fn an_unterminated_command_line_is_refused() -> Result<()> {
    refused("no NUL", "has no end", |firmware| {
        firmware.words = vec![b'x'; 0x2_0000];
    })?;
    boots("the maximum length", |firmware| {
        let tail = std::mem::take(&mut firmware.words);
        firmware.words = [&b"x=".repeat(900)[..], b" ", &tail].concat();
    })?;
    for address in [0, 1 << 32, u64::MAX] {
        // No valid address: the command line is empty, and init, without arguments, exits with
        // status 0.
        let mut firmware = good("-- exit 7")?;
        firmware.cmdline = address;
        boot(&firmware)?.expect(Verdict::Pass)?;
    }
    Ok(())
}

fn no_boot_information_is_refused() -> Result<()> {
    for info in [0, 0xffff_fff9, 0xffff_fffc, 0xffff_ffff] {
        refused("no address", "no boot information", |firmware| {
            firmware.info = info;
        })?;
    }
    refused("no magic there", "neither by PVH nor", |firmware| {
        firmware.info = BASE + 0x2_0000;
    })
}

/// RSDP, XSDT and FADT at [`TABLES`], each of which points to the next.
fn tables(xsdt: u64, fadt: u64, dsdt: u64) -> Vec<u8> {
    let mut page = vec![0; 0x1000];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RSD PTR ");
    put(15, &[2]);
    put(24, &xsdt.to_le_bytes());
    put(0x100, b"XSDT\x2c\0\0\0");
    put(0x100 + 36, &fadt.to_le_bytes());
    put(0x200, b"FACP\x14\x01\0\0");
    put(0x200 + 140, &dsdt.to_le_bytes());
    let sum = page[..20]
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    page[8] = sum.wrapping_neg();
    page
}

fn missing_acpi_tables_are_ignored() -> Result<()> {
    let far = [(FAR, 3 << 32, 2)];
    let wrong = [FAR, 0xffff_fffe, 1 << 45, u64::MAX - 7];
    for address in wrong {
        boots(&format!("RSDP at {address:#x}"), |firmware| {
            *firmware = firmware.clone().with_regions(&far);
            firmware.rsdp = address;
        })?;
        for (which, pointers) in [
            ("XSDT", (address, 0, 0)),
            ("FADT", (TABLES + 0x100, address, 0)),
            ("DSDT", (TABLES + 0x100, TABLES + 0x200, address)),
        ] {
            boots(&format!("{which} at {address:#x}"), |firmware| {
                *firmware = firmware.clone().with_regions(&far);
                firmware.rsdp = TABLES;
                firmware.tables = tables(pointers.0, pointers.1, pointers.2);
            })?;
        }
    }
    Ok(())
}
