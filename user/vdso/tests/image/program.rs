//! An image mapped in this process as the kernel maps it: the clock page, then the code.

use object::{Object, ObjectSymbol};
use std::ptr;
use vdso::images::{VDSO32, VDSO64};
use vdso::page::{ClockPage, PAGE_SIZE};

/// A mapped image, and the clock page before it. Never unmapped.
#[derive(Clone, Copy)]
pub struct Program {
    pub bits: u32,
    pub image: &'static [u8],
    pub page: &'static ClockPage,
    /// Address of the image.
    pub base: usize,
}

impl Program {
    /// Maps the image below 4 GiB, with an all-zero clock page.
    pub fn load(bits: u32) -> Self {
        let image = if bits == 64 { VDSO64 } else { VDSO32 };
        assert!(
            !image.is_empty(),
            "this build has no images: the bare targets were not found"
        );
        let page = map_low(PAGE_SIZE + image.len(), libc::PROT_READ | libc::PROT_WRITE);
        let base = page as usize + PAGE_SIZE;
        // SAFETY: the mapping is new, of this size, and private; the code is position-independent.
        unsafe {
            ptr::copy_nonoverlapping(image.as_ptr(), base as *mut u8, image.len());
            assert_eq!(
                libc::mprotect(
                    base as *mut _,
                    image.len(),
                    libc::PROT_READ | libc::PROT_EXEC
                ),
                0
            );
        }
        // SAFETY: zeros are a valid page; it is aligned and never unmapped.
        let page = unsafe { &*page.cast::<ClockPage>() };
        Self {
            bits,
            image,
            page,
            base,
        }
    }

    /// Overwrites code, as the kernel does at boot.
    pub fn patch(&self, offset: usize, bytes: &[u8]) {
        let (read, write) = (
            libc::PROT_READ | libc::PROT_EXEC,
            libc::PROT_READ | libc::PROT_WRITE,
        );
        // SAFETY: the mapping is this image's own, and no thread executes it meanwhile.
        unsafe {
            assert_eq!(
                libc::mprotect(self.base as *mut _, self.image.len(), write),
                0
            );
            ptr::copy_nonoverlapping(bytes.as_ptr(), (self.base + offset) as *mut u8, bytes.len());
            assert_eq!(
                libc::mprotect(self.base as *mut _, self.image.len(), read),
                0
            );
        }
    }

    /// Address of a dynamic symbol.
    pub fn symbol(&self, name: &str) -> usize {
        let file = object::File::parse(self.image).unwrap();
        let symbol = file
            .dynamic_symbols()
            .find(|symbol| symbol.name() == Ok(name));
        self.base + symbol.unwrap_or_else(|| panic!("no {name}")).address() as usize
    }

    /// Calls a function of the image.
    pub fn call(&self, name: &str, arguments: [usize; 3]) -> isize {
        self.call_at(self.symbol(name), arguments)
    }

    /// Calls the code at `address`.
    pub fn call_at(&self, address: usize, arguments: [usize; 3]) -> isize {
        if self.bits == 32 {
            return call32(address as u32, arguments.map(|argument| argument as u32)) as i32
                as isize;
        }
        // SAFETY: the address is that of a function of the image, and all of them fit this type.
        let function: extern "C" fn(usize, usize, usize) -> isize =
            unsafe { std::mem::transmute(address) };
        function(arguments[0], arguments[1], arguments[2])
    }

    /// As [`Program::call`], with a C `int` result.
    pub fn call_int(&self, name: &str, arguments: [usize; 3]) -> i32 {
        self.call(name, arguments) as i32
    }
}

/// Maps zeroed memory below 4 GiB, where 32-bit code can access it; a child shares it.
pub fn map_low(size: usize, protection: i32) -> *mut u8 {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    // SAFETY: a new mapping, which replaces none.
    let address = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(address, libc::MAP_FAILED);
    address.cast()
}

/// Allocates a value below 4 GiB. Leaked.
pub fn low<T>(value: T) -> &'static mut T {
    let place = map_low(size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE).cast::<T>();
    // SAFETY: new memory, page-aligned, large enough, not shared.
    unsafe {
        place.write(value);
        &mut *place
    }
}

/// Calls a 32-bit function of up to three arguments from this 64-bit process.
fn call32(function: u32, arguments: [u32; 3]) -> u32 {
    let size = 64 * 1024;
    // Code and stack must be below 4 GiB: the gate is copied there, the stack is new.
    let everything = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let place = map_low(size, everything);
    let (start, end) = (&raw const gate32_start, &raw const gate32_end);
    // SAFETY: the gate is position-independent code of this type, copied to the start of new
    // memory; its stack is at the end of the same memory.
    let result = unsafe {
        ptr::copy_nonoverlapping(start, place, end.offset_from_unsigned(start));
        let gate: extern "C" fn(u32, *const u32) -> u32 = std::mem::transmute(place);
        let stack = place.add(size - 64).cast::<u32>();
        ptr::copy_nonoverlapping(arguments.as_ptr(), stack, 3);
        gate(function, stack)
    };
    // SAFETY: mapped above, and no longer in use.
    unsafe { libc::munmap(place.cast(), size) };
    result
}

unsafe extern "C" {
    static gate32_start: u8;
    static gate32_end: u8;
}

// gate(function, stack): switches to compatibility mode by a far return, calls the function, and
// switches back likewise.
std::arch::global_asm!(
    ".pushsection .rodata.gate32, \"a\", @progbits",
    "gate32_start:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov rax, rsp",
    "mov rsp, rsi",
    "mov [rip + 9f], rax",
    "lea rbp, [rip + 4f]", // callee-saved in C
    "lea rax, [rip + 2f]",
    "push 0x23", // Linux's USER32_CS
    "push rax",
    "retfq",
    ".code32",
    "2: mov ecx, 0x2b", // data segments are null in 64-bit programs
    "mov ds, ecx",
    "mov es, ecx",
    "call edi",
    "push 0x33", // back to Linux's USER_CS
    "push ebp",
    "retf",
    ".code64",
    "4: mov rsp, [rip + 9f]",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
    ".balign 8",
    "9: .quad 0", // the 64-bit stack pointer
    "gate32_end:",
    ".popsection",
);
