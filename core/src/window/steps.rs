//! Division of times by a span that does not change, by multiplication.

use crate::time::{Span, Timestamp};

/// Moments `step` apart, one of them at `offset` after 1970: where windows or panes start.
///
/// A row asks for the last of them at or before its time, which is a division. A processor without a 64-bit divider takes some 280
/// instructions for one, so the reciprocal is worked out once and rows multiply (the idea of Granlund and Montgomery, "Division by
/// Invariant Integers using Multiplication", PLDI 1994). The quotient so found is the true one or one less, which one comparison
/// of the remainder puts right.
///
/// Times count from the earliest one, [`Timestamp::MIN`], so that none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    step: u64,
    /// (2^64 - 1) / step.
    reciprocal: u64,
    /// How far the earliest time lies after the last of the moments before it.
    phase: u64,
}

impl Steps {
    /// Steps of `step`; a step of zero counts as one microsecond.
    pub(super) const fn of(step: Span, offset: Span) -> Self {
        let step = if step.is_zero() { 1 } else { step.as_micros().unsigned_abs() };
        // `step` is not zero, so there is a quotient.
        let reciprocal = match u64::MAX.checked_div(step) {
            Some(reciprocal) => reciprocal,
            None => 0,
        };
        Self { step, reciprocal, phase: 0 }.with_offset(offset)
    }

    pub(super) const fn with_offset(self, offset: Span) -> Self {
        // 2^63 microseconds before 1970, and `offset` after one of the moments.
        let before = self.divide(offset.as_micros().unsigned_abs().wrapping_add(1 << 63)).1;
        Self { phase: if before == 0 { 0 } else { self.step.wrapping_sub(before) }, ..self }
    }

    /// The last of the moments at or before `at`; saturates at [`Timestamp::MIN`].
    #[inline]
    pub(super) const fn at_or_before(&self, at: Timestamp) -> Timestamp {
        let since = at.as_micros().cast_unsigned() ^ (1 << 63);
        let (dividend, past_end) = since.overflowing_add(self.phase);
        // A step less leaves the same remainder.
        let dividend = if past_end { dividend.wrapping_sub(self.step) } else { dividend };
        let start = match since.checked_sub(self.divide(dividend).1) {
            Some(start) => start,
            None => 0,
        };
        Timestamp::from_micros((start ^ (1 << 63)).cast_signed())
    }

    /// How many whole steps a span has.
    #[inline]
    pub(super) const fn in_span(&self, span: Span) -> u64 {
        self.divide(span.as_micros().unsigned_abs()).0
    }

    /// The span of `micros` without what is left over whole steps.
    #[inline]
    pub(super) fn whole(&self, micros: u64) -> Span {
        let whole = micros.wrapping_sub(self.divide(micros).1);
        i64::try_from(whole).ok().and_then(Span::from_micros).unwrap_or(Span::ZERO)
    }

    /// Quotient and remainder by the step. The reciprocal is too small by less than 1, so for `dividend` below 2^64 the quotient is too small
    /// by at most 1.
    #[inline]
    const fn divide(&self, dividend: u64) -> (u64, u64) {
        let quotient = high_half(dividend, self.reciprocal);
        let remainder = dividend.wrapping_sub(quotient.wrapping_mul(self.step));
        if remainder >= self.step {
            return (quotient.wrapping_add(1), remainder.wrapping_sub(self.step));
        }
        (quotient, remainder)
    }
}

/// The high 64 bits of a product: one instruction where registers have 64 bits.
#[cfg(target_pointer_width = "64")]
#[inline]
const fn high_half(a: u64, b: u64) -> u64 {
    ((a as u128).wrapping_mul(b as u128) >> 64) as u64
}

/// The high 64 bits of a product, from four products of halves.
#[cfg(not(target_pointer_width = "64"))]
#[inline]
const fn high_half(a: u64, b: u64) -> u64 {
    let (a_low, a_high) = (a as u32 as u64, a >> 32);
    let (b_low, b_high) = (b as u32 as u64, b >> 32);
    // None of these sums can reach 2^64: a product of halves is at most 2^64 - 2^33 + 1.
    let middle = a_high.wrapping_mul(b_low).wrapping_add(a_low.wrapping_mul(b_low) >> 32);
    let crossed = a_low.wrapping_mul(b_high).wrapping_add(middle as u32 as u64);
    a_high.wrapping_mul(b_high).wrapping_add(middle >> 32).wrapping_add(crossed >> 32)
}
