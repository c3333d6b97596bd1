//! CPU features, read once from CPUID, and the control registers set accordingly.

use core::arch::x86_64::__cpuid_count;

use spin::Lazy;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{Efer, EferFlags};

/// CPU vendor, as far as the system call instructions of 32-bit code depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// SYSENTER in every mode, SYSCALL only in 64-bit code.
    Intel,
    /// SYSCALL in every mode, SYSENTER only in legacy mode (AMD APM vol. 2, 6.1).
    Amd,
    /// Neither is certain for 32-bit code, which uses INT 0x80.
    Other,
}

/// CPU features that the kernel uses or reports to programs.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // The fields are CPUID's own names.
pub struct Features {
    pub vendor: Vendor,
    pub vendor_id: [u8; 12],
    pub brand: [u8; 48],
    pub family: u32,
    pub model: u32,
    pub stepping: u32,
    /// CPUID 1, EDX: AT_HWCAP.
    pub leaf1_edx: u32,
    pub leaf1_ecx: u32,
    pub leaf7_ebx: u32,
    pub leaf7_ecx: u32,
    pub ext1_edx: u32,
    pub ext1_ecx: u32,
    pub sysenter: bool,
    pub xsave: bool,
    pub xsaveopt: bool,
    pub smep: bool,
    pub smap: bool,
    pub umip: bool,
    /// Protection keys, with PKRU managed by XSAVE.
    pub pku: bool,
    pub fsgsbase: bool,
    pub rdtscp: bool,
    pub rdpid: bool,
    pub pge: bool,
    pub mce: bool,
    pub hypervisor: bool,
    /// QEMU's emulator (TCG).
    pub emulated: bool,
    pub phys_bits: u8,
    pub virt_bits: u8,
    pub max_leaf: u32,
}

impl Features {
    /// Brand string.
    pub fn brand(&self) -> &str {
        core::str::from_utf8(&self.brand)
            .unwrap_or("")
            .trim_matches(['\0', ' '])
    }
}

static FEATURES: Lazy<Features> = Lazy::new(read);

/// This CPU's features.
pub fn features() -> &'static Features {
    &FEATURES
}

/// (eax, ebx, ecx, edx) of a CPUID leaf; zeros past the last leaf of its range.
pub fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
    let top = __cpuid_count(leaf & 0xffff_0000, 0).eax;
    if leaf > top || top & 0xffff_0000 != leaf & 0xffff_0000 {
        return [0; 4];
    }
    let r = __cpuid_count(leaf, subleaf);
    [r.eax, r.ebx, r.ecx, r.edx]
}

fn read() -> Features {
    let [max_leaf, ebx, ecx, edx] = cpuid(0, 0);
    let mut vendor_id = [0; 12];
    for (chunk, register) in vendor_id.chunks_mut(4).zip([ebx, edx, ecx]) {
        chunk.copy_from_slice(&register.to_le_bytes());
    }
    let vendor = match &vendor_id {
        b"GenuineIntel" => Vendor::Intel,
        b"AuthenticAMD" | b"HygonGenuine" => Vendor::Amd,
        _ => Vendor::Other,
    };
    let mut brand = [0; 48];
    for (leaf, part) in (0x8000_0002..).zip(brand.chunks_mut(16)) {
        for (chunk, register) in part.chunks_mut(4).zip(cpuid(leaf, 0)) {
            chunk.copy_from_slice(&register.to_le_bytes());
        }
    }
    let [signature, _, leaf1_ecx, leaf1_edx] = cpuid(1, 0);
    let [_, leaf7_ebx, leaf7_ecx, _] = cpuid(7, 0);
    let [_, _, ext1_ecx, ext1_edx] = cpuid(0x8000_0001, 0);
    let [sizes, ..] = cpuid(0x8000_0008, 0);
    let bit = |register: u32, n: u32| register >> n & 1 != 0;
    let base_family = signature >> 8 & 0xf;
    let family = if base_family == 0xf {
        0xf + (signature >> 20 & 0xff)
    } else {
        base_family
    };
    let extended_model = if base_family == 6 || base_family == 0xf {
        signature >> 12 & 0xf0
    } else {
        0
    };
    let xsave = bit(leaf1_ecx, 26);
    let pku = xsave && bit(leaf7_ecx, 3) && bit(cpuid(0xd, 0)[0], 9);
    Features {
        vendor,
        vendor_id,
        brand,
        family,
        model: (signature >> 4 & 0xf) | extended_model,
        stepping: signature & 0xf,
        leaf1_edx,
        leaf1_ecx,
        leaf7_ebx,
        // OSPKE: CPUID sets it once CR4.PKE is set, which is later than this read.
        leaf7_ecx: leaf7_ecx | u32::from(pku) << 4,
        ext1_edx,
        ext1_ecx,
        sysenter: bit(leaf1_edx, 11),
        xsave,
        xsaveopt: bit(cpuid(0xd, 1)[0], 0),
        smep: bit(leaf7_ebx, 7),
        smap: bit(leaf7_ebx, 20),
        umip: bit(leaf7_ecx, 2),
        pku,
        fsgsbase: bit(leaf7_ebx, 0),
        rdtscp: bit(ext1_edx, 27),
        rdpid: bit(leaf7_ecx, 22),
        pge: bit(leaf1_edx, 13),
        mce: bit(leaf1_edx, 7),
        hypervisor: bit(leaf1_ecx, 31),
        emulated: bit(leaf1_ecx, 31) && cpuid(0x4000_0000, 0)[1].to_le_bytes() == *b"TCGT",
        phys_bits: if sizes == 0 { 36 } else { sizes as u8 },
        virt_bits: if sizes == 0 { 48 } else { (sizes >> 8) as u8 },
        max_leaf,
    }
}

/// Sets the control registers and enables each protection that the CPU has.
pub fn init() {
    let cpu = features();
    // WP: read-only pages are read-only for the kernel too, which makes its writes to user memory
    // respect copy-on-write. NE: x87 errors raise #MF. MP without EM and TS: no lazy FPU switching.
    let cr0 = Cr0Flags::PROTECTED_MODE_ENABLE
        | Cr0Flags::MONITOR_COPROCESSOR
        | Cr0Flags::EXTENSION_TYPE
        | Cr0Flags::NUMERIC_ERROR
        | Cr0Flags::WRITE_PROTECT
        | Cr0Flags::ALIGNMENT_MASK
        | Cr0Flags::PAGING;
    let mut cr4 = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION
        | Cr4Flags::PAGE_SIZE_EXTENSION
        | Cr4Flags::OSFXSR
        | Cr4Flags::OSXMMEXCPT_ENABLE;
    // Without MCE a machine check shuts the CPU down without a message.
    cr4.set(Cr4Flags::MACHINE_CHECK_EXCEPTION, cpu.mce);
    cr4.set(Cr4Flags::PAGE_GLOBAL, cpu.pge);
    cr4.set(Cr4Flags::OSXSAVE, cpu.xsave);
    // ANCHOR: protections
    cr4.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, cpu.smep);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, cpu.smap);
    cr4.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, cpu.umip);
    // ANCHOR_END: protections
    cr4.set(Cr4Flags::FSGSBASE, cpu.fsgsbase);
    cr4.set(Cr4Flags::PROTECTION_KEY_USER, cpu.pku);
    // SAFETY: the flags keep long mode's paging as the loader set it up; with SMAP kernel code
    // accesses user pages only through usercopy.rs.
    unsafe {
        Cr0::write(cr0);
        Cr4::write_raw(cr4.bits());
        // ANCHOR: efer
        Efer::update(|efer| {
            efer.insert(EferFlags::NO_EXECUTE_ENABLE | EferFlags::SYSTEM_CALL_EXTENSIONS);
        });
        // ANCHOR_END: efer
    }
    super::fpu::init();
}

/// Sets whether RDTSC and RDTSCP fault in user mode (CR4.TSD).
pub fn set_tsc_traps(traps: bool) {
    // SAFETY: the bit affects user mode only.
    unsafe { Cr4::update(|cr4| cr4.set(Cr4Flags::TIMESTAMP_DISABLE, traps)) };
}
