//! Aggregates over columns.

use headwater::aggregate::QuantileOutOfRange;

use super::error::DeclarationReason;
use super::{Checked, column};
use crate::declared::BoundAggregate;
use crate::declared::declaration::{AggregateCall, AggregateFunction};
use crate::dynamic::{Column, DataType, Schema};

/// The aggregate and the column that it answers.
pub(super) fn call(call: &AggregateCall, schema: &Schema, field: &str) -> Checked<(BoundAggregate, Column)> {
    takes_what_it_is_given(call, field)?;
    let arguments = Arguments { call, schema, field };
    let (bound, data_type) = arguments.bind()?;
    Ok((bound, Column::new(&call.name, data_type)))
}

fn takes_what_it_is_given(call: &AggregateCall, field: &str) -> Checked<()> {
    use AggregateFunction::{CountDistinct, First, Last, MaxBy, MinBy, Quantile};
    if call.function == CountDistinct {
        return Err(DeclarationReason::ExactDistinct.at(format!("{field}.function")));
    }
    let given = [
        ("by", call.by.is_some(), matches!(call.function, MaxBy | MinBy)),
        ("ignore_nulls", call.ignore_nulls, matches!(call.function, First | Last)),
        ("p", call.p.is_some(), call.function == Quantile),
    ];
    match given.iter().find(|(_, given, taken)| *given && !taken) {
        Some((name, ..)) => Err(DeclarationReason::NotTaken.at(format!("{field}.{name}"))),
        None => Ok(()),
    }
}

struct Arguments<'a> {
    call: &'a AggregateCall,
    schema: &'a Schema,
    field: &'a str,
}

impl Arguments<'_> {
    fn bind(&self) -> Checked<(BoundAggregate, DataType)> {
        use AggregateFunction as Function;
        use BoundAggregate as Bound;
        let double =
            |bound: fn(usize) -> Bound| self.number().map(|(column, _)| (bound(column), DataType::Double));
        let any = |bound: fn(usize) -> Bound| self.column().map(|(column, found)| (bound(column), found));
        let long =
            |bound: fn(usize) -> Bound| self.column().map(|(column, _)| (bound(column), DataType::Long));
        match self.call.function {
            Function::Count if self.call.column.is_none() => Ok((Bound::CountRows, DataType::Long)),
            Function::Count => long(|column| Bound::Count { column }),
            Function::ApproxCountDistinct => long(|column| Bound::ApproxCountDistinct { column }),
            Function::CountDistinct => Err(DeclarationReason::ExactDistinct.at(self.at("function"))),
            Function::Sum => Ok(match self.number()? {
                (column, DataType::Double) => (Bound::SumOfDoubles { column }, DataType::Double),
                (column, _) => (Bound::SumOfIntegers { column }, DataType::Long),
            }),
            Function::Avg => double(|column| Bound::Mean { column }),
            Function::StddevSamp => double(|column| Bound::Stddev { column }),
            Function::StddevPop => double(|column| Bound::StddevPop { column }),
            Function::VarSamp => double(|column| Bound::Variance { column }),
            Function::VarPop => double(|column| Bound::VariancePop { column }),
            Function::Min => any(|column| Bound::Min { column }),
            Function::Max => any(|column| Bound::Max { column }),
            Function::First if self.call.ignore_nulls => any(|column| Bound::FirstNonNull { column }),
            Function::First => any(|column| Bound::First { column }),
            Function::Last if self.call.ignore_nulls => any(|column| Bound::LastNonNull { column }),
            Function::Last => any(|column| Bound::Last { column }),
            Function::MaxBy => {
                let ((column, found), by) = (self.column()?, self.by()?);
                Ok((Bound::MaxBy { column, by }, found))
            }
            Function::MinBy => {
                let ((column, found), by) = (self.column()?, self.by()?);
                Ok((Bound::MinBy { column, by }, found))
            }
            Function::Quantile => {
                let ((column, _), quantile) = (self.number()?, self.quantile()?);
                Ok((Bound::Quantile { column, quantile }, DataType::Double))
            }
        }
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.field)
    }

    fn column(&self) -> Checked<(usize, DataType)> {
        let name = self.needed(self.call.column.as_ref(), "column")?;
        column::column(self.schema, name, &self.at("column"))
    }

    fn number(&self) -> Checked<(usize, DataType)> {
        let name = self.needed(self.call.column.as_ref(), "column")?;
        column::number(self.schema, name, &self.at("column"))
    }

    fn by(&self) -> Checked<usize> {
        let name = self.needed(self.call.by.as_ref(), "by")?;
        column::column(self.schema, name, &self.at("by")).map(|(column, _)| column)
    }

    fn quantile(&self) -> Checked<f64> {
        let quantile = *self.needed(self.call.p.as_ref(), "p")?;
        if (0.0..=1.0).contains(&quantile) {
            Ok(quantile)
        } else {
            Err(DeclarationReason::Quantile(QuantileOutOfRange { quantile }).at(self.at("p")))
        }
    }

    fn needed<'a, T: ?Sized>(&self, argument: Option<&'a T>, name: &str) -> Checked<&'a T> {
        argument.ok_or_else(|| DeclarationReason::Missing.at(self.at(name)))
    }
}
