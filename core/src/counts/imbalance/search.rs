//! Maximum of a function of one scale parameter.

/// Argument and value of the maximum of `f` over 0 and the range `low` to `high` (both above 0). The best point of a grid
/// on a log scale is refined by golden-section search to five digits; 0 is returned unless another value is greater.
pub fn maximise(low: f64, high: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
    const STEPS: usize = 20;
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let at = |x: f64| f(x.exp());
    let (from, to) = (low.ln(), high.ln());
    let place = |i: usize| from + (to - from) * i as f64 / STEPS as f64;
    let mut best = (0, f64::NEG_INFINITY);
    for i in 0..=STEPS {
        let value = at(place(i));
        if value > best.1 {
            best = (i, value);
        }
    }
    let (mut a, mut b) = (place(best.0.saturating_sub(1)), place((best.0 + 1).min(STEPS)));
    let (mut c, mut d) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
    let (mut fc, mut fd) = (at(c), at(d));
    while b - a > 1e-5 {
        if fc >= fd {
            (b, d, fd) = (d, c, fc);
            c = b - GOLDEN * (b - a);
            fc = at(c);
        } else {
            (a, c, fc) = (c, d, fd);
            d = a + GOLDEN * (b - a);
            fd = at(d);
        }
    }
    let (zero, top) = (f(0.0), fc.max(fd).max(best.1));
    // A difference within the rounding error of a sum over many rows is not a maximum.
    if zero >= top - 1e-9 * (1.0 + top.abs()) {
        return (0.0, zero);
    }
    let place = if best.1 > fc.max(fd) { place(best.0) } else { 0.5 * (a + b) };
    (place.exp(), top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_found_inside_at_the_end_and_at_zero() {
        let (x, y) = maximise(1e-6, 10.0, |x| 3.0 - (x - 0.37).powi(2));
        assert!((x - 0.37).abs() < 1e-4 && (y - 3.0).abs() < 1e-8, "{x} {y}");
        assert!((maximise(1e-6, 10.0, |x| x).0 - 10.0).abs() < 1e-4);
        assert_eq!(maximise(1e-6, 10.0, |x| -x).0, 0.0);
    }
}
