//! The bound tree: columns by number, types checked, conversions explicit.

use std::collections::BTreeSet;

use super::function::Function;
use super::like::{LikeStyle, Pattern};
use super::types::Type;
use crate::dynamic::{DataType, Value};

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) result_type: Type,
    pub(super) kind: Kind,
}

/// What a part does. Operands that are compared or calculated with have the same type, but for moments and intervals.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    Column(usize),
    Cast(Box<Node>, DataType),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    Compare(Comparison, Box<[Node; 2]>),
    /// `<=>`: null equals null.
    SameAs(Box<[Node; 2]>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    /// `IS TRUE` or `IS FALSE`.
    Is(bool, Box<Node>),
    /// Value, low, high.
    Between(Box<[Node; 3]>),
    In(Box<Node>, Vec<Node>),
    /// A pattern that is the same for all rows; `None` if it ends in its escape.
    Like(Box<Node>, Option<Pattern>),
    /// Text and pattern.
    LikeComputed(Box<[Node; 2]>, LikeStyle),
    Case(Box<Case>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    /// What the conditions are compared with; without it they are predicates.
    pub(super) operand: Option<Node>,
    pub(super) branches: Vec<[Node; 2]>,
    pub(super) otherwise: Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Node {
    pub(super) fn new(result_type: Type, kind: Kind) -> Self {
        Self { result_type, kind }
    }

    pub(super) fn predicate(kind: Kind) -> Self {
        Self::new(Type::BOOL, kind)
    }

    pub(super) fn null() -> Self {
        Self::new(Type::Null, Kind::Literal(Value::Null))
    }

    /// This part, its values turned into those of `to`; whether that can be, the caller has asked.
    pub(super) fn cast(self, to: DataType) -> Self {
        match self {
            same if same.result_type == Type::Data(to) => same,
            Self { kind: Kind::Literal(Value::Null), .. } => Self::new(to.into(), Kind::Literal(Value::Null)),
            other => Self::new(to.into(), Kind::Cast(Box::new(other), to)),
        }
    }

    /// This part as one of type `to`, which it [becomes](Type::becomes).
    pub(super) fn into_type(self, to: Type) -> Self {
        match to {
            Type::Data(data_type) => self.cast(data_type),
            Type::Interval | Type::Null => Self { result_type: to, kind: self.kind },
        }
    }

    /// The numbers of the columns that are read, ascending.
    pub(super) fn columns(&self) -> Vec<usize> {
        let mut columns = BTreeSet::new();
        let mut pending = vec![self];
        while let Some(node) = pending.pop() {
            if let Kind::Column(index) = node.kind {
                columns.insert(index);
            }
            node.push_operands(&mut pending);
        }
        columns.into_iter().collect()
    }

    fn push_operands<'a>(&'a self, pending: &mut Vec<&'a Self>) {
        match &self.kind {
            Kind::Literal(_) | Kind::Column(_) => {}
            Kind::Cast(operand, _)
            | Kind::Negate(operand)
            | Kind::Not(operand)
            | Kind::IsNull(operand)
            | Kind::Is(_, operand)
            | Kind::Like(operand, _) => pending.push(operand),
            Kind::Arithmetic(_, pair)
            | Kind::Compare(_, pair)
            | Kind::SameAs(pair)
            | Kind::And(pair)
            | Kind::Or(pair)
            | Kind::LikeComputed(pair, _) => pending.extend(pair.iter()),
            Kind::Between(three) => pending.extend(three.iter()),
            Kind::In(operand, list) => {
                pending.push(operand);
                pending.extend(list);
            }
            Kind::Case(case) => {
                pending.extend(&case.operand);
                pending.extend(case.branches.iter().flatten());
                pending.push(&case.otherwise);
            }
            Kind::Call(_, arguments) => pending.extend(arguments),
        }
    }
}
