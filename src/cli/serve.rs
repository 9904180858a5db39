//! Serving until the process is told to stop.

use crate::api;
use crate::app::App;
use crate::db::CONTROL;
use crate::jobs;
use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::time::timeout;

/// Takes the address to listen on.
///
/// # Errors
/// When it is taken already or not ours to take.
pub fn bind(listen: SocketAddr) -> Result<TcpListener> {
    api::bind(listen).with_context(|| format!("can't listen on {listen}"))
}

/// How long the database may take to end what was accepted, after the last answer.
const CLOSING: Duration = Duration::from_secs(20);

/// Serves until the process is told to stop, and runs each job at its interval, or at `job_interval` if that is shorter. Then
/// closes the database after the last answer. `announce` is told the address once it is listened on.
///
/// # Errors
/// When the listener can't be used, or what `announce` returns.
pub async fn serve_app(
    app: App,
    listener: TcpListener,
    door: &api::ServerSettings,
    job_interval: Option<Duration>,
    announce: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    refuse_control()?;
    let address = listener.local_addr()?;
    let db = app.db.clone();
    let schedule = jobs::start_schedule(&app, job_interval);
    let server = api::serve(app, listener, api::threads(), door)?;
    announce(address)?;
    let scheme = if door.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    log::info!("listening on {scheme}://{address}, interface at {scheme}://{address}/docs/");
    server.await?;
    schedule.abort();
    if timeout(CLOSING, db.close()).await.is_err() {
        // Whoever waits for an answer of the database can't be called back, and to return would be to wait for him.
        log::error!("stopped, though the database does not answer: it alone knows what became of the last writes");
        std::process::exit(1);
    }
    log::info!("stopped; everything accepted is answered and stored");
    Ok(())
}

/// A program built as the control of the power cuts says so, and serves only where it is asked to.
fn refuse_control() -> Result<()> {
    if !CONTROL {
        return Ok(());
    }
    log::error!("BUILT TO LOSE WRITES (feature control-synchronous-normal): for tests/harness/power_cut.py only");
    std::env::var("ZHUANJIE_CONTROL")
        .map(drop)
        .context("ZHUANJIE_CONTROL is not set: nothing is served")
}
