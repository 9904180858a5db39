//! Serves until the process receives a signal to stop.

use super::options::{DatabaseArgs, FilesArgs, RetentionArgs};
use crate::api::{self, Servers};
use crate::app::App;
use crate::clock::Clock;
use crate::config::version::{COMMIT, VERSION};
use crate::config::{Config, Keys};
use crate::db::CONTROL;
use crate::jobs::{self, ScheduleSettings};
use actix_web::dev::ServerHandle;
use anyhow::{Context, Result};
use clap::Args;
use clap::builder::FalseyValueParser;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

/// What `serve` needs, and `check-config` checks.
#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The address to listen on.
    #[arg(long, env = "ZHUANJIE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The address to listen on for health, readiness and metrics, such as 127.0.0.1:8081. Callers must not reach it.
    /// None by default.
    #[arg(long, env = "ZHUANJIE_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
    /// The longest time between two runs of a job, in seconds. Each job has its own interval (`jobs list`).
    #[arg(long, env = "ZHUANJIE_JOB_INTERVAL")]
    job_interval: Option<u64>,
    /// Run no jobs: for a drill, or where another server or a timer runs them.
    #[arg(long, env = "ZHUANJIE_NO_JOBS", value_parser = FalseyValueParser::new())]
    no_jobs: bool,
    #[command(flatten)]
    files: FilesArgs,
    #[command(flatten)]
    pub settings: api::ServerSettings,
    #[command(flatten)]
    kept: RetentionArgs,
}

impl ServeArgs {
    /// The configuration.
    ///
    /// # Errors
    /// When a value is missing or malformed.
    pub fn config(&self) -> Result<Config> {
        let mut config = self.files.clone().apply(self.database.config()?);
        config.retention = self.kept.retention()?;
        config.read_environment()?;
        Ok(config)
    }
}

/// Serves a database.
///
/// # Errors
/// When a value is missing or malformed, or the database or an address is not available.
pub async fn run(args: ServeArgs) -> Result<()> {
    let config = args.config()?;
    let keys = Keys::for_service()?;
    let app = App::start(&config, keys, Clock::system()).await?;
    let serving = Serving {
        listener: bind(args.listen)?,
        administration: args.admin_listen.map(bind).transpose()?,
        settings: args.settings,
        schedule: (!args.no_jobs).then(|| ScheduleSettings {
            longest: args.job_interval.map(Duration::from_secs),
            is_confirmed: false,
        }),
    };
    serve_app(app, serving, |_| Ok(())).await
}

/// Binds the address to listen on.
///
/// # Errors
/// When the address is in use or not permitted.
pub fn bind(listen: SocketAddr) -> Result<TcpListener> {
    api::bind(listen).with_context(|| format!("can't listen on {listen}"))
}

/// How long the database may take to finish the accepted work, after the last answer.
const CLOSING: Duration = Duration::from_secs(20);

/// Where and how an application is served.
pub struct Serving {
    pub listener: TcpListener,
    /// Where health, readiness and metrics are served, if they are.
    pub administration: Option<TcpListener>,
    pub settings: api::ServerSettings,
    /// How the jobs run. None runs if this is absent.
    pub schedule: Option<ScheduleSettings>,
}

/// Serves until the process receives a signal to stop, and runs the jobs, if there are settings for them. After the last answer it closes the database.
/// `announce` gets the address once the server listens on it.
///
/// # Errors
/// When a listener can't be used, or the error of `announce`.
pub async fn serve_app(app: App, serving: Serving, announce: impl FnOnce(SocketAddr) -> Result<()>) -> Result<()> {
    refuse_control()?;
    let settings = &serving.settings;
    let address = serving.listener.local_addr()?;
    let db = app.db.clone();
    if serving.schedule.is_none() {
        log::info!("no job runs here (--no-jobs)");
    }
    let longest = serving.schedule.as_ref().and_then(|schedule| schedule.longest);
    let schedule = serving.schedule.map(|settings| jobs::start_schedule(&app, settings));
    let servers = Servers::new(app, settings)?;
    let stop = StopSignals::new()?;
    let server = servers.public(serving.listener, api::threads())?;
    let administration = match serving.administration {
        Some(listener) => Some(administer(&servers, listener, longest)?),
        None => None,
    };
    announce(address)?;
    let scheme = if settings.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    log::info!(version = VERSION, commit = COMMIT;
        "listening on {scheme}://{address}, interface at {scheme}://{address}/docs/");
    let drain = Duration::from_secs(settings.drain);
    actix_web::rt::spawn(stop_when_told(stop, servers, server.handle(), drain));
    server.await?;
    if let Some(schedule) = schedule {
        schedule.abort();
    }
    if timeout(CLOSING, db.close()).await.is_err() {
        // A thread that waits for the database can't be cancelled, and a return would wait for it.
        log::error!("stopped, but the database does not answer: the outcome of the last writes is unknown");
        std::process::exit(1);
    }
    if let Some(administration) = administration {
        administration.stop(false).await;
    }
    log::info!("stopped; everything accepted is answered and stored");
    Ok(())
}

/// Starts the server for administration. It answers until the database is closed.
fn administer(servers: &Servers, listener: TcpListener, job_interval: Option<Duration>) -> Result<ServerHandle> {
    let address = listener.local_addr()?;
    let server = servers.administration(listener, jobs::intervals(job_interval))?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    log::info!("health, readiness and metrics at http://{address}/");
    Ok(handle)
}

/// The signals to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the next one. Returns whether it is SIGTERM, which a supervisor sends. The others come from somebody
    /// who waits at a terminal.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => false,
            _ = self.quit.recv() => false,
        }
    }
}

/// After SIGTERM the server drains: it is not ready any more, and each answer closes its connection, for so long that
/// everybody who asks for readiness has noticed. Then it finishes what it accepted. Any further signal ends the wait.
async fn stop_when_told(mut signals: StopSignals, servers: Servers, server: ServerHandle, drain: Duration) {
    let drains = signals.next().await && !drain.is_zero();
    servers.drain();
    if drains {
        log::info!(
            "told to stop: not ready any more, and answering for {} s",
            drain.as_secs()
        );
        tokio::select! {
            () = sleep(drain) => {}
            _ = signals.next() => {}
        }
    }
    server.stop(true).await;
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
