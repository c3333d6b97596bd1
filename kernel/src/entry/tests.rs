//! Tests that the CPU's entry MSRs hold what `msr.rs` programs. A program cannot observe all of it:
//! an emulator's SYSCALL may clear flags that SFMASK lacks.

use x86_64::registers::model_specific::Msr;

use super::{syscall, sysenter};
use crate::abi::frame::USER32_CS;
use crate::arch::cpu;
use crate::arch::gdt::{KERNEL_CS, KERNEL_DS, USER_CS, USER_DS};
use crate::kernel_test;

fn read(msr: u32) -> u64 {
    // SAFETY: reading has no effect, and every 64-bit CPU has the registers asked for.
    unsafe { Msr::new(msr).read() }
}

kernel_test!(
    fn syscall_clears_every_flag_of_the_program() {
        let mask = read(0xc000_0084);
        for (name, flag) in [
            ("CF", 1 << 0),
            ("PF", 1 << 2),
            ("AF", 1 << 4),
            ("ZF", 1 << 6),
            ("SF", 1 << 7),
            ("TF", 1 << 8),
            ("IF", 1 << 9),
            ("DF", 1 << 10),
            ("OF", 1 << 11),
            ("IOPL", 3 << 12),
            ("NT", 1 << 14),
            ("RF", 1 << 16),
            ("VM", 1 << 17),
            ("AC", 1 << 18),
            ("ID", 1 << 21),
        ] {
            assert_eq!(mask & flag, flag, "SFMASK lacks {name}");
        }
    }
);

kernel_test!(
    fn star_selects_the_kernel_and_user_segments() {
        let star = read(0xc000_0081);
        let (call, back) = ((star >> 32) as u16, (star >> 48) as u16);
        assert_eq!((call, call + 8), (KERNEL_CS, KERNEL_DS));
        assert_eq!((back, back + 8, back + 16), (USER32_CS, USER_DS, USER_CS));
    }
);

kernel_test!(
    fn every_entry_point_is_programmed_whatever_the_vendor() {
        assert_eq!(
            read(0xc000_0082),
            syscall::entry_syscall_64::<true> as *const () as u64
        );
        assert_eq!(
            read(0xc000_0083),
            syscall::entry_syscall_32::<true> as *const () as u64
        );
        if cpu::features().sysenter {
            assert_eq!(read(0x174), u64::from(KERNEL_CS));
            assert_eq!(
                read(0x176),
                sysenter::entry_sysenter::<true> as *const () as u64
            );
        }
    }
);
