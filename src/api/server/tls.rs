//! TLS 1.2 and 1.3 with rustls. The certificate is read again when its files change, so a renewed one needs no restart.

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// A certificate with its key, from two files.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<(SystemTime, Arc<CertifiedKey>)>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file can't be read, holds no certificate or key, or the two do not belong together. The error names the file.
    pub fn read(chain: &Path, key: &Path) -> io::Result<Arc<Self>> {
        let current = (changed(chain, key)?, load(chain, key)?);
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(current),
        }))
    }

    /// The configuration of a server with this certificate.
    ///
    /// # Errors
    /// Never with the protocol versions and the provider that are built in.
    pub fn server(self: &Arc<Self>) -> io::Result<ServerConfig> {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        Ok(versions
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone()))
    }

    /// Reads the files again if they changed. If that fails, the old certificate stays in use and the log says why.
    pub fn refresh(&self) {
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner).0;
        let fresh = changed(&self.chain, &self.key).and_then(|at| {
            let is_new = at != known;
            is_new
                .then(|| load(&self.chain, &self.key).map(|key| (at, key)))
                .transpose()
        });
        match fresh {
            Ok(None) => {}
            Ok(Some(fresh)) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                log::info!("the certificate was read again");
            }
            Err(error) => log::warn!("the certificate can't be read again, so the old one stays in use: {error}"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone())
    }
}

/// The only provider of cryptography in this program.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// When the later of the two files was written.
fn changed(chain: &Path, key: &Path) -> io::Result<SystemTime> {
    let at = |path: &Path| std::fs::metadata(path)?.modified();
    let named = |path: &Path| at(path).map_err(|error| bad(path, error));
    Ok(named(chain)?.max(named(key)?))
}

fn load(chain: &Path, key: &Path) -> io::Result<Arc<CertifiedKey>> {
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(chain, error))?;
    if certificates.is_empty() {
        return Err(bad(chain, "it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error))?;
    let certified = CertifiedKey::from_der(certificates, private, &provider()).map_err(|error| bad(key, error))?;
    Ok(Arc::new(certified))
}

fn bad(path: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", path.display()))
}
