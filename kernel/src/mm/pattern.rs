//! Contents of memory that is handed out without contents: in the test build a pattern, so that a
//! structure that reaches a program before the kernel has written all of it is seen there
//! (`tests/programs/clean_bytes.c`).

/// The byte that fills the memory. No text, no small number, no canonical address has it.
pub const BYTE: u8 = 0xe7;

/// Fills `len` bytes at `memory`.
///
/// # Safety
/// The memory is allocated, has no contents yet, and no other user.
pub unsafe fn fill(memory: *mut u8, len: usize) {
    // SAFETY: as the caller promises.
    unsafe { memory.write_bytes(BYTE, len) };
}
