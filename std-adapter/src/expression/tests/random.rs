//! Expressions put together at random: none panics, and the answer has the type that was said.

use super::*;

/// What stands where an operand is wanted; `@` is an operand.
const SHAPES: [&str; 44] = [
    "i",
    "l",
    "d",
    "s",
    "b",
    "ts",
    "`Room No`",
    "NULL",
    "TRUE",
    "-2147483648",
    "9223372036854775807",
    "-0.0",
    "1e308",
    "CAST('NaN' AS double)",
    "'10 seconds'",
    "'7'",
    "INTERVAL 5 SECONDS",
    "TIMESTAMP '1969-12-31'",
    "(@)",
    "-@",
    "@ + @",
    "@ - @",
    "@ * @",
    "@ / @",
    "@ % @",
    "@ || @",
    "@ = @",
    "@ < @",
    "@ <=> @",
    "@ AND @",
    "NOT @",
    "@ IS NULL",
    "@ IN (@, @)",
    "@ BETWEEN @ AND @",
    "@ LIKE @",
    "CASE @ WHEN @ THEN @ END",
    "CASE WHEN @ THEN @ ELSE @ END",
    "CAST(@ AS int)",
    "CAST(@ AS string)",
    "CAST(@ AS timestamp)",
    "least(@, @)",
    "nullif(@, @)",
    "substring(@, @, @)",
    "if(@, @, @)",
];

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn expression(&mut self) -> String {
        let mut text = "@".to_owned();
        while text.contains('@') {
            let operands = if text.len() > 120 { 18 } else { SHAPES.len() };
            text = text.replacen('@', SHAPES[self.below(operands)], 1);
        }
        text
    }
}

#[test]
fn answers_have_the_type_that_was_said() {
    const SEED: u64 = 0x5eed;
    let mut random = Random(SEED);
    let mut taken = 0;
    for _ in 0..10_000 {
        let text = random.expression();
        let _ = IntervalExpression::parse(&text, &schema()).map(|interval| interval.evaluate(&row()));
        let Ok(expression) = Expression::parse(&text, &schema()) else { continue };
        taken += 1;
        for row in [row(), nulls()] {
            let value = expression.evaluate(&row);
            let found = value.data_type().unwrap_or(expression.data_type());
            assert_eq!(found, expression.data_type(), "seed {SEED:#x}: {text} gives {value:?}");
        }
    }
    assert!(taken > 2_500, "seed {SEED:#x}: only {taken} of the expressions make sense");
}
