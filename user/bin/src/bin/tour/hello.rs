//! Part 2: the same greeting through each door, with the kernel's trace of it.

use core::ffi::CStr;

use programs::doors_file;
use sys::os::{self, O_WRONLY};
use sys::{Door, numbers, println};

use crate::report::Failure;

static HELLO: &str = "Hello, World!\n";

/// Trident's own switch: writing "1" here has the kernel print each call of this process.
const TRACE: &CStr = c"/proc/self/trace";

/// Greets through `door`, which `comment` introduces.
pub fn greet(door: Door, comment: &str) -> Result<(), Failure> {
    println!("   {comment}");
    let tracer = os::open(TRACE, O_WRONLY).ok();
    let switch = |state: &[u8]| tracer.map(|fd| os::write(fd, state));
    let args = [1, HELLO.as_ptr() as usize, HELLO.len(), 0, 0, 0];
    let mut written = 0;
    let counted = doors_file::delta(|| {
        switch(b"1");
        // SAFETY: write only reads the text, whose address fits in 32 bits as INT 0x80 needs it:
        // it is a static of a program linked below 4 GiB.
        written = unsafe { sys::call(door, door.number(numbers::WRITE), args) };
        switch(b"0");
    });
    if counted.is_none() {
        // A kernel without counters (Linux): the work above wasn't done.
        // SAFETY: as above.
        written = unsafe { sys::call(door, door.number(numbers::WRITE), args) };
    }
    if let Some(fd) = tracer {
        let _ = os::close(fd); // only a switch: nothing can be lost
    }
    if written.cast_unsigned() != HELLO.len() {
        return Err("a write through a door had the wrong result");
    }
    let switches = if door == Door::NATIVE && tracer.is_some() {
        2
    } else {
        0
    };
    match counted {
        Some(counts) if counts.through(door) != 1 + switches => {
            Err("the kernel's counters don't show the one call through the door")
        }
        _ => Ok(()),
    }
}
