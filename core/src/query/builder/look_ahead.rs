//! Windows around each row.

use super::grouped::WindowKind;
use crate::operator::LookAheadAggregate;
use crate::window::LookAhead;

impl WindowKind for LookAhead {
    type Operator<K, A> = LookAheadAggregate<K, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        LookAheadAggregate { key, window: self, aggregate }
    }
}
