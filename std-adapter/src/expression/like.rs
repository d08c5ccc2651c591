//! `LIKE`.

use std::borrow::Cow;

/// How a pattern is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct LikeStyle {
    pub(super) escape: char,
    pub(super) any_case: bool,
}

impl LikeStyle {
    /// The text as it is compared.
    fn folded(self, text: &str) -> Cow<'_, str> {
        if self.any_case { text.to_lowercase().into() } else { text.into() }
    }
}

/// A pattern: `%` stands for any text, `_` for one character, what follows the escape for itself.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    style: LikeStyle,
}

impl Pattern {
    /// `None` if the pattern ends in its escape, where Spark stops with an error.
    pub(super) fn new(pattern: &str, style: LikeStyle) -> Option<Self> {
        let pattern = style.folded(pattern);
        let mut characters = pattern.chars();
        let mut parts = Vec::new();
        while let Some(character) = characters.next() {
            parts.push(match character {
                character if character == style.escape => Part::Exactly(characters.next()?),
                '%' => Part::Any,
                '_' => Part::One,
                character => Part::Exactly(character),
            });
        }
        Some(Self { parts, style })
    }

    /// Whether `text` is as the pattern says. Takes at most as many steps as text times pattern.
    pub(super) fn fits(&self, text: &str) -> bool {
        let text: Vec<char> = self.style.folded(text).chars().collect();
        let (mut at, mut next) = (0, 0);
        // Where the last `%` was, and how far into the text it reaches by now.
        let mut any: Option<(usize, usize)> = None;
        while let Some(character) = text.get(at) {
            match self.parts.get(next) {
                Some(Part::Any) => {
                    any = Some((next, at));
                    next += 1;
                }
                Some(part) if part.fits(*character) => {
                    at += 1;
                    next += 1;
                }
                _ => {
                    let Some((part, reach)) = any else { return false };
                    any = Some((part, reach + 1));
                    at = reach + 1;
                    next = part + 1;
                }
            }
        }
        self.parts.iter().skip(next).all(|part| *part == Part::Any)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

impl Part {
    fn fits(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Exactly(exactly) => *exactly == character,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LikeStyle, Pattern};

    fn like(text: &str, pattern: &str, escape: char) -> Option<bool> {
        let pattern = Pattern::new(pattern, LikeStyle { escape, any_case: false })?;
        Some(pattern.fits(text))
    }

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "_", false),
            ("abcbd", "%b_", true),
            ("abcb", "%b_", false),
            ("é1", "_1", true),
            ("a%", "a\\%", true),
            ("ab", "a\\%", false),
            ("a\\b", "a\\\\b", true),
        ] {
            assert_eq!(like(text, pattern, '\\'), Some(expected), "{text} LIKE {pattern}");
        }
        assert_eq!(like("a_", "a#_", '#'), Some(true));
        assert_eq!(like("a", "a\\", '\\'), None);
    }

    #[test]
    fn hostile_patterns_take_text_times_pattern_steps() {
        let text = "a".repeat(2_000);
        assert_eq!(like(&text, &format!("{}b", "%a".repeat(500)), '\\'), Some(false));
    }
}
