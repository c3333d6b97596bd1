//! /proc/PID/{oom_score,oom_score_adj,oom_adj}: priority of a process for the OOM killer
//! (fs/proc/base.c).

use core::num::IntErrorKind;

use super::subject::Subject;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::mm::fallible::{Text, put};
use crate::mm::frame;
use crate::process::capability::capable;
use crate::process::oom;
use crate::process::oom_score::Adjustment;

/// Limits of oom_adj, the scale before oom_score_adj: -17 disables killing.
const OLD_NEVER: i64 = -17;
const OLD_MOST: i64 = 15;

/// Writes oom_score: 0 to 2000, from the badness of the process with its adjustment
/// (proc_oom_score).
pub(super) fn score(subject: &Subject, text: &mut Text) {
    let (_, all) = frame::statistics();
    let points = oom::badness(&subject.process)
        .map_or(0, |badness| (1000 + badness * 1000 / all as i64) * 2 / 3);
    put!(text, "{points}\n");
}

pub(super) fn score_adj(subject: &Subject, text: &mut Text) {
    put!(text, "{}\n", subject.process.oom.get());
}

pub(super) fn adj(subject: &Subject, text: &mut Text) {
    let value = i64::from(subject.process.oom.get());
    let old = if value == i64::from(Adjustment::MOST) {
        OLD_MOST
    } else {
        value * -OLD_NEVER / 1000
    };
    put!(text, "{old}\n");
}

pub(super) fn set_score_adj(subject: &Subject, text: &[u8]) -> Result<(), Errno> {
    let value = number(text)?;
    let range = i64::from(Adjustment::NEVER)..=i64::from(Adjustment::MOST);
    if !range.contains(&value) {
        return Err(Errno::EINVAL);
    }
    set(subject, value as i16)
}

pub(super) fn set_adj(subject: &Subject, text: &[u8]) -> Result<(), Errno> {
    let value = match number(text)? {
        OLD_MOST => i64::from(Adjustment::MOST),
        value if (OLD_NEVER..OLD_MOST).contains(&value) => value * 1000 / -OLD_NEVER,
        _ => return Err(Errno::EINVAL),
    };
    set(subject, value as i16)
}

fn set(subject: &Subject, value: i16) -> Result<(), Errno> {
    let is_capable = capable(Caps::SYS_RESOURCE);
    if subject.process.oom.set(value, is_capable) {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

/// Parses a number like kstrtoint with base 0: decimal, octal after 0, hexadecimal after 0x.
fn number(text: &[u8]) -> Result<i64, Errno> {
    let text = core::str::from_utf8(text.trim_ascii()).map_err(|_| Errno::EINVAL)?;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Errno::EINVAL);
    }
    let value = i64::from_str_radix(digits, radix).map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => Errno::ERANGE,
        _ => Errno::EINVAL,
    })?;
    let value = if is_negative { -value } else { value };
    i32::try_from(value).map_or(Err(Errno::ERANGE), |value| Ok(value.into()))
}
