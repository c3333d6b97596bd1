//! Part 2: the same greeting through each door, with the kernel's trace of the call.

use core::ffi::CStr;

use programs::doors_file;
use sys::os::{self, O_WRONLY};
use sys::{Door, numbers, println};

use crate::report::Failure;

static HELLO: &str = "Hello, World!\n";

/// File of Trident's: after a write of "1" the kernel logs each system call of this process.
const TRACE: &CStr = c"/proc/self/trace";

/// Prints `comment`, then writes the greeting through `door`.
pub fn greet(door: Door, comment: &str) -> Result<(), Failure> {
    println!("   {comment}");
    let tracer = os::open(TRACE, O_WRONLY).ok();
    let switch = |state: &[u8]| tracer.map(|fd| os::write(fd, state));
    let args = [1, HELLO.as_ptr() as usize, HELLO.len(), 0, 0, 0];
    let mut written = 0;
    let counted = doors_file::delta(|| {
        switch(b"1");
        // SAFETY: write only reads the text. The text is static, and the program is linked below
        // 4 GiB, so the address fits in INT 0x80's 32 bits.
        written = unsafe { sys::call(door, door.number(numbers::WRITE), args) };
        switch(b"0");
    });
    if counted.is_none() {
        // A kernel without counters (Linux): `delta` didn't run the closure.
        // SAFETY: as above.
        written = unsafe { sys::call(door, door.number(numbers::WRITE), args) };
    }
    if let Some(fd) = tracer {
        let _ = os::close(fd); // no data to lose
    }
    if written.cast_unsigned() != HELLO.len() {
        return Err("a write through a door returned the wrong result");
    }
    let switches = if door == Door::NATIVE && tracer.is_some() {
        2
    } else {
        0
    };
    match counted {
        Some(counts) if counts.through(door) != 1 + switches => {
            Err("the kernel's counters don't show exactly one call through the door")
        }
        _ => Ok(()),
    }
}
