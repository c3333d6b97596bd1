//! Writes a greeting through every door that this CPU has. Expected: exit 0.
//!
//! A minimal example of the doors, which `user/sys/` implements.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::{Door, Env, numbers, println};

sys::entry!(run);

static HELLO: &str = "Hello, World!\n";

fn run(_: &Env) -> i32 {
    let mut failed = 0;
    for door in Door::usable() {
        let args = [1, HELLO.as_ptr() as usize, HELLO.len(), 0, 0, 0];
        // SAFETY: write only reads the text. The text is static, and the program is linked below
        // 4 GiB, so the address fits in INT 0x80's 32 bits.
        let written = unsafe { sys::call(door, door.number(numbers::WRITE), args) };
        println!("{door}: write returned {written}");
        failed |= i32::from(written.cast_unsigned() != HELLO.len());
    }
    failed
}
