//! Tests of gzip: members with and without optional fields, damaged members.

use alloc::vec::Vec;

use miniz_oxide::deflate::compress_to_vec;

use super::*;

/// Output of `gzip -9 -n` for "hello, hello, hello, hello\n".
const HELLO: [u8; 30] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0xc0,
    0xa4, 0xb8, 0, 0x4b, 0x21, 0xa1, 0x29, 27, 0, 0, 0,
];

/// A member, with `all_fields` with all optional header fields and a correct header checksum.
pub(crate) fn gzip(content: &[u8], all_fields: bool) -> Vec<u8> {
    let mut member: Vec<u8> = Vec::from(&HELLO[..10]);
    if all_fields {
        member[3] = 0b1_1110;
        member.extend_from_slice(b"\x03\x00xyzname\0comment\0");
        let crc = crc32fast::hash(&member) as u16;
        member.extend_from_slice(&crc.to_le_bytes());
    }
    member.extend_from_slice(&compress_to_vec(content, 6));
    member.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    member.extend_from_slice(&(content.len() as u32).to_le_bytes());
    member
}

fn inflate(input: &[u8]) -> Result<(Vec<u8>, usize), Error<()>> {
    let mut content = Vec::new();
    let used = member(input, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    Ok((content, used))
}

#[test]
fn output_of_gzip() {
    let mut input = HELLO.to_vec();
    input.extend_from_slice(b"behind");
    assert_eq!(
        inflate(&input),
        Ok((b"hello, hello, hello, hello\n".to_vec(), HELLO.len()))
    );
}

#[test]
fn members_larger_than_the_window() {
    let mut random = fastrand::Rng::with_seed(1);
    for size in [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW + 77] {
        let content: Vec<u8> = (0..size).map(|_| b'a' + random.u8(..16) / 5).collect();
        for all_fields in [false, true] {
            let input = gzip(&content, all_fields);
            assert_eq!(inflate(&input), Ok((content.clone(), input.len())));
        }
    }
}

#[test]
fn damage_is_detected() {
    let good = gzip(b"some text, some text, some text", true);
    for length in 0..good.len() {
        assert_eq!(
            inflate(&good[..length]),
            Err(Damage::Truncated.into()),
            "{length}"
        );
    }
    let with = |at: usize, change: u8| {
        let mut input = good.clone();
        input[at] ^= change;
        inflate(&input)
    };
    assert_eq!(with(1, 1), Err(Damage::Header.into()));
    assert_eq!(with(2, 1), Err(Damage::Header.into()));
    assert_eq!(with(3, 0x20), Err(Damage::Header.into()));
    assert_eq!(
        with(13, 1),
        Err(Damage::Header.into()),
        "the header's checksum"
    );
    assert_eq!(with(good.len() - 8, 1), Err(Damage::Checksum.into()));
    assert_eq!(with(good.len() - 1, 1), Err(Damage::Checksum.into()));
    let mut reserved_block = HELLO.to_vec();
    reserved_block[10] = 0b111;
    assert_eq!(inflate(&reserved_block), Err(Damage::Data.into()));
}

#[test]
fn an_error_of_the_consumer_stops_inflating() {
    assert_eq!(member(&HELLO, |_| Err(7)), Err(Error::Consumer(7)));
}
