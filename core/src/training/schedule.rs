//! Learning rates by optimiser step.

use serde::{Deserialize, Serialize};

/// How the learning rate changes during training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Triangular between half and twice the given rate, 2000 steps up and 2000 down (the published one).
    Cycle,
    /// Divide by ten after more than two epochs without a better validation loss.
    Plateau,
    /// The given rate throughout.
    Constant,
    /// From 0 to the given rate during the first twentieth of the planned steps, then to 0 along half a cosine
    /// (Loshchilov & Hutter 2017, without restarts).
    Cosine,
}

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cycle" => Ok(Self::Cycle),
            "plateau" => Ok(Self::Plateau),
            "constant" => Ok(Self::Constant),
            "cosine" => Ok(Self::Cosine),
            other => Err(format!("'{other}' is not a schedule: use cycle, plateau, constant or cosine")),
        }
    }
}

const STEPS_UP: f64 = 2000.0;
const WARM_SHARE: f64 = 0.05;
const PLATEAU_PATIENCE: usize = 2;
const PLATEAU_FACTOR: f64 = 0.1;
/// A loss must fall by this share to count as better (PyTorch's ReduceLROnPlateau).
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// The state of a schedule during a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateKeeper {
    schedule: Schedule,
    /// Steps of the whole run, as planned.
    total: u64,
    #[serde(with = "bits")]
    rate: f64,
    #[serde(with = "bits")]
    best: f64,
    waited: usize,
}

/// A float64 as its bits, so that it is restored exactly, infinity and NaN included.
pub(super) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

impl RateKeeper {
    /// Start with the nominal rate. `total`: steps of the whole run without early stopping, used by [`Schedule::Cosine`]
    /// alone.
    pub fn new(schedule: Schedule, rate: f64, total: u64) -> Self {
        Self { schedule, total: total.max(1), rate, best: f64::INFINITY, waited: 0 }
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
            Schedule::Cosine => {
                let (done, total) = ((step + 1) as f64, self.total as f64);
                let warm = (total * WARM_SHARE).max(1.0);
                if done <= warm {
                    return self.rate * done / warm;
                }
                let x = ((done - warm) / (total - warm).max(1.0)).min(1.0);
                self.rate * (1.0 + (std::f64::consts::PI * x).cos()) / 2.0
            }
        }
    }

    /// Update the schedule with the validation loss of an epoch.
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
        let keeper = RateKeeper::new(Schedule::Cycle, 1e-4, 9);
        for (step, rate) in
            [(0, 5e-5), (1, 5.0075e-5), (1000, 1.25e-4), (2000, 2e-4), (3000, 1.25e-4), (4000, 5e-5), (6000, 2e-4)]
        {
            assert!((keeper.rate(step) - rate).abs() < 1e-12, "step {step}: {}", keeper.rate(step));
        }
    }

    #[test]
    fn cosine_rises_falls_and_ends() {
        let keeper = RateKeeper::new(Schedule::Cosine, 2.0, 1000);
        assert_eq!(keeper.rate(24), 1.0);
        assert_eq!(keeper.rate(49), 2.0);
        assert!((keeper.rate(524) - 1.0).abs() < 1e-12);
        assert!(keeper.rate(999) < 1e-12 && keeper.rate(5000) < 1e-12);
        assert!(RateKeeper::new(Schedule::Cosine, 2.0, 1).rate(0) > 0.0);
    }

    #[test]
    fn a_keeper_is_saved_to_the_last_bit() {
        let mut keeper = RateKeeper::new(Schedule::Plateau, 0.1 + 0.2, 5);
        let text = serde_json::to_string(&keeper).unwrap();
        assert_eq!(serde_json::from_str::<RateKeeper>(&text).unwrap(), keeper);
        keeper.epoch_ended(1.0 / 3.0);
        let text = serde_json::to_string(&keeper).unwrap();
        assert_eq!(serde_json::from_str::<RateKeeper>(&text).unwrap(), keeper);
    }

    #[test]
    fn plateau_waits_then_divides() {
        let mut keeper = RateKeeper::new(Schedule::Plateau, 1.0, 9);
        for loss in [5.0, 5.0, 5.0] {
            keeper.epoch_ended(loss);
        }
        assert_eq!(keeper.rate(0), 1.0);
        keeper.epoch_ended(5.0);
        assert!((keeper.rate(0) - 0.1).abs() < 1e-12);
    }
}
