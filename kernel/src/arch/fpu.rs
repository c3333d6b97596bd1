//! FPU state of a task: x87, SSE, AVX, AVX-512 and PKRU.
//!
//! The kernel is compiled without SSE and never uses these registers, so a system call preserves
//! them; a task switch saves and restores them. XSAVE covers all components of the CPU; FXSAVE
//! (512 bytes) is the fallback.

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::arch::asm;
use core::ptr::NonNull;

use spin::Lazy;
use x86_64::registers::xcontrol::XCr0;

use super::cpu::{self, Features};
use super::pkeys;

/// XCR0 bits available to programs: x87, SSE, AVX, the three of AVX-512, and PKRU. Not MPX, as on
/// Linux since 5.6.
const XCR0_WANTED: u64 = 0b111 | 0b111 << 5 | PKRU;
/// PKRU, the access rights of the protection keys, in XCR0 and XSTATE_BV.
pub const PKRU: u64 = 1 << 9;

/// [`PKRU`] in the second byte of XSTATE_BV.
const PKRU_IN_BYTE: u8 = (PKRU >> 8) as u8;

/// Offset of the x87 control word in an FXSAVE area (Intel SDM vol. 1, 10.5.1).
const FCW_OFFSET: usize = 0;
/// Offset of MXCSR in an FXSAVE area (Intel SDM vol. 1, 10.5.1).
pub const MXCSR_OFFSET: usize = 24;
/// Initial x87 control word, as on Linux: all x87 exceptions masked, 64-bit precision.
const FCW_DEFAULT: u16 = 0x37f;
/// Initial MXCSR: all SSE exceptions masked, round to nearest.
pub const MXCSR_DEFAULT: u32 = 0x1f80;
/// Offset of XSTATE_BV, the components that the area holds; it begins the XSAVE header.
pub const XSTATE_BV_OFFSET: usize = 512;
/// Bytes of the XSAVE header.
pub const HEADER_SIZE: usize = 64;

/// Enables in XCR0 the components that this CPU has.
pub fn init() {
    if cpu::features().xsave {
        let [low, _, _, high] = cpu::cpuid(0xd, 0);
        let supported = u64::from(low) | u64::from(high) << 32;
        // XCR0 takes all three AVX-512 components or none (Intel SDM vol. 1, 13.3).
        let mut wanted = supported & XCR0_WANTED;
        if wanted & 0xe0 != 0xe0 {
            wanted &= !0xe0;
        }
        if !cpu::features().pku {
            wanted &= !PKRU;
        }
        // SAFETY: CR4.OSXSAVE is set and the bits are a valid subset of those supported.
        unsafe { XCr0::write_raw(wanted) };
    }
}

/// Bytes of an FXSAVE area, and of the legacy region that begins an XSAVE area.
pub const LEGACY_SIZE: usize = 512;
/// x87 and SSE in XCR0 and XSTATE_BV: the components of an FXSAVE area.
pub const X87_AND_SSE: u64 = 0b11;

/// Format of the FPU state on this CPU.
pub struct Info {
    /// Whether the area is XSAVE's; else it is FXSAVE's.
    pub xsave: bool,
    /// Bytes of the area.
    pub size: usize,
    /// Bytes of the area without PKRU, its last component.
    own_size: usize,
    /// Components of the area (XCR0).
    pub features: u64,
    /// Bits that MXCSR supports.
    pub mxcsr_mask: u32,
    /// Offset of PKRU in the area; `None` on a CPU without it.
    pkru_offset: Option<usize>,
}

static INFO: Lazy<Info> = Lazy::new(|| {
    let xsave = cpu::features().xsave;
    Info {
        xsave,
        size: if xsave {
            cpu::cpuid(0xd, 0)[1] as usize
        } else {
            LEGACY_SIZE
        },
        own_size: if xsave {
            end_of(XCr0::read_raw() & !PKRU)
        } else {
            LEGACY_SIZE
        },
        features: if xsave { XCr0::read_raw() } else { X87_AND_SSE },
        mxcsr_mask: mxcsr_mask(),
        pkru_offset: (xsave && XCr0::read_raw() & PKRU != 0)
            .then(|| cpu::cpuid(0xd, PKRU.trailing_zeros())[1] as usize),
    }
});

/// Offset in an XSAVE area at which the last of `components` ends.
fn end_of(components: u64) -> usize {
    let header = XSTATE_BV_OFFSET + HEADER_SIZE;
    let extended = (2..63).filter(|component| components >> component & 1 != 0);
    let ends = extended.map(|component| {
        let [size, offset, ..] = cpu::cpuid(0xd, component);
        (size + offset) as usize
    });
    ends.fold(header, usize::max)
}

/// Format of the FPU state on this CPU. Valid after [`init`].
pub fn info() -> &'static Info {
    &INFO
}

/// MXCSR_MASK as FXSAVE stores it; 0 stands for the default mask (Intel SDM vol. 1, 11.6.6).
fn mxcsr_mask() -> u32 {
    #[repr(align(16))]
    struct Area([u32; LEGACY_SIZE / 4]);
    let mut area = Area([0; LEGACY_SIZE / 4]);
    // SAFETY: 512 bytes, aligned to 16.
    unsafe { asm!("fxsave64 [{}]", in(reg) &raw mut area, options(nostack)) };
    match area.0[7] {
        0 => 0xffbf,
        mask => mask,
    }
}

static INITIAL: Lazy<FpuState> = Lazy::new(FpuState::new);

/// Loads the initial values of the components in `features`.
pub fn load_initial(features: u64) {
    INITIAL.load_components(features);
}

/// The CPU's x87 control word, x87 status word and MXCSR.
pub fn exception_state() -> (u16, u16, u32) {
    let (mut control, mut mxcsr) = (0_u16, 0_u32);
    let status: u16;
    // SAFETY: the three instructions only store; none of them raises a pending exception.
    unsafe {
        asm!("fnstcw [{}]", "fnstsw ax", "stmxcsr [{}]", in(reg) &raw mut control,
             in(reg) &raw mut mxcsr, out("ax") status, options(nostack));
    }
    (control, status, mxcsr)
}

/// A task's saved FPU state: a 64-byte aligned XSAVE or FXSAVE area, with PKRU beside it. PKRU's
/// slot in the area is far behind the others (Linux keeps it apart too, since 5.14).
pub struct FpuState {
    area: NonNull<u8>,
    layout: Layout,
    pkru: u32,
    /// The CPU's, which decide by which instructions it is saved and loaded.
    features: &'static Features,
}

// SAFETY: the area is owned memory without aliases.
unsafe impl Send for FpuState {}
// SAFETY: `&FpuState` only reads.
unsafe impl Sync for FpuState {}

impl FpuState {
    /// The initial state of a program.
    pub fn new() -> Self {
        let layout = Layout::from_size_align(INFO.own_size, 64).expect("area sizes are small");
        // SAFETY: the size isn't 0.
        let Some(area) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        let mut state = Self {
            area,
            layout,
            pkru: 0,
            features: cpu::features(),
        };
        state.set_defaults();
        state
    }

    /// Copy of the area including PKRU, as in ptrace(2) and signal frames: [`Info::size`] bytes.
    pub fn image(&self) -> Vec<u8> {
        let own = self.bytes();
        let mut image = Vec::with_capacity(INFO.size);
        image.extend_from_slice(own);
        image.resize(INFO.size, 0);
        if let Some(at) = INFO.pkru_offset
            && self.pkru != 0
        {
            image[at..at + 4].copy_from_slice(&self.pkru.to_le_bytes());
            image[XSTATE_BV_OFFSET + 1] |= PKRU_IN_BYTE;
        }
        image
    }

    /// Sets the state from an area of [`Info::size`] bytes. The CPU must accept it: reserved bits
    /// of MXCSR and of the header are 0.
    pub fn set_image(&mut self, image: &[u8]) {
        let own = self.bytes_mut();
        let len = own.len();
        own.copy_from_slice(&image[..len]);
        let Some(at) = INFO.pkru_offset else {
            return;
        };
        let holds_it = own[XSTATE_BV_OFFSET + 1] & PKRU_IN_BYTE != 0;
        own[XSTATE_BV_OFFSET + 1] &= !PKRU_IN_BYTE;
        let mut rights = [0; 4];
        rights.copy_from_slice(&image[at..at + 4]);
        // A component absent from XSTATE_BV is in its initial state; PKRU's is 0.
        self.pkru = if holds_it {
            u32::from_le_bytes(rights)
        } else {
            0
        };
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `area` is valid for `layout.size()` bytes and initialised (zeroed).
        unsafe { core::slice::from_raw_parts(self.area.as_ptr(), self.layout.size()) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes it the only reference.
        unsafe { core::slice::from_raw_parts_mut(self.area.as_ptr(), self.layout.size()) }
    }

    /// Resets to the initial state of a program.
    pub fn reset(&mut self) {
        let bytes = self.bytes_mut();
        // Components absent from XSTATE_BV are in their initial state; their bytes don't matter.
        let named = bytes.len().min(XSTATE_BV_OFFSET + HEADER_SIZE);
        bytes[..named].fill(0);
        self.set_defaults();
    }

    /// Writes the defaults that aren't 0 into a zeroed area.
    fn set_defaults(&mut self) {
        let has_xsave = self.features.xsave;
        let bytes = self.bytes_mut();
        bytes[FCW_OFFSET..FCW_OFFSET + 2].copy_from_slice(&FCW_DEFAULT.to_le_bytes());
        bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&MXCSR_DEFAULT.to_le_bytes());
        if has_xsave {
            // XRSTOR loads x87 and SSE from the area and initialises the other components.
            bytes[XSTATE_BV_OFFSET] = 0b11;
        }
        self.pkru = pkeys::DEFAULT;
    }

    /// Saves the CPU's state.
    pub fn save(&mut self) {
        let features = self.features;
        self.pkru = pkeys::read_on(features);
        let area = self.area.as_ptr();
        // SAFETY: the area has the size and alignment that CPUID reports for XCR0's components.
        unsafe {
            if features.xsaveopt {
                asm!("xsaveopt64 [{}]", in(reg) area, in("eax") !(PKRU as u32), in("edx") u32::MAX,
                     options(nostack));
            } else if features.xsave {
                asm!("xsave64 [{}]", in(reg) area, in("eax") !(PKRU as u32), in("edx") u32::MAX,
                     options(nostack));
            } else {
                asm!("fxsave64 [{}]", in(reg) area, options(nostack));
            }
        }
    }

    /// Loads this state into the CPU.
    pub fn load(&self) {
        self.load_components(u64::MAX);
    }

    /// Loads the components in `wanted` into the CPU; without XSAVE all of them.
    pub fn load_components(&self, wanted: u64) {
        let features = self.features;
        let area = self.area.as_ptr();
        if wanted & PKRU != 0 {
            pkeys::write_on(features, self.pkru);
        }
        // SAFETY: no reserved bit is set in the area: it was written by `save` or `reset`, or by
        // `set_image`, whose callers guarantee that.
        unsafe {
            if features.xsave {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") (wanted & !PKRU) as u32,
                     in("edx") (wanted >> 32) as u32, options(nostack));
            } else {
                asm!("fxrstor64 [{}]", in(reg) area, options(nostack));
            }
        }
    }
}

impl Drop for FpuState {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.area.as_ptr(), self.layout) };
    }
}
