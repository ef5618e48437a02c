//! Measures times with criterion.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use criterion::{BatchSize, Criterion};
use session_bench::on_axum::Client;
use tokio::runtime::Runtime;

/// The variable that tells criterion its folder.
const HOME: &str = "CRITERION_HOME";

/// A timer, which runs criterion and collects its medians.
pub(super) struct Timer {
    criterion: Criterion,
    home: PathBuf,
    /// The name of each measurement, and its median in nanoseconds.
    pub(super) taken: Vec<(String, f64)>,
}

impl Timer {
    pub(super) fn new() -> Result<Self> {
        let home = std::env::var_os(HOME).with_context(|| format!("{HOME} names no folder"))?.into();
        let criterion = Criterion::default()
            .without_plots()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        Ok(Self { criterion, home, taken: Vec::new() })
    }

    /// Returns the median time of `work`, in nanoseconds. The name must be unique and fit for a file.
    pub(super) fn time<T>(&mut self, name: &str, mut work: impl FnMut() -> T) -> Result<f64> {
        self.criterion.bench_function(name, |bencher| bencher.iter(&mut work));
        self.median(name)
    }

    /// Returns the median time of `work` on a value that `prepare` makes each time, in nanoseconds.
    pub(super) fn time_on<S, T>(
        &mut self,
        name: &str,
        mut prepare: impl FnMut() -> S,
        mut work: impl FnMut(S) -> T,
    ) -> Result<f64> {
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_batched(&mut prepare, &mut work, BatchSize::PerIteration);
        });
        self.median(name)
    }

    /// Returns the median time of a request, in process.
    pub(super) fn request(&mut self, name: &str, runtime: &Runtime, router: Router) -> Result<f64> {
        let client = RefCell::new(runtime.block_on(Client::new(router)));
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut client = client.borrow_mut();
                runtime.block_on(async {
                    let start = Instant::now();
                    for _ in 0..times {
                        client.request().await;
                    }
                    start.elapsed()
                })
            });
        });
        self.median(name)
    }

    fn median(&mut self, name: &str) -> Result<f64> {
        let file = self.home.join(name).join("new/estimates.json");
        let text = std::fs::read_to_string(&file).with_context(|| format!("criterion wrote no {}", file.display()))?;
        let estimates: serde_json::Value = serde_json::from_str(&text)?;
        let median = estimates["median"]["point_estimate"].as_f64().context("criterion wrote no median")?;
        self.taken.push((name.to_owned(), median));
        Ok(median)
    }
}
