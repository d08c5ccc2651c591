//! The watermark of several inputs.

/// How the watermarks of inputs become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The slowest rules.
    Min,
    /// The fastest rules.
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Input {
    /// How far its watermark trails; `None`: it has none, and does not count.
    delay: Option<i64>,
    highest: Option<i64>,
    has_rows: bool,
    /// The processing time of the last trigger that ended an epoch with a row of it, at first of the first trigger.
    active_at: Option<i64>,
}

/// Inputs with a watermark each. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    inputs: Vec<Input>,
    policy: Policy,
    idle_after: Option<i64>,
    watermark: Option<i64>,
}

impl Inputs {
    /// Inputs whose watermarks trail by `delays`; one without delay has no watermark.
    #[must_use]
    pub fn new(delays: &[Option<i64>]) -> Self {
        let input =
            |delay: &Option<i64>| Input { delay: *delay, highest: None, has_rows: false, active_at: None };
        let inputs = delays.iter().map(input).collect();
        Self { inputs, policy: Policy::Min, idle_after: None, watermark: None }
    }

    /// With another policy than [`Policy::Min`].
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// With a watermark before the first row. 1: Spark's is 1970.
    #[must_use]
    pub fn starting_at(self, watermark: i64) -> Self {
        Self { watermark: Some(watermark), ..self }
    }

    /// An input that had no row, with event time or without, for so long in processing time no longer holds the others, until its
    /// next row. If all are idle the watermark stays.
    #[must_use]
    pub fn with_idle_after(self, idle_after: i64) -> Self {
        Self { idle_after: Some(idle_after), ..self }
    }

    /// The watermark that the current epoch runs with.
    #[must_use]
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// A row of an input has come, and `at` counts for the watermark. 5: null does not.
    pub fn see(&mut self, input: usize, at: Option<i64>) {
        let input = &mut self.inputs[input];
        input.highest = input.highest.max(at);
        input.has_rows = true;
    }

    /// The trigger: the watermark of the next epoch.
    pub fn end_epoch(&mut self, now: i64) -> Option<i64> {
        for input in &mut self.inputs {
            if input.has_rows || input.active_at.is_none() {
                input.active_at = Some(now);
            }
            input.has_rows = false;
        }
        let idle = |input: &&Input| match (self.idle_after, input.active_at) {
            (Some(idle_after), Some(active_at)) => now - active_at >= idle_after,
            _ => false,
        };
        let counting = self.inputs.iter().filter(|input| !idle(input));
        // 2: of each input the highest time less its delay; `None` for one without rows.
        let reached = counting.filter_map(|input| {
            let delay = input.delay?;
            Some(input.highest.map(|at| at - delay))
        });
        // 7: with min, an input without any holds the others, as `None` is less than all; with max it does not.
        let reached: Option<Option<i64>> = match self.policy {
            Policy::Min => reached.min(),
            Policy::Max => reached.max(),
        };
        // 2: never back.
        self.watermark = self.watermark.max(reached.flatten());
        self.watermark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Inputs {
        Inputs::new(&[Some(1), Some(4)])
    }

    #[test]
    fn the_slowest_rules_and_a_silent_one_holds() {
        let mut inputs = two();
        inputs.see(0, Some(100));
        assert_eq!(inputs.end_epoch(0), None);
        inputs.see(1, Some(20));
        assert_eq!(inputs.end_epoch(1), Some(16));
        inputs.see(1, None);
        inputs.see(1, Some(300));
        assert_eq!(inputs.end_epoch(2), Some(99));
        inputs.see(0, Some(50));
        assert_eq!(inputs.end_epoch(3), Some(99), "never back");
    }

    #[test]
    fn the_fastest_rules() {
        let mut inputs = two().with_policy(Policy::Max).starting_at(0);
        inputs.see(0, Some(-7));
        assert_eq!(inputs.end_epoch(0), Some(0));
        inputs.see(1, Some(10));
        assert_eq!(inputs.end_epoch(0), Some(6));
    }

    #[test]
    fn one_without_watermark_does_not_count() {
        let mut inputs = Inputs::new(&[Some(1), None]);
        inputs.see(0, Some(10));
        assert_eq!(inputs.end_epoch(0), Some(9));
        let mut inputs = Inputs::new(&[None]);
        inputs.see(0, Some(10));
        assert_eq!(inputs.end_epoch(0), None);
    }

    #[test]
    fn an_idle_one_holds_nothing_until_it_comes_back() {
        let mut inputs = two().with_idle_after(10);
        assert_eq!(inputs.end_epoch(100), None);
        inputs.see(0, Some(1000));
        assert_eq!(inputs.end_epoch(109), None, "silent for 9");
        assert_eq!(inputs.end_epoch(110), Some(999), "silent for 10");
        inputs.see(0, Some(2000));
        inputs.see(1, Some(1104));
        assert_eq!(inputs.end_epoch(111), Some(1100), "back, and it holds the other again");
        assert_eq!(inputs.end_epoch(500), Some(1100), "all idle");
    }
}
