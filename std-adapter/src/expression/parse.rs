//! Text into the parser's tree, within bounds.

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use super::error::ExpressionError;

/// How long a text may be.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// How many tokens a text may have. A chain of operators is a tree as deep as it is long, which the parser's types walk by
/// recursion when they are dropped or shown.
const TOKENS_MAX: usize = 1_000;

/// How deep the parser may go, by its own count.
const PARSER_DEPTH_MAX: usize = 50;

/// The tree of `text`, all of which must be one expression.
pub(super) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ExpressionError::TooLong { unit: "bytes", found: text.len(), most: TEXT_BYTES_MAX });
    }
    let syntax = |reason: String| ExpressionError::Syntax { text: text.to_owned(), reason };
    let tokens =
        Tokenizer::new(&Spark, text).tokenize_with_location().map_err(|error| syntax(error.to_string()))?;
    let count = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count();
    if count > TOKENS_MAX {
        return Err(ExpressionError::TooLong { unit: "tokens", found: count, most: TOKENS_MAX });
    }
    let mut parser =
        Parser::new(&Spark).with_recursion_limit(PARSER_DEPTH_MAX).with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr().and_then(|expr| {
        let next = parser.peek_token();
        if next.token == Token::EOF { Ok(expr) } else { parser.expected("an operator or the end", next) }
    });
    parsed.map_err(|error| match error {
        ParserError::RecursionLimitExceeded => ExpressionError::TooDeep { most: PARSER_DEPTH_MAX },
        ParserError::ParserError(reason) | ParserError::TokenizerError(reason) => syntax(reason),
    })
}

/// How Spark writes expressions: names in backquotes, text in either quotes with backslashes, `!`.
#[derive(Debug)]
struct Spark;

impl Dialect for Spark {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    // Spark keeps `\%` and `\_` in literals as they are, for LIKE.
    fn ignores_wildcard_escapes(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    /// As in Spark, `||` binds as `+` does.
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        (parser.peek_token().token == Token::StringConcat).then(|| Ok(self.prec_value(Precedence::PlusMinus)))
    }
}
