//! Tuples of aggregates: several answers for each group.

use super::{Aggregate, Arrival};

macro_rules! tuple {
    ($($aggregate:ident $index:tt),*) => {
        /// The answers of each aggregate, side by side; the state is the tuple of their states.
        impl<Row: ?Sized, $($aggregate: Aggregate<Row>),*> Aggregate<Row> for ($($aggregate,)*) {
            type State = ($($aggregate::State,)*);
            type Output = ($($aggregate::Output,)*);

            #[inline]
            fn init(&self) -> Self::State {
                ($(self.$index.init(),)*)
            }

            #[inline]
            fn update(&self, state: &mut Self::State, row: &Row, arrival: Arrival) {
                $(self.$index.update(&mut state.$index, row, arrival);)*
            }

            #[inline]
            fn merge(&self, state: &mut Self::State, other: &Self::State) {
                $(self.$index.merge(&mut state.$index, &other.$index);)*
            }

            #[inline]
            fn finish(&self, state: &Self::State) -> Self::Output {
                ($(self.$index.finish(&state.$index),)*)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
