//! The parser's tree into the bound tree: names to columns, types checked.

use sqlparser::ast::{self, CaseWhen, Expr, Ident, UnaryOperator};

use super::error::ExpressionError;
use super::like::{LikeStyle, Pattern};
use super::tree::{Case, Kind, Node};
use super::types::Type;
use super::{cast, function, literal, operator};
use crate::dynamic::{Schema, Value};

/// How deep an expression may nest; evaluating goes as deep, twice where types are converted.
const DEPTH_MAX: usize = 100;

/// The bound tree of a whole expression.
pub(super) fn bind(expr: &Expr, schema: &Schema) -> Result<Node, ExpressionError> {
    Binder { schema, depth_left: DEPTH_MAX }.bind(expr)
}

/// Binds parts of an expression at one depth.
pub(super) struct Binder<'a> {
    schema: &'a Schema,
    depth_left: usize,
}

impl Binder<'_> {
    /// The bound tree of an operand, one deeper.
    pub(super) fn bind(&self, expr: &Expr) -> Result<Node, ExpressionError> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            return Err(ExpressionError::TooDeep { most: DEPTH_MAX });
        };
        Binder { schema: self.schema, depth_left }.bind_operands(expr)
    }

    fn boxed(&self, expr: &Expr) -> Result<Box<Node>, ExpressionError> {
        self.bind(expr).map(Box::new)
    }

    fn bind_operands(&self, expr: &Expr) -> Result<Node, ExpressionError> {
        match expr {
            Expr::Nested(inner) => self.bind(inner),
            Expr::Identifier(name) => self.column(name),
            Expr::Value(value) => literal::literal(&value.value),
            Expr::TypedString(typed) => literal::typed_string(typed),
            Expr::Interval(interval) => literal::interval(interval),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => self.negated(inner),
            Expr::UnaryOp { op, expr: inner } => operator::unary(*op, expr, self.bind(inner)?),
            Expr::BinaryOp { left, op, right } => {
                operator::binary(op, expr, self.bind(left)?, self.bind(right)?)
            }
            Expr::IsNull(inner) => Ok(Node::predicate(Kind::IsNull(self.boxed(inner)?))),
            Expr::IsNotNull(inner) => Ok(not(Node::predicate(Kind::IsNull(self.boxed(inner)?)))),
            Expr::IsTrue(inner) => self.is_truth(true, inner),
            Expr::IsNotTrue(inner) => self.is_truth(true, inner).map(not),
            Expr::IsFalse(inner) => self.is_truth(false, inner),
            Expr::IsNotFalse(inner) => self.is_truth(false, inner).map(not),
            Expr::IsNotDistinctFrom(left, right) => {
                operator::same_as(expr, self.bind(left)?, self.bind(right)?)
            }
            Expr::IsDistinctFrom(left, right) => {
                operator::same_as(expr, self.bind(left)?, self.bind(right)?).map(not)
            }
            Expr::Between { expr: value, negated, low, high } => {
                let operands = vec![self.bind(value)?, self.bind(low)?, self.bind(high)?];
                operator::between(expr, operands).map(|node| not_if(*negated, node))
            }
            Expr::InList { expr: value, list, negated } => {
                let list = self.all(list)?;
                operator::in_list(expr, self.bind(value)?, list).map(|node| not_if(*negated, node))
            }
            Expr::Like { negated, any: false, expr: text, pattern, escape_char } => {
                self.like(text, pattern, escape_char.as_deref(), false).map(|node| not_if(*negated, node))
            }
            Expr::ILike { negated, any: false, expr: text, pattern, escape_char } => {
                self.like(text, pattern, escape_char.as_deref(), true).map(|node| not_if(*negated, node))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(expr, operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::CompoundIdentifier(_) => Err(ExpressionError::Unsupported {
                part: expr.to_string(),
                reason: format!("a column stands alone; the columns are: {}", self.schema.names()),
            }),
            Expr::Cast { expr: inner, data_type, format: None, .. } => self.cast(expr, inner, data_type),
            _ => function::bind(self, expr),
        }
    }

    pub(super) fn all<'e>(
        &self,
        list: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Vec<Node>, ExpressionError> {
        list.into_iter().map(|expr| self.bind(expr)).collect()
    }

    fn column(&self, name: &Ident) -> Result<Node, ExpressionError> {
        let columns = self.schema.columns();
        let node = |index, data_type| Ok(Node::new(Type::Data(data_type), Kind::Column(index)));
        if let Some(index) = self.schema.index_of(&name.value)
            && let Some(column) = columns.get(index)
        {
            return node(index, column.data_type);
        }
        let folded = name.value.to_lowercase();
        let mut alike = columns.iter().enumerate().filter(|(_, column)| column.name.to_lowercase() == folded);
        match (alike.next(), alike.next()) {
            (Some((index, column)), None) => node(index, column.data_type),
            (Some((_, first)), Some((_, second))) => Err(ExpressionError::AmbiguousColumn {
                name: name.value.clone(),
                candidates: format!("{}, {}", first.name, second.name),
            }),
            (None, _) => Err(ExpressionError::UnknownColumn {
                name: name.value.clone(),
                line: name.span.start.line,
                column: name.span.start.column,
                columns: self.schema.names(),
            }),
        }
    }

    fn negated(&self, inner: &Expr) -> Result<Node, ExpressionError> {
        if let Expr::Value(value) = inner
            && let ast::Value::Number(digits, is_long) = &value.value
        {
            return literal::number(&format!("-{digits}"), *is_long);
        }
        operator::negate(inner, self.bind(inner)?)
    }

    fn is_truth(&self, truth: bool, inner: &Expr) -> Result<Node, ExpressionError> {
        let operand = operator::condition(inner, self.bind(inner)?)?;
        Ok(Node::predicate(Kind::Is(truth, Box::new(operand))))
    }

    fn like(
        &self,
        text: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        any_case: bool,
    ) -> Result<Node, ExpressionError> {
        let escape = match escape {
            None => '\\',
            Some(escape) => single_character(escape).ok_or_else(|| ExpressionError::Literal {
                part: escape.to_string(),
                reason: "the escape is text of one character".to_owned(),
            })?,
        };
        let style = LikeStyle { escape, any_case };
        let text = operator::text(text, self.bind(text)?)?;
        let pattern = operator::text(pattern, self.bind(pattern)?)?;
        Ok(Node::predicate(match &pattern.kind {
            Kind::Literal(Value::String(pattern)) => Kind::Like(Box::new(text), Pattern::new(pattern, style)),
            _ => Kind::LikeComputed(Box::new([text, pattern]), style),
        }))
    }

    fn case(
        &self,
        whole: &Expr,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Node, ExpressionError> {
        let operand = operand.map(|operand| self.bind(operand)).transpose()?;
        let mut tests = self.all(conditions.iter().map(|when| &when.condition))?;
        let mut results = self.all(conditions.iter().map(|when| &when.result))?;
        results.push(otherwise.map_or_else(|| Ok(Node::null()), |otherwise| self.bind(otherwise))?);
        let operand = match operand {
            Some(operand) => {
                tests.push(operand);
                tests = operator::same_type(whole, tests)?;
                tests.pop()
            }
            None => {
                let pairs = conditions.iter().zip(tests);
                tests = pairs
                    .map(|(when, test)| operator::condition(&when.condition, test))
                    .collect::<Result<_, _>>()?;
                None
            }
        };
        let mut results = operator::same_type(whole, results)?;
        let otherwise = results.pop().unwrap_or_else(Node::null);
        let branches = tests.into_iter().zip(results).map(|(test, result)| [test, result]).collect();
        Ok(Node::new(otherwise.result_type, Kind::Case(Box::new(Case { operand, branches, otherwise }))))
    }

    fn cast(&self, whole: &Expr, inner: &Expr, named: &ast::DataType) -> Result<Node, ExpressionError> {
        let to = cast::data_type(named).ok_or_else(|| ExpressionError::Unsupported {
            part: whole.to_string(),
            reason: format!("no type {named}; the types are: {}", cast::TYPES),
        })?;
        let operand = self.bind(inner)?;
        if !cast::exists(operand.result_type, to) {
            return Err(operator::type_error(
                whole,
                format!("there is no cast from {} to {to}", operand.result_type),
            ));
        }
        Ok(operand.cast(to))
    }
}

/// NOT of a truth value.
pub(super) fn not(node: Node) -> Node {
    Node::predicate(Kind::Not(Box::new(node)))
}

fn not_if(negated: bool, node: Node) -> Node {
    if negated { not(node) } else { node }
}

fn single_character(literal: &Expr) -> Option<char> {
    let Expr::Value(value) = literal else { return None };
    let text = value.value.clone().into_string()?;
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}
