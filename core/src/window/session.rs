use crate::time::Span;

/// Sessions: windows that hold rows no more than a gap apart.
///
/// A session is `[first event, last event + gap)`. Two rows exactly the gap apart are in one session, as in
/// Spark and Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    gap: Span,
}

impl Session {
    /// Sessions that end after `gap` without a row. With a gap of zero every row is outside all sessions.
    #[must_use]
    pub const fn with_gap(gap: Span) -> Self {
        Self { gap }
    }

    /// Sessions whose gap each row gives itself: a row at `t` with gap `g` holds its session open until `t + g`.
    ///
    /// A row with a gap of zero is in no session, as in Spark.
    pub const fn with_gap_by<F>(gap: F) -> SessionBy<F> {
        SessionBy { gap }
    }
}

/// Sessions with a gap for each row, from [`Session::with_gap_by`].
#[derive(Debug, Clone, Copy)]
pub struct SessionBy<F> {
    gap: F,
}

/// How long a row holds its session open.
pub trait SessionGap<T: ?Sized> {
    /// The gap after this row; zero for a row that belongs to no session.
    fn gap(&self, row: &T) -> Span;

    /// The gap if it is the same for all rows. It is part of the query's identity.
    fn fixed(&self) -> Option<Span>;
}

impl<T: ?Sized> SessionGap<T> for Session {
    fn gap(&self, _row: &T) -> Span {
        self.gap
    }

    fn fixed(&self) -> Option<Span> {
        Some(self.gap)
    }
}

impl<T: ?Sized, F: Fn(&T) -> Span> SessionGap<T> for SessionBy<F> {
    fn gap(&self, row: &T) -> Span {
        (self.gap)(row)
    }

    fn fixed(&self) -> Option<Span> {
        None
    }
}
