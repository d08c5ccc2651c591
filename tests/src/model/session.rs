//! Sessions: a row joins every session of its key that it touches, and makes them one.

use super::Group;

/// 19: touching is enough, `next.start <= current.end`; a row may bridge several.
pub(super) fn add(
    groups: &mut Vec<Group>,
    device: Option<u8>,
    (start, end): (i64, i64),
    row: (usize, Option<f64>),
) {
    let mut joined = Group { device, window: Some((start, end)), rows: vec![row], changed: true };
    while let Some(touching) = groups.iter().position(|group| touches(group, &joined)) {
        let other = groups.remove(touching);
        let ((start, end), (other_start, other_end)) = (span(&joined), span(&other));
        joined.window = Some((start.min(other_start), end.max(other_end)));
        joined.rows.extend(other.rows);
    }
    joined.rows.sort_by_key(|(arrived, _)| *arrived);
    groups.push(joined);
}

fn touches(one: &Group, other: &Group) -> bool {
    let ((start, end), (other_start, other_end)) = (span(one), span(other));
    one.device == other.device && start <= other_end && other_start <= end
}

fn span(group: &Group) -> (i64, i64) {
    group.window.expect("a session has a span")
}
