//! Round trips of random input: the parsers return what was written.

use formats::cmdline;
use formats::cpio::{Member, Writer, entries, mode};
use proptest::prelude::*;

proptest! {
    /// `entries` returns the members that `Writer` wrote.
    #[test]
    fn archives_round_trip(
        members in prop::collection::vec(
            ("[a-z/]{1,40}", prop::collection::vec(any::<u8>(), 0..100), 0u32..0o10000, any::<(u32, u32)>()),
            0..8,
        )
    ) {
        let mut writer = Writer::new();
        for (name, body, permissions, rdev) in &members {
            let member = Member { mode: mode::FILE | permissions, rdev: *rdev, body, ..Member::default() };
            writer.member(name.as_bytes(), &member);
        }
        let archive = writer.finish();
        prop_assert_eq!(archive.len() % 512, 0);
        let read: Result<Vec<_>, _> = entries(&archive).collect();
        let read = read.expect("a well-formed archive");
        prop_assert_eq!(read.len(), members.len());
        for (entry, (name, body, permissions, rdev)) in read.iter().zip(&members) {
            prop_assert_eq!(entry.name, name.as_bytes());
            prop_assert_eq!(entry.body, &body[..]);
            prop_assert_eq!(entry.header.mode, mode::FILE | permissions);
            prop_assert_eq!(entry.header.rdev, *rdev);
        }
    }

    /// Words after `--` become init's arguments unchanged.
    #[test]
    fn arguments_are_unchanged(words in prop::collection::vec("[a-z0-9/_-]{1,12}", 0..32)) {
        let line = format!("quiet -- {}", words.join("  "));
        let arguments = cmdline::parse(line.as_bytes()).init_args;
        prop_assert_eq!(arguments, words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
    }

    /// Spaces in a quoted value are kept.
    #[test]
    fn quoted_values_are_unchanged(name in "Z[A-Z0-9_]{0,10}", value in "[a-z =./]{0,30}") {
        for line in [format!("{name}=\"{value}\""), format!("\"{name}={value}\"")] {
            let environment = cmdline::parse(line.as_bytes()).init_env;
            prop_assert_eq!(environment.last(), Some(&format!("{name}={value}").into_bytes()));
        }
    }
}
