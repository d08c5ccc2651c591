//! `LIKE`.

/// Whether `text` is as `pattern` says: `%` stands for any text, `_` for one character, what follows `escape` for itself.
///
/// Takes at most as many steps as text times pattern. `None` if the pattern ends in its escape, where Spark stops with an error.
pub(super) fn like(text: &str, pattern: &str, escape: char) -> Option<bool> {
    let pattern = compile(pattern, escape)?;
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut next) = (0, 0);
    // Where the last `%` was, and how far into the text it reaches by now.
    let mut any: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at) {
        match pattern.get(next) {
            Some(Part::Any) => {
                any = Some((next, at));
                next += 1;
            }
            Some(part) if part.fits(*character) => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((part, reach)) = any else { return Some(false) };
                any = Some((part, reach + 1));
                at = reach + 1;
                next = part + 1;
            }
        }
    }
    Some(pattern.iter().skip(next).all(|part| *part == Part::Any))
}

#[derive(Debug, PartialEq, Eq)]
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

fn compile(pattern: &str, escape: char) -> Option<Vec<Part>> {
    let mut characters = pattern.chars();
    let mut parts = Vec::new();
    while let Some(character) = characters.next() {
        parts.push(match character {
            character if character == escape => Part::Exactly(characters.next()?),
            '%' => Part::Any,
            '_' => Part::One,
            character => Part::Exactly(character),
        });
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::like;

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
