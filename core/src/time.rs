//! Event time: [`Timestamp`], a moment, and [`Span`], a length of time.
//!
//! Both count microseconds, as Spark's `TIMESTAMP` does. Arithmetic saturates at the ends of the range
//! (the years -290308 and 294247), so no row, however damaged its clock, can overflow the engine.

use core::fmt;

use serde::{Deserialize, Serialize, Serializer};

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_PER_SEC: i64 = 1_000_000;

/// A moment in time: microseconds since 1970-01-01T00:00:00 UTC, negative before it.
///
/// ```
/// use headwater::{Span, Timestamp};
/// let at = Timestamp::from_millis(1_500);
/// assert_eq!(at + Span::millis(500), Timestamp::from_secs(2));
/// assert_eq!(Timestamp::from_millis(-1).as_micros(), -1_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Serialize for Timestamp {
    // By hand to be inlined: most records of a checkpoint hold one.
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl Timestamp {
    /// 1970-01-01T00:00:00 UTC.
    pub const EPOCH: Self = Self(0);
    /// The earliest moment that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// The last moment that can be written.
    pub const MAX: Self = Self(i64::MAX);
    /// How far from 1970 an event time may lie, before and after: 2^61 microseconds, about 73,000 years. A row beyond counts
    /// as one without event time, so that windows around it stay inside what can be written.
    pub const EVENT_TIME_MAX: Self = Self(1 << 61);

    /// The moment `micros` microseconds after 1970 UTC.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `millis` milliseconds after 1970 UTC, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MICROS_PER_MILLI))
    }

    /// The moment `secs` seconds after 1970 UTC, saturating.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SEC))
    }

    /// Microseconds since 1970 UTC.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970 UTC, rounded towards the past.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        if cfg!(target_pointer_width = "64") {
            return self.0.div_euclid(MICROS_PER_MILLI);
        }
        // Rounded towards the past: of a negative number what its complement gives, complemented.
        let sign = self.0 >> 63;
        thousandths((self.0 ^ sign).cast_unsigned()).cast_signed() ^ sign
    }

    /// The moment `span` later, saturating at [`Timestamp::MAX`].
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, span: Span) -> Self {
        // A span is never negative, so a sum is less only where it wrapped. Cheaper than to saturate either way.
        let later = self.0.wrapping_add(span.0);
        if later < self.0 { Self::MAX } else { Self(later) }
    }

    /// The moment `span` earlier, saturating at [`Timestamp::MIN`].
    #[must_use]
    #[inline]
    pub const fn saturating_sub(self, span: Span) -> Self {
        let earlier = self.0.wrapping_sub(span.0);
        if earlier > self.0 { Self::MIN } else { Self(earlier) }
    }

    /// Whether this can be a row's event time: see [`Timestamp::EVENT_TIME_MAX`].
    #[must_use]
    #[inline]
    pub const fn is_event_time(self) -> bool {
        // Both bounds in one comparison: what lies before the first wraps to a large number.
        let past_first = self.0.wrapping_add(Self::EVENT_TIME_MAX.0).cast_unsigned();
        past_first <= 2 * Self::EVENT_TIME_MAX.0.cast_unsigned()
    }

    /// How long `earlier` lies before this moment; [`Span::ZERO`] if it does not, saturating at [`Span::MAX`].
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        if earlier.0 >= self.0 { Span::ZERO } else { Span(self.0.saturating_sub(earlier.0)) }
    }
}

/// `value / 1000` in digits of 16 bits, for processors that divide 32 bits by 32 and have no instruction for more.
const fn thousandths(value: u64) -> u64 {
    let (mut quotient, mut remainder, mut rest, mut digits) = (0, 0_u32, value, 4_u8);
    while digits > 0 {
        let part = (remainder << 16) | (rest >> 48) as u32;
        quotient = (quotient << 16) | (part / 1_000) as u64;
        remainder = part % 1_000;
        rest <<= 16;
        digits = digits.wrapping_sub(1);
    }
    quotient
}

impl core::ops::Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        self.saturating_add(span)
    }
}

impl core::ops::Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        self.saturating_sub(span)
    }
}

/// Shows microseconds since 1970 with their unit, for instance `1500000us`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

/// A length of time in microseconds, never negative.
///
/// ```
/// use headwater::Span;
/// assert_eq!(Span::mins(10), Span::secs(600));
/// assert_eq!(Span::from_micros(-1), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span that can be written, about 292,000 years.
    pub const MAX: Self = Self(i64::MAX);
    /// The longest window: 2^60 microseconds, about 36,500 years.
    pub const WINDOW_MAX: Self = Self(1 << 60);

    /// A span of `micros` microseconds, or `None` if that is negative.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < 0 { None } else { Some(Self(micros)) }
    }

    /// A span of `micros` microseconds.
    #[must_use]
    pub const fn micros(micros: u32) -> Self {
        Self(micros as i64)
    }

    /// A span of `millis` milliseconds.
    #[must_use]
    pub const fn millis(millis: u32) -> Self {
        Self(millis as i64 * MICROS_PER_MILLI)
    }

    /// A span of `secs` seconds.
    #[must_use]
    pub const fn secs(secs: u32) -> Self {
        Self(secs as i64 * MICROS_PER_SEC)
    }

    /// A span of `mins` minutes.
    #[must_use]
    pub const fn mins(mins: u32) -> Self {
        Self((mins as i64 * 60).saturating_mul(MICROS_PER_SEC))
    }

    /// A span of `hours` hours, saturating at [`Span::MAX`].
    #[must_use]
    pub const fn hours(hours: u32) -> Self {
        Self((hours as i64 * 3_600).saturating_mul(MICROS_PER_SEC))
    }

    /// A span of `days` days, saturating at [`Span::MAX`].
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self((days as i64 * 86_400).saturating_mul(MICROS_PER_SEC))
    }

    /// Both together, saturating at [`Span::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Microseconds, at least 0.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MILLI)
    }

    /// Whether this is [`Span::ZERO`].
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Refuses a negative number of microseconds.
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        Self::from_micros(micros).ok_or_else(|| serde::de::Error::custom("a span is never negative"))
    }
}

/// Shows microseconds with their unit, for instance `1500000us`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

/// What a query accepts as a row's event time: a [`Timestamp`], or an `Option` of one where it may be missing.
///
/// A row without event time is in no window and does not move the watermark, as in Spark
/// (a null event time).
pub trait EventTime {
    /// The moment, or `None` for a row without one.
    fn event_time(self) -> Option<Timestamp>;
}

impl EventTime for Timestamp {
    fn event_time(self) -> Option<Timestamp> {
        Some(self)
    }
}

impl EventTime for Option<Timestamp> {
    fn event_time(self) -> Option<Timestamp> {
        self
    }
}

/// The earlier of two moments, or the shorter of two spans, if there is any.
pub(crate) fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
