//! The CMOS real-time clock (RTC): the date at boot.
//!
//! Registers of the Motorola MC146818 and its PC descendants. Status register B selects BCD or
//! binary numbers, and 24 hours or 12 hours with a PM bit.

use x86_64::instructions::port::Port;

const INDEX: u16 = 0x70;
const DATA: u16 = 0x71;
/// Status register A; bit 7: an update is in progress, or begins within 244 us.
const STATUS_A: u8 = 0x0a;
/// Status register B; bit 2: binary, bit 1: 24 hours.
const STATUS_B: u8 = 0x0b;
/// Seconds, minutes, hours, day, month, year, century (where PCs keep it; 0x32).
const REGISTERS: [u8; 7] = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32];
/// Polls of the update bit before the clock is read regardless, for one that is stuck or absent
/// (it reads all ones): an update takes 2 ms, a poll about 1 us.
const MAX_POLLS: u32 = 10_000;

fn register(index: u8) -> u8 {
    // SAFETY: bit 7 of the index, which would mask NMIs, is 0; the data port then reads the
    // register without effect.
    unsafe {
        Port::new(INDEX).write(index);
        Port::new(DATA).read()
    }
}

/// Seconds since 1970 by the CMOS clock, which is assumed to run in UTC; `None` if its date is
/// invalid.
pub fn read() -> Option<i64> {
    let mut previous = None;
    // An update in the middle of a reading is excluded by two equal readings.
    for _ in 0..10 {
        for _ in 0..MAX_POLLS {
            if register(STATUS_A) & 0x80 == 0 {
                break;
            }
        }
        let reading = REGISTERS.map(register);
        if previous == Some(reading) {
            return decode(reading, register(STATUS_B));
        }
        previous = Some(reading);
    }
    None
}

fn decode(reading: [u8; 7], status_b: u8) -> Option<i64> {
    let number = |raw: u8| match status_b & 0b100 {
        0 => (raw >> 4) * 10 + (raw & 0xf),
        _ => raw,
    };
    let [second, minute, _, day, month, year, century] = reading.map(|raw| i64::from(number(raw)));
    let pm = reading[2] & 0x80 != 0;
    let hour = i64::from(number(reading[2] & 0x7f));
    let hour = match (status_b & 0b10 != 0, pm) {
        (true, _) => hour,
        // 12 AM is midnight, 12 PM is noon.
        (false, false) => hour % 12,
        (false, true) => hour % 12 + 12,
    };
    // On a machine without a century register the byte has another use.
    let year = match century {
        19..=22 => century * 100 + year,
        _ => {
            if year < 70 {
                2000 + year
            } else {
                1900 + year
            }
        }
    };
    let sane = second < 60
        && minute < 60
        && hour < 24
        && (1..=31).contains(&day)
        && (1..=12).contains(&month);
    sane.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1 January 1970 to a date of the Gregorian calendar. The year begins in March, so
/// that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    // Months from March on have 31 30 31 30 31 31 30 31 30 31 31 days: 153 in five.
    let day_of_year = (153 * months + 2) / 5 + day - 1;
    // From 1 March of year 0 to 1 January 1970 it is 719,468 days.
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{days, decode};
    use crate::kernel_test;

    kernel_test!(
        fn days_follow_the_gregorian_calendar() {
            assert_eq!(days(1970, 1, 1), 0);
            assert_eq!(days(2000, 2, 29), 11_016);
            assert_eq!(days(2000, 3, 1), 11_017);
            assert_eq!(days(2024, 1, 1), 19_723);
            assert_eq!(days(2100, 3, 1), 47_541);
        }
    );

    kernel_test!(
        fn all_four_rtc_formats_decode_to_the_same_date() {
            let noon_past = Some(19_723 * 86_400 + 12 * 3600 + 34 * 60 + 56);
            let bcd = [0x56, 0x34, 0x12, 0x01, 0x01, 0x24, 0x20];
            assert_eq!(decode(bcd, 0b010), noon_past);
            assert_eq!(
                decode([0x56, 0x34, 0x92, 0x01, 0x01, 0x24, 0x20], 0b000),
                noon_past
            );
            let binary = [56, 34, 12, 1, 1, 24, 20];
            assert_eq!(decode(binary, 0b110), noon_past);
            assert_eq!(decode([56, 34, 12 | 0x80, 1, 1, 24, 20], 0b100), noon_past);
            // Midnight is 12 AM; an invalid century is ignored.
            assert_eq!(
                decode([0, 0, 0x12, 0x01, 0x01, 0x24, 0x00], 0b000),
                Some(19_723 * 86_400)
            );
            assert_eq!(decode([0xff; 7], 0xff), None);
        }
    );
}
