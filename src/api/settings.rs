//! The settings of the HTTP server: options of `serve`, from the command line and the environment.

use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// How many seconds accepted requests have to finish when the service is told to stop.
pub const SHUTDOWN_SECONDS: u64 = 30;
/// How long a client whose body was refused has to read the answer.
pub const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the TLS handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Requests worked on at once. With a database that answers 300 of them a second, an admitted request waits for half a
/// second at most. A higher limit would only make the queue longer.
const IN_FLIGHT: usize = 128;
/// Seconds until an admitted request is answered, even if the database does not answer.
const DEADLINE: u64 = 10;
/// Connections open at once.
const CONNECTIONS: usize = 4096;
/// Requests a minute of one account, and of one address without a valid token.
const ACCOUNT_BUDGET: u32 = 6000;
const ADDRESS_BUDGET: u32 = 1200;

/// The settings of the HTTP server.
#[derive(Debug, Clone, Args)]
pub struct ServerSettings {
    /// Requests worked on at once; more are refused with 503
    #[arg(long, env = "ZHUANJIE_IN_FLIGHT", default_value_t = IN_FLIGHT)]
    pub in_flight: usize,
    /// Seconds until an admitted request is answered
    #[arg(long, env = "ZHUANJIE_DEADLINE", default_value_t = DEADLINE)]
    pub deadline: u64,
    /// Connections open at once; each needs two file descriptors
    #[arg(long, env = "ZHUANJIE_CONNECTIONS", default_value_t = CONNECTIONS)]
    pub connections: usize,
    /// Requests a minute of one account; 0 for no limit
    #[arg(long, env = "ZHUANJIE_ACCOUNT_BUDGET", default_value_t = ACCOUNT_BUDGET)]
    pub account_budget: u32,
    /// Requests a minute without a valid token from one address; 0 for no limit
    #[arg(long, env = "ZHUANJIE_ADDRESS_BUDGET", default_value_t = ADDRESS_BUDGET)]
    pub address_budget: u32,
    /// Origins whose pages may call (CORS), such as https://tuan.example.cn, separated by commas; none by default
    #[arg(long, env = "ZHUANJIE_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// The certificate chain (PEM); with it and its key the service speaks TLS
    #[arg(long, env = "ZHUANJIE_TLS_CERTIFICATE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "ZHUANJIE_TLS_KEY", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// The deadlines for slow clients.
    #[arg(skip)]
    pub timeouts: Timeouts,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            in_flight: IN_FLIGHT,
            deadline: DEADLINE,
            connections: CONNECTIONS,
            account_budget: ACCOUNT_BUDGET,
            address_budget: ADDRESS_BUDGET,
            cors_origins: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            timeouts: Timeouts::default(),
        }
    }
}

/// The deadlines for slow clients (S-13). Only tests change them.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// Until a connection's first head is complete.
    pub head: Duration,
    /// How long a connection may be idle between two requests. A later head must be complete by then, too.
    pub idle: Duration,
    /// How long a body may be silent before the minimum rate applies.
    pub grace: Duration,
    /// The minimum rate of a body in bytes a second, counted from its beginning.
    pub rate: usize,
    /// Until a body that is kept in memory is complete, at any rate.
    pub body: Duration,
    /// Until an uploaded file is complete.
    pub upload: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            grace: Duration::from_secs(5),
            rate: 8 * 1024,
            body: Duration::from_secs(30),
            upload: Duration::from_secs(180),
        }
    }
}
