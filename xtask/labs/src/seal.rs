//! Sealed text: the given pieces of a student's tree. The seal keeps them out of the student's
//! sight, as a closed book; it is no secret. `kernel/build.rs` opens it.

/// Hexadecimal digits of the text, each byte changed by a sequence that `kernel/build.rs` knows too.
pub fn seal(text: &str) -> String {
    let digits: Vec<String> = text
        .bytes()
        .zip(sequence())
        .map(|(byte, mask)| format!("{:02x}", byte ^ mask))
        .collect();
    let lines: Vec<String> = digits.chunks(40).map(<[String]>::concat).collect();
    lines.join("\n") + "\n"
}

/// The bytes that change the text's: those of a linear congruential generator.
fn sequence() -> impl Iterator<Item = u8> {
    let mut state = 0x5eed_u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}
