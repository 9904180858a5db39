//! The server for those who operate the service: health, readiness with its detail, and metrics. It answers without a
//! token, so it listens where callers can't reach it.

use crate::api::admission::edge::Edge;
use crate::api::admission::headers;
use crate::api::metrics::{self, Metrics, Sampled};
use crate::api::settings::LAST_WORDS;
use crate::app::App;
use crate::config::version::{COMMIT, VERSION};
use crate::domain::core::time::Timestamp;
use crate::service::jobs::JobName;
use crate::service::status::{self, JobState, JobStatus, ServiceStatus};
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, HttpServer, web};
use serde::Serialize;
use std::io;
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::timeout;

/// How long readiness waits for the database's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections open at once: a few for each that asks for health or metrics.
const CONNECTIONS: usize = 64;
/// How long a connection may be idle, and how long its head may take.
const IDLE: Duration = Duration::from_secs(10);

/// What the handlers need.
#[derive(Clone)]
struct Administration {
    app: web::Data<App>,
    edge: web::Data<Edge>,
    intervals: Vec<(JobName, Duration)>,
}

/// A server on a listener, with a thread of its own.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(
    app: &web::Data<App>,
    edge: &web::Data<Edge>,
    intervals: Vec<(JobName, Duration)>,
    listener: TcpListener,
) -> io::Result<Server> {
    let state = web::Data::new(Administration {
        app: app.clone(),
        edge: edge.clone(),
        intervals,
    });
    let service = move || {
        actix_web::App::new()
            .app_data(state.clone())
            .route("/healthz", web::get().to(health))
            .route("/readyz", web::get().to(readiness))
            .route("/metrics", web::get().to(metrics))
            .wrap(from_fn(headers::headers))
    };
    let server = HttpServer::new(service)
        .workers(1)
        .max_connections(CONNECTIONS)
        .client_request_timeout(IDLE)
        .client_disconnect_timeout(LAST_WORDS)
        .keep_alive(IDLE)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

/// The state of the service, with its detail.
#[derive(Serialize)]
struct Readiness {
    status: ReadinessStatus,
    version: &'static str,
    commit: &'static str,
    /// Absent if the database does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<JobDetail>>,
    /// The age in seconds of the oldest entry of the audit log that is not sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_unsealed_age: Option<i64>,
}

/// Whether requests should come here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ReadinessStatus {
    Ok,
    Draining,
    Unavailable,
}

/// How a job is doing.
#[derive(Serialize)]
struct JobDetail {
    name: &'static str,
    state: JobState,
    /// When the last run without a failure began.
    succeeded_at: Option<Timestamp>,
}

impl Administration {
    /// Whether requests should come here, and what the database tells if it answers.
    async fn look(&self) -> (ReadinessStatus, Option<ServiceStatus>) {
        let db = &self.app.db;
        let status = match db.ping(PATIENCE).await {
            _ if self.edge.draining.has_begun() => ReadinessStatus::Draining,
            Ok(()) => ReadinessStatus::Ok,
            Err(_) => return (ReadinessStatus::Unavailable, None),
        };
        let found = timeout(PATIENCE, db.read(status::read)).await;
        (status, found.ok().and_then(Result::ok))
    }

    fn every(&self, job: JobName) -> Duration {
        let found = self.intervals.iter().find(|(name, _)| *name == job);
        found.map_or(Duration::ZERO, |(_, every)| *every)
    }

    fn detail(&self, job: &JobStatus) -> JobDetail {
        JobDetail {
            name: job.name.as_str(),
            state: job.state(self.every(job.name), self.app.clock.now()),
            succeeded_at: job.succeeded_at,
        }
    }
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn readiness(state: web::Data<Administration>) -> HttpResponse {
    let (status, found) = state.look().await;
    let now = state.app.clock.now();
    let mut response = match status {
        ReadinessStatus::Ok => HttpResponse::Ok(),
        ReadinessStatus::Draining | ReadinessStatus::Unavailable => HttpResponse::ServiceUnavailable(),
    };
    response.json(Readiness {
        status,
        version: VERSION,
        commit: COMMIT,
        audit_unsealed_age: found.as_ref().map(|found| found.unsealed_age(now).num_seconds()),
        jobs: found.map(|found| found.jobs.iter().map(|job| state.detail(job)).collect()),
    })
}

async fn metrics(state: web::Data<Administration>) -> HttpResponse {
    let (status, found) = state.look().await;
    let measured = &state.edge.metrics;
    measured.set(&metrics::READY, number(status == ReadinessStatus::Ok));
    measured.set(&metrics::DRAINING, number(status == ReadinessStatus::Draining));
    sample_edge(&state.edge, measured);
    sample_queues(&state.app, measured);
    sample_status(&state, found.as_ref(), measured);
    HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(measured.text())
}

fn sample_edge(edge: &Edge, measured: &Metrics) {
    measured.set(&metrics::CONNECTIONS, size(edge.connections.count()));
    for (class, used, all) in edge.concurrency.usage() {
        measured.set_of(&metrics::PLACES_USED, class, size(used));
        measured.set_of(&metrics::PLACES, class, size(all));
    }
    for (pool, used, all) in edge.concurrency.body_pools.usage() {
        measured.set_of(&metrics::BODY_BYTES_USED, pool, size(used));
        measured.set_of(&metrics::BODY_BYTES, pool, size(all));
    }
}

fn sample_queues(app: &App, measured: &Metrics) {
    let load = app.db.load();
    for (queue, waiting) in [
        ("reads", load.reads_queued),
        ("writes", load.writes_queued),
        ("proposals", app.proposals.queued()),
        ("passwords", app.passwords.waiting()),
    ] {
        measured.set_of(&metrics::QUEUED, queue, size(waiting));
    }
    if let Some((used, all)) = load.pool {
        measured.set(&metrics::POOL_USED, size(used));
        measured.set(&metrics::POOL, size(all));
    }
}

fn sample_status(state: &Administration, found: Option<&ServiceStatus>, measured: &Metrics) {
    // Whoever starts to measure finds what is expected even if the database does not answer.
    for (job, every) in &state.intervals {
        measured.set_of(&metrics::JOB_INTERVAL, job.as_str(), every.as_secs_f64());
    }
    let of_database: [&Sampled; 4] = [
        &metrics::JOB_AGE,
        &metrics::JOB_FAILED,
        &metrics::JOB_LATE,
        &metrics::UNSEALED_AGE,
    ];
    of_database.into_iter().for_each(|sampled| measured.forget(sampled));
    let Some(found) = found else { return };
    let now = state.app.clock.now();
    for job in &found.jobs {
        let (name, job_state) = (job.name.as_str(), job.state(state.every(job.name), now));
        if let Some(age) = job.age(now) {
            measured.set_of(&metrics::JOB_AGE, name, age.as_seconds_f64());
        }
        measured.set_of(&metrics::JOB_FAILED, name, number(job.has_failed));
        measured.set_of(&metrics::JOB_LATE, name, number(job_state == JobState::Late));
    }
    measured.set(&metrics::UNSEALED_AGE, found.unsealed_age(now).as_seconds_f64());
}

fn number(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

fn size(number: usize) -> f64 {
    number as f64
}
