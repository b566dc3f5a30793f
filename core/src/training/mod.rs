//! Training: dataset, split, schedule, fit, metrics and baselines.
