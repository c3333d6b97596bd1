//! Structures of calls on time.

use linux_raw_sys::general as linux;

use crate::mm::fallible::put;
use crate::trace::call::Fields;
use crate::trace::text::Text;

/// struct timespec: two longs.
pub fn timespec(out: &mut Text, fields: &mut Fields) {
    put!(
        out,
        "{{tv_sec={}, tv_nsec={}}}",
        fields.signed_long(),
        fields.signed_long()
    );
}

/// struct __kernel_timespec: 64-bit fields in both tables.
pub fn timespec64(out: &mut Text, fields: &mut Fields) {
    fields.wide = true;
    timespec(out, fields);
}

/// struct timeval: two longs.
pub fn timeval(out: &mut Text, fields: &mut Fields) {
    put!(
        out,
        "{{tv_sec={}, tv_usec={}}}",
        fields.signed_long(),
        fields.signed_long()
    );
}

/// struct timezone: two ints.
pub fn timezone(out: &mut Text, fields: &mut Fields) {
    put!(
        out,
        "{{tz_minuteswest={}, tz_dsttime={}}}",
        fields.i32(),
        fields.i32()
    );
}

/// struct itimerval: two struct timeval.
pub fn itimerval(out: &mut Text, fields: &mut Fields) {
    out.add("{it_interval=");
    timeval(out, fields);
    out.add(", it_value=");
    timeval(out, fields);
    out.add("}");
}

/// struct itimerspec: two struct timespec.
pub fn itimerspec(out: &mut Text, fields: &mut Fields) {
    out.add("{it_interval=");
    timespec(out, fields);
    out.add(", it_value=");
    timespec(out, fields);
    out.add("}");
}

/// struct itimerspec with 64-bit fields in both tables.
pub fn itimerspec64(out: &mut Text, fields: &mut Fields) {
    fields.wide = true;
    itimerspec(out, fields);
}

/// utimensat(2)'s two struct timespec.
pub fn times(out: &mut Text, fields: &mut Fields) {
    for (before, after) in [("[", ", "), ("", "]")] {
        let (seconds, nanoseconds) = (fields.signed_long(), fields.signed_long());
        out.add(before);
        match u32::try_from(nanoseconds) {
            Ok(linux::UTIME_NOW) => out.add("UTIME_NOW"),
            Ok(linux::UTIME_OMIT) => out.add("UTIME_OMIT"),
            _ => {
                put!(out, "{{tv_sec={seconds}, tv_nsec={nanoseconds}}} /* ");
                date(out, seconds, nanoseconds);
                out.add(" */");
            }
        }
        out.add(after);
    }
}

/// utimensat(2)'s two struct timespec with 64-bit fields in both tables.
pub fn times64(out: &mut Text, fields: &mut Fields) {
    fields.wide = true;
    times(out, fields);
}

/// utimes(2)'s two struct timeval.
pub fn utimes(out: &mut Text, fields: &mut Fields) {
    for (before, after) in [("[", ", "), ("", "]")] {
        let (seconds, microseconds) = (fields.signed_long(), fields.signed_long());
        put!(
            out,
            "{before}{{tv_sec={seconds}, tv_usec={microseconds}}} /* "
        );
        date(out, seconds, microseconds.wrapping_mul(1000));
        put!(out, " */{after}");
    }
}

/// struct utimbuf: two longs.
pub fn utimbuf(out: &mut Text, fields: &mut Fields) {
    for (name, after) in [("{actime=", ", "), ("modtime=", "}")] {
        let seconds = fields.signed_long();
        put!(out, "{name}{seconds} /* ");
        date(out, seconds, 0);
        put!(out, " */{after}");
    }
}

/// time(2)'s result in memory: a long.
pub fn time(out: &mut Text, fields: &mut Fields) {
    let seconds = fields.signed_long();
    put!(out, "[{seconds} /* ");
    date(out, seconds, 0);
    out.add(" */]");
}

/// Prints seconds since 1970 as a date: `2026-11-23T14:27:51+0000`.
pub fn date(out: &mut Text, seconds: i64, nanoseconds: i64) {
    let days = seconds.div_euclid(86400);
    let second = seconds.rem_euclid(86400);
    // Years that start in March, so that the leap day is the last: 400 years have 146097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on the months repeat 31, 30, 31, 30, 31 days: 153 for five months.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    put!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    );
    if nanoseconds % 1000 != 0 {
        put!(out, ".{nanoseconds:09}");
    } else if nanoseconds != 0 {
        put!(out, ".{:06}", nanoseconds / 1000);
    }
    out.add("+0000");
}
