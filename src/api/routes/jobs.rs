//! The jobs and their runs.

use super::rules::Texts;
use crate::api::request::caller::{Caller, can};
use crate::api::response::problem::Problem;
use crate::api::wire::Instant;
use crate::app::App;
use crate::service::jobs::{self, JobName, Run};
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_jobs);
}

/// A job with its last runs.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct JobView {
    /// Its name.
    name: JobName,
    /// What it does.
    description: Texts,
    /// Its last ten runs, newest first.
    runs: Vec<RunView>,
}

/// A run of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobRun)]
struct RunView {
    /// The instant that the run worked for.
    at: Instant,
    /// When it began.
    started_at: Instant,
    /// When it ended. Absent while it runs, or if its server died.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Instant>,
    /// How many rows it changed.
    processed: i64,
    /// How many rows failed. The service's log names them.
    failed: i64,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            at: run.at.into(),
            started_at: run.started_at.into(),
            finished_at: run.finished_at.map(Instant::from),
            processed: run.processed,
            failed: run.failed,
            problem: run.problem,
        }
    }
}

/// List the jobs and their runs
///
/// Only the nation's own administrators can list the jobs. Each job has its last ten runs.
#[utoipa::path(tag = "service", operation_id = "list_jobs", security(("bearer" = [])), responses(
    (status = 200, description = "Every job with its last runs", body = [JobView]),
))]
#[get("/jobs")]
async fn list_jobs(app: web::Data<App>, caller: Caller<can::ReadJobs>) -> Result<HttpResponse, Problem> {
    let found = app
        .db
        .read(move |conn| jobs::overview(conn, &caller.context.actor))
        .await?;
    let view = |(job, runs): (JobName, Vec<Run>)| JobView {
        name: job,
        description: Texts::from(job.text()),
        runs: runs.into_iter().map(RunView::from).collect(),
    };
    Ok(HttpResponse::Ok().json(found.into_iter().map(view).collect::<Vec<_>>()))
}
