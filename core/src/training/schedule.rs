//! Learning rates by optimiser step.

use serde::{Deserialize, Serialize};

/// How the learning rate moves during training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Triangular between half and twice the given rate, 2000 steps up and 2000 down (the published one).
    Cycle,
    /// Divide by ten after more than two epochs without a better validation loss.
    Plateau,
    /// The given rate throughout.
    Constant,
}

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cycle" => Ok(Self::Cycle),
            "plateau" => Ok(Self::Plateau),
            "constant" => Ok(Self::Constant),
            other => Err(format!("'{other}' is no schedule: use cycle, plateau or constant")),
        }
    }
}

const STEPS_UP: f64 = 2000.0;
const PLATEAU_PATIENCE: usize = 2;
const PLATEAU_FACTOR: f64 = 0.1;
/// A loss must fall by this share to count as better (PyTorch's ReduceLROnPlateau).
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// A schedule on its way through a training run.
#[derive(Clone, Debug)]
pub struct RateKeeper {
    schedule: Schedule,
    rate: f64,
    best: f64,
    waited: usize,
}

impl RateKeeper {
    /// Start with the nominal rate.
    pub fn new(schedule: Schedule, rate: f64) -> Self {
        Self { schedule, rate, best: f64::INFINITY, waited: 0 }
    }

    /// The rate of optimiser step `step`, counted from 0.
    ///
    /// Cycle: with s steps done, cycle = ⌊1 + s/4000⌋, x = |s/2000 − 2·cycle + 1|,
    /// rate = base + (max − base)·max(0, 1 − x), base = rate/2, max = 2·rate (section 2.6 of the method).
    pub fn rate(&self, step: u64) -> f64 {
        match self.schedule {
            Schedule::Cycle => {
                let s = step as f64;
                let cycle = (1.0 + s / (2.0 * STEPS_UP)).floor();
                let x = (s / STEPS_UP - 2.0 * cycle + 1.0).abs();
                let (base, max) = (self.rate / 2.0, self.rate * 2.0);
                base + (max - base) * (1.0 - x).max(0.0)
            }
            Schedule::Plateau | Schedule::Constant => self.rate,
        }
    }

    /// Tell the schedule the validation loss of an epoch.
    pub fn epoch_ended(&mut self, loss: f64) {
        if self.schedule != Schedule::Plateau {
            return;
        }
        if loss < self.best * (1.0 - PLATEAU_THRESHOLD) {
            self.best = loss;
            self.waited = 0;
        } else {
            self.waited += 1;
            if self.waited > PLATEAU_PATIENCE {
                self.rate *= PLATEAU_FACTOR;
                self.waited = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycle_passes_the_published_points() {
        let keeper = RateKeeper::new(Schedule::Cycle, 1e-4);
        for (step, rate) in
            [(0, 5e-5), (1, 5.0075e-5), (1000, 1.25e-4), (2000, 2e-4), (3000, 1.25e-4), (4000, 5e-5), (6000, 2e-4)]
        {
            assert!((keeper.rate(step) - rate).abs() < 1e-12, "step {step}: {}", keeper.rate(step));
        }
    }

    #[test]
    fn plateau_waits_then_divides() {
        let mut keeper = RateKeeper::new(Schedule::Plateau, 1.0);
        for loss in [5.0, 5.0, 5.0] {
            keeper.epoch_ended(loss);
        }
        assert_eq!(keeper.rate(0), 1.0);
        keeper.epoch_ended(5.0);
        assert!((keeper.rate(0) - 0.1).abs() < 1e-12);
    }
}
