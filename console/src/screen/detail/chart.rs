//! Points on a time axis as columns of block glyphs. Pure; a cell is a fixed number of seconds, so that
//! points that come more rarely, or not at all, do not bend the axis.

use crate::fleet::Point;
use crate::theme::Theme;

/// Lengths of time that a cell may stand for, in seconds.
const STEPS: [i64; 9] = [1, 2, 5, 10, 15, 30, 60, 120, 300];
/// A value holds for so many seconds at most when no other comes: unwatched containers are read every
/// ten seconds.
const HOLDS: i64 = 15;

/// One value a cell, oldest first; `None` where nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    cells: Vec<Option<f64>>,
    step: i64,
}

impl Chart {
    /// The highest value of each cell of at least `window` seconds before `end` (seconds since 1970).
    pub fn new(
        points: &[Point],
        end: i64,
        window: i64,
        width: usize,
        pick: impl Fn(&Point) -> f64,
    ) -> Self {
        let width = width.max(1);
        let count = i64::try_from(width).unwrap_or(i64::MAX);
        let least = (window + count - 1) / count;
        let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or(least);
        let begin = (end.div_euclid(step) + 1) * step - count * step;
        let mut cells: Vec<Option<f64>> = vec![None; width];
        let cell = |second: i64| usize::try_from((second - begin).div_euclid(step)).ok();
        for (at, point) in points.iter().enumerate() {
            let second = i64::from(point.second);
            let next = points.get(at + 1).map_or(end, |next| i64::from(next.second) - 1);
            let value = pick(point);
            let mut covered = second;
            let until = next.min(second + HOLDS).max(second);
            while covered <= until {
                if let Some(cell) = cell(covered).and_then(|at| cells.get_mut(at)) {
                    *cell = Some(cell.map_or(value, |known| known.max(value)));
                }
                covered += step.min((until - covered).max(1));
            }
        }
        Self { cells, step }
    }

    /// The highest value shown.
    pub fn highest(&self) -> f64 {
        self.cells.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// Seconds from its left end to its right end.
    pub fn seconds(&self) -> i64 {
        self.step * i64::try_from(self.cells.len()).unwrap_or(i64::MAX)
    }

    /// Its lines, the uppermost first, scaled so that `top` fills them all.
    pub fn rows(&self, theme: Theme, height: usize, top: f64) -> Vec<String> {
        let bars = theme.glyphs().bars;
        let eighths = |value: f64| {
            let all = (value / top.max(1e-9) * (height * 8) as f64).round() as usize;
            // What is known is seen, even where it is nothing.
            all.clamp(1, height * 8)
        };
        (0..height)
            .rev()
            .map(|row| {
                let glyph = |cell: &Option<f64>| match cell {
                    Some(value) if eighths(*value) > row * 8 => {
                        bars[(eighths(*value) - row * 8).min(8) - 1]
                    }
                    _ => " ",
                };
                self.cells.iter().map(glyph).collect()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Charset, Palette};

    const THEME: Theme = Theme { palette: Palette::Ansi, charset: Charset::Unicode };

    fn chart(values: &[(u32, f32)], end: i64) -> Chart {
        let points: Vec<Point> = values
            .iter()
            .map(|(second, cpu)| Point { second: *second, cpu: *cpu, kib: 0 })
            .collect();
        Chart::new(&points, end, 10, 10, |p| f64::from(p.cpu))
    }

    #[test]
    fn every_second_has_its_cell() {
        let chart = chart(&[(101, 0.0), (103, 8.0), (104, 16.0)], 104);
        assert_eq!((chart.seconds(), chart.highest()), (10, 16.0));
        assert_eq!(chart.rows(THEME, 2, 16.0), ["         █", "      ▁▁██"]);
    }

    #[test]
    fn a_hole_stays_a_hole() {
        let chart = chart(&[(50, 9.0), (100, 9.0)], 100);
        assert_eq!(chart.rows(THEME, 1, 9.0), ["         █"]);
    }
}
