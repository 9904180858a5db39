//! Serves until the process receives a signal to stop.

use crate::api;
use crate::app::App;
use crate::db::CONTROL;
use crate::jobs::{self, ScheduleSettings};
use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::time::timeout;

/// Binds the address to listen on.
///
/// # Errors
/// When the address is in use or not permitted.
pub fn bind(listen: SocketAddr) -> Result<TcpListener> {
    api::bind(listen).with_context(|| format!("can't listen on {listen}"))
}

/// How long the database may take to finish the accepted work, after the last answer.
const CLOSING: Duration = Duration::from_secs(20);

/// Serves until the process receives a signal to stop, and runs the jobs, if there are settings for them. After the last
/// answer it closes the database. `announce` gets the address once the server listens on it.
///
/// # Errors
/// When the listener can't be used, or the error of `announce`.
pub async fn serve_app(
    app: App,
    listener: TcpListener,
    settings: &api::ServerSettings,
    schedule: Option<ScheduleSettings>,
    announce: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    refuse_control()?;
    let address = listener.local_addr()?;
    let db = app.db.clone();
    if schedule.is_none() {
        log::info!("no job runs here (--no-jobs)");
    }
    let schedule = schedule.map(|settings| jobs::start_schedule(&app, settings));
    let server = api::serve(app, listener, api::threads(), settings)?;
    announce(address)?;
    let scheme = if settings.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    log::info!("listening on {scheme}://{address}, interface at {scheme}://{address}/docs/");
    server.await?;
    if let Some(schedule) = schedule {
        schedule.abort();
    }
    if timeout(CLOSING, db.close()).await.is_err() {
        // A thread that waits for the database can't be cancelled, and a return would wait for it.
        log::error!("stopped, but the database does not answer: the outcome of the last writes is unknown");
        std::process::exit(1);
    }
    log::info!("stopped; everything accepted is answered and stored");
    Ok(())
}

/// A build that serves as the control of the power-cut test says so, and serves only where the environment asks for it.
fn refuse_control() -> Result<()> {
    if !CONTROL {
        return Ok(());
    }
    log::error!("BUILT TO LOSE WRITES (feature control-synchronous-normal): for tests/harness/power_cut.py only");
    std::env::var("ZHUANJIE_CONTROL")
        .map(drop)
        .context("ZHUANJIE_CONTROL is not set: nothing is served")
}
