//! How long a frame and a second of figures take. Asserted loosely, for any machine and profile;
//! printed exactly with `--nocapture`, for the table in the performance notes.

use super::fixture::{ANSI, NOW, container, live, sample};
use crate::layout;
use crate::message::Message;
use crate::screen;
use crate::update::update;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use shared::watch::Frame;
use std::time::{Duration, Instant};

fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize]
}

#[test]
fn a_frame_does_not_depend_on_the_number_of_rows() {
    let mut medians = Vec::new();
    for rows in [100, 1_000, 10_000] {
        let mut app = live(
            (160, 50),
            ANSI,
            (1..=rows).map(|id| container(id, &format!("svc-{id:05}"))).collect(),
        );
        let mut terminal = Terminal::new(TestBackend::new(160, 50)).unwrap();
        let (mut frames, mut seconds) = (Vec::new(), Vec::new());
        let height = layout::list_height(&app);
        for turn in 0..200 {
            app.containers.list.go(turn * 7 % rows, height);
            let begin = Instant::now();
            terminal.draw(|frame| screen::draw(&app, frame)).unwrap();
            frames.push(begin.elapsed());
        }
        for turn in 0..5 {
            let samples = (1..=rows).map(|id| sample(id, NOW + turn)).collect();
            let begin = Instant::now();
            update(&mut app, Message::Frames(vec![Frame::Sample { sample: samples }]));
            seconds.push(begin.elapsed());
        }
        let (p50, p99) = (quantile(&mut frames, 0.5), quantile(&mut frames, 0.99));
        println!(
            "160x50, {rows} rows: frame p50 {p50:?} p99 {p99:?}; a second of figures {:?}",
            quantile(&mut seconds, 0.5)
        );
        medians.push(p50);
    }
    assert!(
        medians[2] < medians[0] * 4,
        "a frame of 10,000 rows costs more than one of 100: {medians:?}"
    );
    assert!(medians[1] < Duration::from_millis(50), "{medians:?}");
}
