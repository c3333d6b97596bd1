//! Counter cycles to nanoseconds: a multiplication and a shift, exact to the last bit.
//!
//! nanoseconds = (base + cycles x mult) >> [`SHIFT`], where `base` is in units of
//! 2^-[`SHIFT`] ns. The code the vDSO uses divides by no variable, and calls no library function:
//! the 32-bit vDSO has none. Used by [`crate::reader`] and [`crate::writer`].

/// Fraction bits of a nanosecond in a base and in a multiplier. With 28, a 32-bit multiplier suits
/// any counter from 62.5 MHz, with an error below 0.01 ppm at 4 GHz.
pub const SHIFT: u32 = 28;

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: u32 = 1_000_000_000;

/// One second in units of 2^-[`SHIFT`] ns.
pub const SHIFTED_SEC: u64 = (NANOS_PER_SEC as u64) << SHIFT;

/// A time or a duration: whole seconds, and nanoseconds below one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Whole seconds; negative before the clock's epoch.
    pub seconds: i64,
    /// Nanoseconds, 0..1_000_000_000.
    pub nanos: u32,
}

/// The maximum number of cycles for [`near`] at multiplier `mult`: three seconds, so that the sum
/// with the base is below 2^32 ns.
// ANCHOR: near-limit
pub const fn near_limit(mult: u32) -> u32 {
    let cycles = 3 * SHIFTED_SEC / if mult == 0 { 1 } else { mult as u64 };
    if cycles > u32::MAX as u64 {
        u32::MAX
    } else {
        cycles as u32
    }
}
// ANCHOR_END: near-limit

/// The usual case: nanoseconds at `delta` cycles after a base of `nanos` (shifted, below one
/// second). `delta` is at most [`near_limit`] of `mult`. The result is below four seconds.
#[inline(always)]
// ANCHOR: near
pub fn near(delta: u32, mult: u32, nanos: u64) -> u32 {
    ((u64::from(delta) * u64::from(mult) + nanos) >> SHIFT) as u32
}
// ANCHOR_END: near

/// The rare case, any `delta`: seconds and nanoseconds at `delta` cycles after the base. A counter
/// before the base (a negative `delta`) is treated as the base.
#[cold]
pub fn far(delta: u64, mult: u32, nanos: u64) -> Time {
    let delta = if delta as i64 >= 0 { delta } else { 0 };
    // The product has 96 bits: the low and high half of `delta` are multiplied separately.
    let (low, carry) = ((delta & 0xffff_ffff) * u64::from(mult)).overflowing_add(nanos);
    let low = (low >> SHIFT) + (u64::from(carry) << (64 - SHIFT));
    let high = (delta >> 32) * u64::from(mult);
    // total >> 28 = (high << 4) + low; `high` is reduced below one second first, so that the shift
    // cannot overflow.
    let (seconds_high, rest) = split_seconds(high);
    let (seconds_low, nanos) = split_seconds((u64::from(rest) << (32 - SHIFT)) + low);
    Time {
        seconds: ((seconds_high << (32 - SHIFT)) + seconds_low) as i64,
        nanos,
    }
}

/// Whole seconds in `nanos`, and the rest: long division, one bit of the quotient per step.
fn split_seconds(nanos: u64) -> (u64, u32) {
    let (mut quotient, mut rest) = (0, nanos);
    // 2^34 seconds are more than 2^63 ns; 10^9 << 34 still fits.
    let mut bit = 34;
    loop {
        let part = u64::from(NANOS_PER_SEC) << bit;
        if rest >= part {
            rest -= part;
            quotient += 1u64 << bit;
        }
        if bit == 0 {
            return (quotient, rest as u32);
        }
        bit -= 1;
    }
}

/// The multiplier for a counter of `hertz`, rounded to nearest. None below 62.5 MHz: see [`SHIFT`].
pub const fn mult_for(hertz: u64) -> Option<u32> {
    if hertz == 0 {
        return None;
    }
    // ANCHOR: mult-for
    let mult = (SHIFTED_SEC + hertz / 2) / hertz;
    // ANCHOR_END: mult-for
    if mult > u32::MAX as u64 {
        None
    } else {
        Some(mult as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The exact result, computed in 128 bits.
    fn exact(delta: u64, mult: u32, nanos: u64) -> Time {
        let total = (u128::from(delta) * u128::from(mult) + u128::from(nanos)) >> SHIFT;
        let second = u128::from(NANOS_PER_SEC);
        Time {
            seconds: (total / second) as i64,
            nanos: (total % second) as u32,
        }
    }

    proptest! {
        #[test]
        fn near_is_exact(part in 0..=u32::MAX, mult in 1..=u32::MAX, nanos in 0..SHIFTED_SEC) {
            let delta = ((u64::from(part) * u64::from(near_limit(mult))) >> 32) as u32;
            for delta in [delta, 0, near_limit(mult)] {
                let expected = exact(delta.into(), mult, nanos);
                let got = near(delta, mult, nanos);
                prop_assert_eq!(i64::from(got / NANOS_PER_SEC), expected.seconds);
                prop_assert_eq!(got % NANOS_PER_SEC, expected.nanos);
            }
        }

        #[test]
        fn far_is_exact(delta in 0..=i64::MAX as u64, bits in 0..63u32, mult: u32, nanos in 0..SHIFTED_SEC) {
            for delta in [delta, delta >> bits] {
                prop_assert_eq!(far(delta, mult, nanos), exact(delta, mult, nanos));
            }
        }

        #[test]
        fn before_the_base_is_the_base(delta in i64::MIN..0, mult: u32, nanos in 0..SHIFTED_SEC) {
            prop_assert_eq!(far(delta as u64, mult, nanos), exact(0, mult, nanos));
        }

        #[test]
        fn mult_is_the_nearest(hertz in 62_500_001u64..20_000_000_000) {
            let mult = u128::from(mult_for(hertz).unwrap());
            let error = (mult * u128::from(hertz)).abs_diff(u128::from(SHIFTED_SEC));
            prop_assert!(error * 2 <= u128::from(hertz) + 1);
        }
    }

    #[test]
    fn limits() {
        assert_eq!(
            far(i64::MAX as u64, u32::MAX, SHIFTED_SEC - 1),
            exact(i64::MAX as u64, u32::MAX, SHIFTED_SEC - 1)
        );
        assert_eq!(mult_for(1_000_000_000), Some(1 << SHIFT));
        assert_eq!(mult_for(62_000_000), None);
        assert_eq!(mult_for(0), None);
    }
}
