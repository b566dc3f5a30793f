//! Effects of variants on the predicted activity.
