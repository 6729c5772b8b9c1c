//! What was measured: each figure several times, with its median, its spread and its goal, as a table and as JSON. Not here: measuring.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What a figure ought to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most this.
    Most(f64),
    /// Nothing, in no run: the median would hide the one run in which it happened.
    Never,
    /// At least this.
    Least(f64),
    /// No goal: it is shown so that others can be read.
    Shown,
}

/// One figure.
#[derive(Clone, Debug)]
struct Figure {
    measure: String,
    what: String,
    unit: &'static str,
    goal: Goal,
    samples: Vec<f64>,
}

/// All figures of a run, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Table(Vec<Figure>);

impl Table {
    /// Adds a sample to a figure, and shows it to whoever watches a long run.
    #[expect(clippy::print_stderr, reason = "a run takes minutes, and a part of it is better than nothing")]
    pub fn note(&mut self, measure: &str, what: &str, unit: &'static str, goal: Goal, sample: f64) {
        eprintln!("{measure}: {what}: {} {unit}", short(sample));
        let known = self.0.iter_mut().find(|figure| figure.measure == measure && figure.what == what);
        match known {
            Some(figure) => figure.samples.push(sample),
            None => self.0.push(Figure {
                measure: measure.to_owned(),
                what: what.to_owned(),
                unit,
                goal,
                samples: vec![sample],
            }),
        }
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text =
            "| Measure | Figure | Median | Spread | Goal | |\n|---|---|---|---|---|---|\n".to_owned();
        for figure in &self.0 {
            let Figure { measure, what, unit, goal, samples } = figure;
            let (low, middle, high) = spread(samples);
            let (goal, verdict) = match goal {
                Goal::Most(most) => {
                    (format!("≤ {}", short(*most)), if middle <= *most { "met" } else { "missed" })
                }
                Goal::Never => ("never".to_owned(), if high <= 0.0 { "met" } else { "missed" }),
                Goal::Least(least) => {
                    (format!("≥ {}", short(*least)), if middle >= *least { "met" } else { "missed" })
                }
                Goal::Shown => (String::new(), ""),
            };
            let spread = format!("{} – {} ({})", short(low), short(high), samples.len());
            writeln!(
                text,
                "| {measure} | {what} | {} {unit} | {spread} | {goal} | {verdict} |",
                short(middle)
            )
            .expect("a String takes every text");
        }
        text
    }

    /// Writes all of it as JSON.
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        let figures: Vec<Value> = self.0.iter().map(Figure::json).collect();
        std::fs::write(file, format!("{:#}\n", Value::from(figures)))
    }
}

impl Figure {
    fn json(&self) -> Value {
        let (low, middle, high) = spread(&self.samples);
        let goal = match self.goal {
            Goal::Most(most) => json!({ "most": most }),
            Goal::Never => json!({ "most": 0, "of": "every run" }),
            Goal::Least(least) => json!({ "least": least }),
            Goal::Shown => Value::Null,
        };
        json!({ "measure": self.measure, "figure": self.what, "unit": self.unit, "median": middle, "least": low, "most": high,
            "samples": self.samples, "goal": goal })
    }
}

/// The least, the middle and the most.
pub fn spread(samples: &[f64]) -> (f64, f64, f64) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
}

/// Three figures that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
