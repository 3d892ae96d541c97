//! This node's certificate: read at start, read again when its files change.
//!
//! A renewed certificate must not need a restart. Files that do not fit together, as in the middle of a
//! renewal, leave the old pair in place and are tried again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::{default_provider, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{config::Https, shutdown::Stop};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A certificate with its key, and where they come from.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: [PathBuf; 2],
    current: watch::Sender<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the pair that the configuration names; nothing when https is off.
    ///
    /// # Errors
    /// A file that cannot be read, is no PEM, or a key that belongs to another certificate.
    pub(crate) fn open(https: &Https) -> anyhow::Result<Option<Arc<Self>>> {
        let (Some(certificate), Some(key)) = (&https.certificate_file, &https.certificate_key_file) else {
            return Ok(None);
        };
        let pair = read(certificate, key)?;
        let files = [certificate.clone(), key.clone()];
        Ok(Some(Arc::new(Self { files, current: watch::Sender::new(Arc::new(pair)) })))
    }

    /// What a listener needs to speak TLS 1.2 and 1.3 with it.
    ///
    /// # Errors
    /// None that the fixed set of algorithms can cause.
    pub(crate) fn acceptor(self: &Arc<Self>) -> anyhow::Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files once a minute and takes a new pair over, until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: Stop) {
        let mut seen = self.changed_at();
        loop {
            tokio::select! {
                () = stop.wanted() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = self.changed_at();
            if now != seen {
                match read(&self.files[0], &self.files[1]) {
                    Ok(pair) => {
                        seen = now;
                        self.current.send_replace(Arc::new(pair));
                        tracing::info!("https: took over the renewed certificate");
                    }
                    Err(error) => tracing::error!("https: the old certificate stays: {error:#}"),
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [0, 1].map(|at| std::fs::metadata(&self.files[at]).and_then(|file| file.modified()).ok())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.borrow()))
    }
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let chain =
        CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("{} holds no certificate that can be read", certificate.display()))?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", certificate.display());
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} holds no private key that can be read", key.display()))?;
    let pair = CertifiedKey::new(chain, any_supported_type(&private)?);
    pair.keys_match().with_context(|| format!("{} is the key of another certificate", key.display()))?;
    Ok(pair)
}
