//! Progress on standard error: a bar on a terminal, a line every 10 % elsewhere.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::say;
use crate::pipeline::Observer;

/// Watches a run for a person.
pub(super) struct Progress {
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    total: u64,
    done: u64,
    resumed: u64,
    tenths: u64,
    begun: Instant,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let state = State { bar: None, total: 0, done: 0, resumed: 0, tenths: 0, begun: Instant::now() };
        Self { quiet, state: Mutex::new(state) }
    }

    /// Takes the bar away.
    pub(super) fn done(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        // A panic elsewhere must not take the progress with it.
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Observer for Progress {
    fn note(&self, text: &str) {
        self.with(|state| match &state.bar {
            Some(bar) => bar.suspend(|| say!("note: {text}")),
            None => say!("note: {text}"),
        });
    }

    fn started(&self, doing: &str, pixels: u64, resumed: u64) {
        self.with(|state| {
            (state.total, state.done, state.resumed, state.begun) = (pixels, resumed, resumed, Instant::now());
            state.tenths = 10 * resumed / pixels.max(1);
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
            if self.quiet {
                return;
            }
            say!("{doing}");
            if resumed > 0 {
                say!("going on with an earlier run: {:.0} % is done", 100.0 * resumed as f64 / pixels.max(1) as f64);
            }
            if std::io::stderr().is_terminal() {
                let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left");
                let bar = ProgressBar::new(pixels).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_position(resumed);
                bar.reset_eta();
                bar.enable_steady_tick(Duration::from_millis(200));
                state.bar = Some(bar);
            }
        });
    }

    fn advanced(&self, pixels: u64) {
        self.with(|state| {
            state.done += pixels;
            if self.quiet {
                return;
            }
            let seconds = state.begun.elapsed().as_secs_f64().max(1e-3);
            let rate = (state.done - state.resumed) as f64 / seconds / 1e6;
            if let Some(bar) = &state.bar {
                bar.set_position(state.done);
                bar.set_message(format!("{rate:.2} Mpixel/s"));
                return;
            }
            let tenths = 10 * state.done / state.total.max(1);
            if tenths > state.tenths {
                state.tenths = tenths;
                let left = (state.total - state.done) as f64 / 1e6 / rate.max(1e-9);
                say!("{} %, {rate:.2} Mpixel/s, {left:.0} s left", 10 * tenths);
            }
        });
    }

    fn finishing(&self) {
        self.done();
        if !self.quiet {
            say!("putting the maps together");
        }
    }
}
