//! Tests of formatting that needs no program.

use super::call::Call;
use super::names::{self, file, memory, signal};
use super::strings::{buffer, escaped, path, quoted};
use super::structs::time::date;
use super::text::Text;
use crate::kernel_test;

fn text(print: impl FnOnce(&mut Text)) -> Text {
    let mut out = Text::new();
    print(&mut out);
    out
}

kernel_test!(
    fn strings_are_escaped_as_in_c() {
        let quoted = text(|out| escaped(out, b"a\"\\\n\t\r\x0b\x0c\x01\x019\x0118\xff~\x7f\x008"));
        assert_eq!(
            quoted.as_str(),
            "a\\\"\\\\\\n\\t\\r\\v\\f\\1\\19\\00118\\377~\\177\\08"
        );
    }
);

kernel_test!(
    fn flags_are_joined_and_unknown_bits_kept() {
        assert_eq!(
            text(|out| names::flags(out, 0, memory::PROT, "PROT_???")).as_str(),
            "PROT_NONE"
        );
        assert_eq!(
            text(|out| names::flags(out, 3, memory::PROT, "PROT_???")).as_str(),
            "PROT_READ|PROT_WRITE"
        );
        assert_eq!(
            text(|out| names::flags(out, 0x41, memory::PROT, "PROT_???")).as_str(),
            "PROT_READ|0x40"
        );
        assert_eq!(
            text(|out| names::flags(out, 0x40, memory::PROT, "PROT_???")).as_str(),
            "0x40 /* PROT_??? */"
        );
        assert_eq!(
            text(|out| names::flags(out, 0, file::AT, "AT_???")).as_str(),
            "0"
        );
        assert_eq!(
            text(|out| memory::map_flags(out, 0x22)).as_str(),
            "MAP_PRIVATE|MAP_ANONYMOUS"
        );
        assert_eq!(
            text(|out| memory::map_flags(out, 0x1000)).as_str(),
            "MAP_FILE|MAP_EXECUTABLE"
        );
    }
);

kernel_test!(
    fn open_flags_start_with_the_access_mode() {
        assert_eq!(
            text(|out| file::open_flags(out, 0o2_000_000)).as_str(),
            "O_RDONLY|O_CLOEXEC"
        );
        assert_eq!(
            text(|out| file::open_flags(out, 0o1102)).as_str(),
            "O_RDWR|O_CREAT|O_TRUNC"
        );
        assert_eq!(
            text(|out| file::open_flags(out, 0o20_200_002)).as_str(),
            "O_RDWR|O_TMPFILE"
        );
        assert_eq!(
            text(|out| file::open_flags(out, 0o4_010_000)).as_str(),
            "O_RDONLY|O_SYNC"
        );
    }
);

kernel_test!(
    fn modes_and_devices_read_as_in_strace() {
        assert_eq!(
            text(|out| file::mode(out, 0o100_644)).as_str(),
            "S_IFREG|0644"
        );
        assert_eq!(
            text(|out| file::mode(out, 0o104_755)).as_str(),
            "S_IFREG|S_ISUID|0755"
        );
        assert_eq!(text(|out| file::permissions(out, 0)).as_str(), "000");
        assert_eq!(
            text(|out| file::device(out, 0x103)).as_str(),
            "makedev(0x1, 0x3)"
        );
        assert_eq!(text(|out| file::device(out, 0)).as_str(), "makedev(0, 0)");
    }
);

kernel_test!(
    fn large_signal_sets_are_printed_as_complements() {
        assert_eq!(text(|out| signal::set(out, 0)).as_str(), "[]");
        assert_eq!(
            text(|out| signal::set(out, 1 << 1 | 1 << 16 | 1 << 34)).as_str(),
            "[INT CHLD RT_3]"
        );
        assert_eq!(
            text(|out| signal::set(out, !(3 << 31))).as_str(),
            "~[RTMIN RT_1]"
        );
        assert_eq!(text(|out| signal::set(out, u64::MAX)).as_str(), "~[]");
        assert_eq!(text(|out| signal::name(out, 11)).as_str(), "SIGSEGV");
        assert_eq!(text(|out| signal::name(out, 34)).as_str(), "SIGRT_2");
    }
);

kernel_test!(
    fn dates_follow_the_calendar() {
        assert_eq!(
            text(|out| date(out, 0, 0)).as_str(),
            "1970-01-01T00:00:00+0000"
        );
        assert_eq!(
            text(|out| date(out, 1_795_444_071, 0)).as_str(),
            "2026-11-23T14:27:51+0000"
        );
        assert_eq!(
            text(|out| date(out, 951_782_400, 2)).as_str(),
            "2000-02-29T00:00:00.000000002+0000"
        );
        assert_eq!(
            text(|out| date(out, -1, 0)).as_str(),
            "1969-12-31T23:59:59+0000"
        );
    }
);

kernel_test!(
    fn results_are_numbers_or_errors_by_name() {
        let call = Call {
            number: 0,
            args: [0; 6],
            wide: true,
            room: None,
            outcome: None,
        };
        let result = |name: &str, rax: i64| {
            text(|out| super::result::print(out, &call.returned(rax as u64), name, &[]))
        };
        assert_eq!(result("write", 13).as_str(), "13");
        assert_eq!(result("brk", 0x1000).as_str(), "0x1000");
        assert_eq!(result("umask", 0o22).as_str(), "022");
        assert_eq!(result("mmap", 0x7fff_f000_0000).as_str(), "0x7ffff0000000");
        assert_eq!(
            result("open", -2).as_str(),
            "-1 ENOENT (No such file or directory)"
        );
        let restart = "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
        assert_eq!(result("read", -512).as_str(), restart);
        // One below the range of errors.
        assert_eq!(result("getpid", -4096).as_str(), "-4096");
    }
);

kernel_test!(
    fn unreadable_memory_is_printed_as_its_address() {
        let kernel = 0xffff_8000_0000_0000;
        assert_eq!(text(|out| path(out, kernel)).as_str(), "0xffff800000000000");
        assert_eq!(
            text(|out| buffer(out, kernel, 5)).as_str(),
            "0xffff800000000000"
        );
        assert_eq!(text(|out| buffer(out, 0, 5)).as_str(), "NULL");
        assert_eq!(
            text(|out| buffer(out, u64::MAX, 2)).as_str(),
            "0xffffffffffffffff"
        );
        let long = text(|out| quoted(out, b"0123456789012345678901234567890123456789"));
        assert_eq!(long.as_str(), "\"01234567890123456789012345678901\"...");
    }
);
