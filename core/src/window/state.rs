/// Windows that rows open and close: a row for which `opens` holds opens one where none is open, the first row from there on, itself
/// among them, for which `closes` holds closes it. Both belong to it.
///
/// Rows count in order of arrival; event time means nothing here and no row is late (as in the event windows of `TDengine`).
#[derive(Debug, Clone, Copy)]
pub struct StateWindow<O, C> {
    pub(crate) opens: O,
    pub(crate) closes: C,
}

impl<O, C> StateWindow<O, C> {
    /// Windows between two predicates over a row.
    pub const fn new(opens: O, closes: C) -> Self {
        Self { opens, closes }
    }
}
