//! The plans that begin with a join of two streams.

use headwater::operator::JoinType as Kind;
use headwater::{Stream, TimeRange};

use super::inputs::Inputs;
use super::plans::{Lowered, Lowering};
use super::results::Widths;
use super::table::key;
use super::{INPUTS_MAX, PlanVisitor, Sides};
use crate::declared::DeclaredJoinType;
use crate::declared::check::DeclarationReason;
use crate::declared::checked::{CheckedAsOfJoin, CheckedJoin};
use crate::dynamic::Row;
use crate::expression::Expression;

impl<V: PlanVisitor> Lowering<'_, V> {
    /// Outer joins and semi joins are one type, inner joins are others: only of those do results come once in every output mode.
    pub(super) fn join(mut self, left: Inputs, right: Inputs, join: &CheckedJoin) -> Lowered<V> {
        let (policy, on_full) = (self.query.watermark_policy.into(), self.query.on_full);
        self.sides = sides(&right);
        // Of a semi join only the left side comes out.
        let right_width =
            if join.join_type == DeclaredJoinType::LeftSemi { 0 } else { join.right.schema.len() };
        self.widths = Widths { left: join.left.schema.len(), right: right_width };
        let joined = Stream::from_stages(left)
            .join(Stream::from_stages(right))
            .on(
                key_of(&join.keys.left, join.keys.nulls_match),
                key_of(&join.keys.right, join.keys.nulls_match),
            )
            .and(condition(join.condition.clone()))
            .watermarks(policy);
        let range = join.time_range.map(|range| TimeRange::micros(range.lower_micros, range.upper_micros));
        match (range, kind(join.join_type)) {
            (Some(range), Kind::Inner) => self.behind_rows(joined.within(range).inner()),
            (Some(range), kind) => self.behind_groups(joined.within(range).kind(kind)),
            (None, Kind::Inner) => self.behind_rows(joined.buffered(on_full).inner()),
            (None, _) => {
                let reason = DeclarationReason::OuterWithoutRange { join_type: join.join_type };
                Err(reason.at("query"))
            }
        }
    }

    pub(super) fn join_as_of(mut self, left: Inputs, right: Inputs, join: &CheckedAsOfJoin) -> Lowered<V> {
        self.sides = sides(&right);
        self.widths = Widths { left: join.left.schema.len(), right: join.right.schema.len() };
        let joined = Stream::from_stages(left)
            .as_of_join(
                Stream::from_stages(right),
                key_of(&join.keys.left, join.keys.nulls_match),
                key_of(&join.keys.right, join.keys.nulls_match),
                join.tolerance,
            )
            .watermarks(self.query.watermark_policy.into());
        self.behind_groups(joined.left_outer())
    }
}

/// The inputs of the right side.
fn sides(right: &Inputs) -> Sides {
    let mut sides = Sides { right: [false; INPUTS_MAX] };
    for (on_right, input) in sides.right.iter_mut().zip(&right.inputs) {
        *on_right = input.is_some();
    }
    sides
}

fn kind(join_type: DeclaredJoinType) -> Kind {
    match join_type {
        DeclaredJoinType::Inner => Kind::Inner,
        DeclaredJoinType::Left => Kind::LeftOuter,
        DeclaredJoinType::Right => Kind::RightOuter,
        DeclaredJoinType::Full => Kind::FullOuter,
        DeclaredJoinType::LeftSemi => Kind::LeftSemi,
    }
}

/// Reads the columns that rows are joined by.
fn key_of(columns: &[usize], nulls_match: bool) -> impl Fn(&Row) -> Option<Row> + Send + 'static {
    let columns: Box<[usize]> = columns.into();
    move |row| key(row, &columns, nulls_match)
}

/// What a pair must meet besides.
fn condition(condition: Option<Expression>) -> impl Fn(&Row, &Row) -> bool + Send + 'static {
    move |left, right| {
        condition.as_ref().is_none_or(|condition| condition.evaluate_predicate(&left.concat(right)))
    }
}
