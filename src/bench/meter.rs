//! Measures latencies and counts errors.

use super::window::Window;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The measurements of one thread, or of all of them.
pub struct Meter {
    /// Answers before this window begins are not counted.
    window: Arc<Window>,
    operations: BTreeMap<&'static str, Times>,
    errors: BTreeMap<(&'static str, String), u64>,
    /// The latencies of requests that load shedding refused.
    shed: Times,
    sent_again: u64,
    last_write: Option<Instant>,
    longest_silence: Duration,
}

/// Latencies in microseconds.
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Self {
        // Up to two minutes, with three digits. No request waits longer.
        Self(Histogram::new_with_max(120_000_000, 3).unwrap_or_else(|_| unreachable!("bounds that are in order")))
    }

    fn record(&mut self, took: Duration) {
        self.0
            .saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    fn add(&mut self, other: &Self) {
        if self.0.add(&other.0).is_err() {
            unreachable!("all have the same bounds");
        }
    }

    fn milliseconds(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// How a request ended.
pub enum End {
    /// As intended. `wrote` tells whether it was a write.
    Done { wrote: bool },
    /// Refused by load shedding.
    Shed,
    /// With this error.
    Error(String),
}

impl Meter {
    pub fn new(window: Arc<Window>) -> Self {
        Self {
            window,
            operations: BTreeMap::new(),
            errors: BTreeMap::new(),
            shed: Times::new(),
            sent_again: 0,
            last_write: None,
            longest_silence: Duration::ZERO,
        }
    }

    /// Records a request that was due at an instant and has ended now.
    pub fn record(&mut self, operation: &'static str, due: Instant, sent: u32, end: End) {
        let now = Instant::now();
        if !self.window.counts(now) {
            return;
        }
        self.sent_again += u64::from(sent.saturating_sub(1));
        match end {
            End::Done { wrote } => {
                let times = self.operations.entry(operation).or_insert_with(Times::new);
                times.record(now - due);
                if wrote {
                    let silence = self.last_write.map_or(Duration::ZERO, |last| now - last);
                    self.longest_silence = self.longest_silence.max(silence);
                    self.last_write = Some(now);
                }
            }
            End::Shed => self.shed.record(now - due),
            End::Error(code) => *self.errors.entry((operation, code)).or_default() += 1,
        }
    }

    /// Adds the measurements of another thread.
    pub fn add(&mut self, other: Self) {
        for (operation, times) in &other.operations {
            self.operations.entry(operation).or_insert_with(Times::new).add(times);
        }
        for (what, count) in other.errors {
            *self.errors.entry(what).or_default() += count;
        }
        self.shed.add(&other.shed);
        self.sent_again += other.sent_again;
        self.longest_silence = self.longest_silence.max(other.longest_silence);
    }

    /// A table of the operations with their rates and latencies, then the errors.
    pub fn text(&self) -> String {
        let measured = self.window.length();
        let mut text = format!(
            "{:16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
            "operation", "count", "per s", "p50 ms", "p99 ms", "p99.9 ms", "max ms"
        );
        let mut all = Times::new();
        for (operation, times) in &self.operations {
            all.add(times);
            row(&mut text, operation, times, measured);
        }
        row(&mut text, "all", &all, measured);
        if !self.shed.0.is_empty() {
            row(&mut text, "shed (503)", &self.shed, measured);
        }
        for ((operation, code), count) in &self.errors {
            let _ = writeln!(text, "error: {operation}: {code}: {count}");
        }
        if self.sent_again > 0 {
            let _ = writeln!(text, "sent again: {}", self.sent_again);
        }
        let silence = self.longest_silence.as_millis();
        let _ = writeln!(text, "longest time without an acknowledged write: {silence} ms");
        text
    }
}

fn row(text: &mut String, name: &str, times: &Times, measured: Duration) {
    let count = times.0.len();
    let _ = writeln!(
        text,
        "{name:16}{count:>10}{:>10.1}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
        count as f64 / measured.as_secs_f64(),
        times.milliseconds(0.5),
        times.milliseconds(0.99),
        times.milliseconds(0.999),
        times.milliseconds(1.0),
    );
}
