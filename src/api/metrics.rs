//! What is counted and measured for those who operate the service (OpenMetrics, as Prometheus reads it). Every label is
//! a word of ours: an operation, a job, the name of a queue. None holds what a client sent or a personal datum.

use actix_web::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The operation of a request that matched none.
const NO_OPERATION: &str = "none";
/// The upper bounds of the buckets for the time to an answer, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The classes of HTTP statuses, by their first digit from 1 on.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Labels = Vec<(&'static str, String)>;

/// A value that is read at the moment metrics are asked for.
pub struct Sampled {
    /// The name, without the prefix `zhuanjie_`.
    pub name: &'static str,
    /// The name of its label, if it has one.
    pub label: Option<&'static str>,
    /// What it tells.
    pub help: &'static str,
}

const fn sampled(name: &'static str, label: Option<&'static str>, help: &'static str) -> Sampled {
    Sampled { name, label, help }
}

macro_rules! sampled {
    ($($constant:ident = $name:literal, $label:expr, $help:literal;)*) => {
        $(pub const $constant: Sampled = sampled($name, $label, $help);)*
        /// All of them.
        const SAMPLED: &[Sampled] = &[$($constant),*];
    };
}
sampled! {
    READY = "ready", None, "1 if requests can be answered, 0 otherwise";
    DRAINING = "draining", None, "1 once the service was told to stop";
    CONNECTIONS = "connections", None, "Open connections of clients";
    PLACES = "places", Some("class"), "Requests of a class that may be worked on at once";
    PLACES_USED = "places_used", Some("class"), "Requests of a class that are being worked on";
    BODY_BYTES = "body_bytes", Some("pool"), "Memory for bodies, in bytes";
    BODY_BYTES_USED = "body_bytes_used", Some("pool"), "Memory for bodies in use, in bytes";
    QUEUED = "queued", Some("queue"), "What waits in a queue before the database or the password check";
    POOL = "pool_connections", None, "PostgreSQL: connections for writes that may be in use at once";
    POOL_USED = "pool_connections_used", None, "PostgreSQL: connections for writes in use";
    JOB_INTERVAL = "job_interval_seconds", Some("job"), "How often a server runs a job";
    JOB_AGE = "job_age_seconds", Some("job"), "Time since the last run without a failure began";
    JOB_FAILED = "job_failed", Some("job"), "1 if the last run of a job failed, in whole or for some rows";
    JOB_LATE = "job_late", Some("job"), "1 if a job has not run without a failure for twice its interval and a minute";
    UNSEALED_AGE = "audit_unsealed_age_seconds", None, "Age of the oldest entry of the audit log that is not sealed; 0 if all are";
}

/// What is measured of one operation.
#[derive(Clone)]
struct OperationMetrics {
    answers: [Counter; STATUSES.len()],
    seconds: Histogram,
}

/// Everything that is counted and measured.
pub struct Metrics {
    registry: Registry,
    /// By pattern, each with its methods.
    operations: HashMap<String, Vec<(Method, OperationMetrics)>>,
    none: OperationMetrics,
    refused: Counter,
    sampled: HashMap<&'static str, Family<Labels, Gauge<f64, AtomicU64>>>,
}

impl Metrics {
    /// For these operations: pattern, method and id.
    pub fn new<'a>(
        operations: impl Iterator<Item = (&'a str, &'a Method, &'a str)>,
        version: &str,
        commit: &str,
    ) -> Self {
        let mut registry = Registry::with_prefix("zhuanjie");
        let answers = Family::<Labels, Counter>::default();
        let seconds = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let refused = Counter::default();
        registry.register(
            "requests",
            "Answered requests by operation and class of status",
            answers.clone(),
        );
        registry.register("request_seconds", "Time to the answer by operation", seconds.clone());
        registry.register(
            "requests_without_place",
            "Requests refused because all places were taken",
            refused.clone(),
        );
        let build = Family::<Labels, Gauge>::default();
        let labels = vec![("version", version.to_owned()), ("commit", commit.to_owned())];
        build.get_or_create(&labels).set(1);
        registry.register("build_info", "The version and the commit of the program", build);
        let mut families = HashMap::new();
        for sampled in SAMPLED {
            let family = Family::default();
            registry.register(sampled.name, sampled.help, family.clone());
            families.insert(sampled.name, family);
        }
        let measured = |id: &str| OperationMetrics {
            answers: STATUSES.map(|status| {
                let labels = vec![("operation", id.to_owned()), ("status", status.to_owned())];
                answers.get_or_create(&labels).clone()
            }),
            seconds: seconds.get_or_create(&vec![("operation", id.to_owned())]).clone(),
        };
        let mut by_pattern: HashMap<String, Vec<(Method, OperationMetrics)>> = HashMap::new();
        for (pattern, method, id) in operations {
            let own = by_pattern.entry(pattern.to_owned()).or_default();
            own.push((method.clone(), measured(id)));
        }
        Self {
            none: measured(NO_OPERATION),
            registry,
            operations: by_pattern,
            refused,
            sampled: families,
        }
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &Method, pattern: Option<&str>, status: StatusCode, took: Duration) {
        let methods = pattern.and_then(|pattern| self.operations.get(pattern));
        let found = methods.and_then(|methods| methods.iter().find(|(own, _)| own == method));
        let measured = found.map_or(&self.none, |(_, measured)| measured);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(answers) = measured.answers.get(class) {
            answers.inc();
        }
        measured.seconds.observe(took.as_secs_f64());
    }

    /// Counts a request that was refused because all places were taken.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Sets a value that has no label.
    pub fn set(&self, sampled: &Sampled, value: impl Into<f64>) {
        self.set_labels(sampled, Vec::new(), value.into());
    }

    /// Sets the value of a label.
    pub fn set_of(&self, sampled: &Sampled, label: &str, value: impl Into<f64>) {
        let labels = sampled.label.map(|name| (name, label.to_owned())).into_iter().collect();
        self.set_labels(sampled, labels, value.into());
    }

    fn set_labels(&self, sampled: &Sampled, labels: Labels, value: f64) {
        if let Some(family) = self.sampled.get(sampled.name) {
            family.get_or_create(&labels).set(value);
        }
    }

    /// Forgets a value that can't be read at the moment: none is better than an old one.
    pub fn forget(&self, sampled: &Sampled) {
        if let Some(family) = self.sampled.get(sampled.name) {
            family.clear();
        }
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_operations_tells_every_metric() {
        let page = include_str!("../../docs/operations.md");
        let text = Metrics::new(std::iter::empty(), "1", "2").text();
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let names: Vec<&str> = names.chain(SAMPLED.iter().map(|sampled| sampled.name)).collect();
        assert!(names.len() > SAMPLED.len());
        for name in names {
            let name = name.strip_prefix("zhuanjie_").unwrap_or(name);
            assert!(
                page.contains(&format!("`zhuanjie_{name}")),
                "docs/operations.md does not tell of {name}"
            );
        }
    }

    #[test]
    fn an_answer_is_counted_for_its_operation_and_no_path_gets_into_a_label() {
        let metrics = Metrics::new([("/v1/a/{id}", &Method::GET, "read_a")].into_iter(), "1", "2");
        let took = Duration::from_millis(3);
        metrics.answered(&Method::GET, Some("/v1/a/{id}"), StatusCode::OK, took);
        metrics.answered(&Method::POST, Some("/v1/a/{id}"), StatusCode::METHOD_NOT_ALLOWED, took);
        metrics.answered(&Method::GET, None, StatusCode::NOT_FOUND, took);
        let text = metrics.text();
        for line in [
            r#"zhuanjie_requests_total{operation="read_a",status="2xx"} 1"#,
            r#"zhuanjie_requests_total{operation="none",status="4xx"} 2"#,
            r#"zhuanjie_request_seconds_bucket{le="0.005",operation="read_a"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("/v1/"));
    }
}
