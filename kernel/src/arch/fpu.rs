//! x87, SSE and AVX state: it belongs to the process.
//!
//! The kernel is compiled without SSE and never touches these registers, so a system call
//! leaves them as they are; they are saved and loaded only when another task runs. XSAVE
//! holds everything the CPU has, FXSAVE (512 bytes) is the fallback.

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::arch::asm;
use core::ptr::NonNull;

use spin::Lazy;
use x86_64::registers::xcontrol::XCr0;

use super::{cpu, pkeys};

/// XCR0 bits offered to programs: x87, SSE, AVX, AVX-512's three, and PKRU. MPX is left out, as on
/// Linux since 5.6.
const XCR0_WANTED: u64 = 0b111 | 0b111 << 5 | PKRU;
/// The rights to protection keys, in XCR0 and in an area's header.
pub const PKRU: u64 = 1 << 9;

/// In the second byte of the header.
const PKRU_IN_BYTE: u8 = (PKRU >> 8) as u8;

/// FXSAVE area: control word at 0, MXCSR at 24 (Intel SDM vol. 1, 10.5.1).
const FCW_OFFSET: usize = 0;
/// See above.
pub const MXCSR_OFFSET: usize = 24;
/// What a fresh process starts with, as on Linux: all x87 exceptions masked, 64-bit precision.
const FCW_DEFAULT: u16 = 0x37f;
/// All SSE exceptions masked, round to nearest.
pub const MXCSR_DEFAULT: u32 = 0x1f80;
/// XSTATE_BV in the XSAVE header: which components the area holds.
pub const XSTATE_BV_OFFSET: usize = 512;
/// Bytes of that header.
pub const HEADER_SIZE: usize = 64;

/// Turns the components on that this CPU has.
pub fn init() {
    if cpu::features().xsave {
        let [low, _, _, high] = cpu::cpuid(0xd, 0);
        let supported = u64::from(low) | u64::from(high) << 32;
        // AVX-512's components go together or not at all (Intel SDM vol. 1, 13.3).
        let mut wanted = supported & XCR0_WANTED;
        if wanted & 0xe0 != 0xe0 {
            wanted &= !0xe0;
        }
        if !cpu::features().pku {
            wanted &= !PKRU;
        }
        // SAFETY: CR4.OSXSAVE is on and the bits are a valid subset of those supported.
        unsafe { XCr0::write_raw(wanted) };
    }
}

/// Bytes of an FXSAVE area, with which every XSAVE area begins.
pub const LEGACY_SIZE: usize = 512;
/// x87 and SSE in XCR0 and in an area's header: what an FXSAVE area holds.
pub const X87_AND_SSE: u64 = 0b11;

/// The state that programs have on this CPU.
pub struct Info {
    /// Whether it is XSAVE's, or FXSAVE's.
    pub xsave: bool,
    /// Bytes of an area that holds it.
    pub size: usize,
    /// Bytes of such an area up to the last component but PKRU.
    own_size: usize,
    /// Its components (XCR0).
    pub features: u64,
    /// Bits that MXCSR has.
    pub mxcsr_mask: u32,
    /// Where in it PKRU is, if that is among them.
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

/// Where the last of these components ends in an XSAVE area.
fn end_of(components: u64) -> usize {
    let header = XSTATE_BV_OFFSET + HEADER_SIZE;
    let extended = (2..63).filter(|component| components >> component & 1 != 0);
    let ends = extended.map(|component| {
        let [size, offset, ..] = cpu::cpuid(0xd, component);
        (size + offset) as usize
    });
    ends.fold(header, usize::max)
}

/// What a program's state looks like on this CPU; read after [`init`].
pub fn info() -> &'static Info {
    &INFO
}

/// MXCSR_MASK, which FXSAVE stores; 0 there means the first SSE's (Intel SDM vol. 1, 11.6.6).
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

/// Gives the components in `features` the values that a fresh process has.
pub fn load_initial(features: u64) {
    INITIAL.load_components(features);
}

/// The x87 control and status words and MXCSR, as they are.
pub fn exception_state() -> (u16, u16, u32) {
    let (mut control, mut mxcsr) = (0_u16, 0_u32);
    let status: u16;
    // SAFETY: the three instructions only store; none of them waits for a pending exception.
    unsafe {
        asm!("fnstcw [{}]", "fnstsw ax", "stmxcsr [{}]", in(reg) &raw mut control,
             in(reg) &raw mut mxcsr, out("ax") status, options(nostack));
    }
    (control, status, mxcsr)
}

/// One task's saved state: a 64-byte aligned XSAVE or FXSAVE area. PKRU, which would be the last by far, is kept
/// beside it (as on Linux since 5.14).
pub struct FpuState {
    area: NonNull<u8>,
    layout: Layout,
    pkru: u32,
}

// SAFETY: the area is owned memory without aliases.
unsafe impl Send for FpuState {}
// SAFETY: `&FpuState` only reads.
unsafe impl Sync for FpuState {}

impl FpuState {
    /// The state of a fresh process.
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
        };
        state.set_defaults();
        state
    }

    /// The whole area, as ptrace and signal frames show it.
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

    /// Takes the state of such an area. It must be acceptable to the CPU: reserved bits of MXCSR and of the
    /// header are 0.
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
        // What the header doesn't name is in its initial state: it denies nothing.
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

    /// Puts the state of a fresh process in place.
    pub fn reset(&mut self) {
        let bytes = self.bytes_mut();
        // What the header doesn't name is in its initial state, whatever its bytes are.
        let named = bytes.len().min(XSTATE_BV_OFFSET + HEADER_SIZE);
        bytes[..named].fill(0);
        self.set_defaults();
    }

    /// The same where all bytes are zeros.
    fn set_defaults(&mut self) {
        let bytes = self.bytes_mut();
        bytes[FCW_OFFSET..FCW_OFFSET + 2].copy_from_slice(&FCW_DEFAULT.to_le_bytes());
        bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&MXCSR_DEFAULT.to_le_bytes());
        if cpu::features().xsave {
            // x87 and SSE come from the area; everything else starts in its initial state.
            bytes[XSTATE_BV_OFFSET] = 0b11;
        }
        self.pkru = pkeys::DEFAULT;
    }

    /// Saves the CPU's state here.
    pub fn save(&mut self) {
        self.pkru = pkeys::read();
        let area = self.area.as_ptr();
        // SAFETY: the area is as large and aligned as CPUID demands for XCR0's components.
        unsafe {
            if cpu::features().xsaveopt {
                asm!("xsaveopt64 [{}]", in(reg) area, in("eax") !(PKRU as u32), in("edx") u32::MAX,
                     options(nostack));
            } else if cpu::features().xsave {
                asm!("xsave64 [{}]", in(reg) area, in("eax") !(PKRU as u32), in("edx") u32::MAX,
                     options(nostack));
            } else {
                asm!("fxsave64 [{}]", in(reg) area, options(nostack));
            }
        }
    }

    /// Loads the CPU's state from here.
    pub fn load(&self) {
        self.load_components(u64::MAX);
    }

    /// Loads those of its components that are in `features`; without XSAVE all of them.
    pub fn load_components(&self, features: u64) {
        let area = self.area.as_ptr();
        if features & PKRU != 0 {
            pkeys::write(self.pkru);
        }
        // SAFETY: the area was written by `save` or `reset`, or by way of `set_image`, whose
        // users see to it: no reserved bit is set.
        unsafe {
            if cpu::features().xsave {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") (features & !PKRU) as u32,
                     in("edx") (features >> 32) as u32, options(nostack));
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
