//! TLS 1.3 both ways, with the cluster's own idea of who is let in.
//!
//! A peer's certificate must lead to a CA of the cluster, be good now, and carry a URI name of this cluster;
//! DNS names play no part, addresses change too often. What is used for the next handshake can be replaced at
//! any moment: certificates made here at half their life, files when they change.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{
        ParsedCertificate, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::TLS13,
};

use super::{
    NetworkSettings, Tls,
    authority::{Authority, Credentials, LIFE},
    identity::NodeUri,
};
use crate::time::wall_us;

/// What the two sides agree to speak.
const ALPN: &[u8] = b"keyraft-cluster";

/// Both sides' configuration; replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Configs {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

/// Where the certificates come from, and what is made of them at present.
pub(crate) struct Identity {
    uri: NodeUri,
    source: Source,
    life: Duration,
    current: RwLock<Configs>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("uri", &self.uri).finish_non_exhaustive()
    }
}

enum Source {
    Derived { authorities: Vec<Authority> },
    Files { ca: std::path::PathBuf, cert: std::path::PathBuf, key: std::path::PathBuf },
}

impl Identity {
    /// Reads or makes the first certificate. Blocking.
    ///
    /// # Errors
    /// What is wrong with names, seeds or files.
    pub(crate) fn new(settings: &NetworkSettings) -> Result<Self, String> {
        Self::with_life(settings, LIFE)
    }

    /// The same, with certificates of another life.
    pub(crate) fn with_life(settings: &NetworkSettings, life: Duration) -> Result<Self, String> {
        let uri = NodeUri::new(&settings.cluster, &settings.name)
            .ok_or("the cluster's and the node's name may hold letters, digits, '.', '_' and '-' only")?;
        let source = match &settings.tls {
            Tls::Derived(seeds) if seeds.is_empty() => return Err("no master key to derive from".to_owned()),
            Tls::Derived(seeds) => {
                let authorities = seeds.iter().map(|seed| Authority::new(&uri.cluster, seed));
                let authorities = authorities.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
                Source::Derived { authorities }
            }
            Tls::Files { ca, cert, key } => {
                Source::Files { ca: ca.clone(), cert: cert.clone(), key: key.clone() }
            }
        };
        let configs = make(&uri, &source, life)?;
        Ok(Self { uri, source, life, current: RwLock::new(configs) })
    }

    /// What the next handshake uses.
    pub(crate) fn configs(&self) -> Configs {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes or reads certificates anew. Blocking.
    ///
    /// # Errors
    /// What is wrong; the present ones stay in use.
    pub(crate) fn renew(&self) -> Result<(), String> {
        let configs = make(&self.uri, &self.source, self.life)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = configs;
        Ok(())
    }

    /// How often to renew: half of a certificate's life, or often enough to follow files.
    pub(crate) fn renewal(&self) -> Duration {
        match self.source {
            Source::Derived { .. } => self.life / 2,
            Source::Files { .. } => Duration::from_mins(1),
        }
    }
}

fn make(uri: &NodeUri, source: &Source, life: Duration) -> Result<Configs, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut roots = RootCertStore::empty();
    let Credentials { chain, key } = match source {
        Source::Derived { authorities } => {
            for authority in authorities {
                roots.add(authority.certificate().clone()).map_err(|error| text(&error))?;
            }
            let first = authorities.first().ok_or("no master key to derive from")?;
            let now = u64::try_from(wall_us() / 1_000_000).unwrap_or(0);
            first.issue(uri, now, life).map_err(|error| text(&error))?
        }
        Source::Files { ca, cert, key } => {
            let named = |path: &std::path::Path, error: &dyn std::fmt::Display| {
                format!("{}: {error}", path.display())
            };
            for root in read_certificates(ca)? {
                roots.add(root).map_err(|error| named(ca, &error))?;
            }
            let chain = read_certificates(cert)?;
            let leaf = chain.first().ok_or_else(|| named(cert, &"holds no certificate"))?;
            if node_of(leaf).as_ref() != Some(uri) {
                return Err(named(cert, &format!("does not carry the URI name {uri}")));
            }
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, &error))?;
            Credentials { chain, key }
        }
    };
    if let Some(until) = chain.first().and_then(expiry) {
        metrics::gauge!("keyraft_cluster_certificate_expiry_seconds").set(until);
    }
    configs(uri, roots, chain, key).map_err(|error| text(&error))
}

/// Until when a certificate is good, in Unix seconds.
#[expect(clippy::cast_precision_loss, reason = "seconds of the next 285 million years are exact")]
fn expiry(certificate: &CertificateDer<'_>) -> Option<f64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp() as f64)
}

fn read_certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let named = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(named)?.collect::<Result<_, _>>().map_err(named)
}

fn configs(
    uri: &NodeUri,
    roots: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Configs, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Verifier::new(&uri.cluster, roots, Arc::clone(&provider))?);
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
        .with_client_auth_cert(chain.clone(), key.clone_key())?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    client.alpn_protocols = vec![ALPN.to_vec()];
    server.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would not show its certificate again: expiry and rotation would come late.
    client.resumption = Resumption::disabled();
    server.send_tls13_tickets = 0;
    Ok(Configs { client: Arc::new(client), server: Arc::new(server) })
}

/// The node that a certificate names, not yet verified.
pub(crate) fn node_of(certificate: &CertificateDer<'_>) -> Option<NodeUri> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut uris = certificate.valid_uri_names();
    // Two names would be two identities; ours have one.
    match (uris.next(), uris.next()) {
        (Some(uri), None) => NodeUri::parse(uri),
        _ => None,
    }
}

/// Lets in who has a certificate of this cluster.
#[derive(Debug)]
struct Verifier {
    cluster: String,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Verifier {
    fn new(cluster: &str, roots: RootCertStore, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let clients = clients.build().map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { cluster: cluster.to_owned(), roots, provider, clients })
    }

    fn check_cluster(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        match node_of(certificate) {
            Some(node) if node.cluster == self.cluster => Ok(()),
            _ => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
}

/// TLS 1.2 is not spoken; rustls asks for its checks all the same.
fn no_tls12() -> Error {
    Error::General("TLS 1.3 only".to_owned())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        self.check_cluster(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Strangers need not learn the cluster's name.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.clients.verify_client_cert(end_entity, intermediates, now)?;
        self.check_cluster(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::CaSeed;

    #[test]
    fn a_certificate_says_until_when_it_is_good() {
        let authority = Authority::new("blue", &CaSeed::new([7; 32])).unwrap();
        let uri = NodeUri::new("blue", "node-1").unwrap();

        let made = authority.issue(&uri, 1_800_000_000, Duration::from_hours(24)).unwrap();

        assert_eq!(expiry(&made.chain[0]), Some(1_800_086_400.0));
        assert_eq!(expiry(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
