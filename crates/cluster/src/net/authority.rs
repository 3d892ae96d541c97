//! The cluster's own CA: a key that every node derives for itself, and the certificates that nodes make with it.
//!
//! The seed comes from the master key and the cluster's name, so no node needs to ask another, or a database,
//! to join; and one seed always gives one CA, byte for byte (Ed25519 signs without chance). A certificate is
//! made at each start and again at half its life; its key never touches a disk.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::{CaSeed, identity::NodeUri};

/// How long a node's certificate is good.
pub(crate) const LIFE: Duration = Duration::from_hours(14 * 24);
/// How long before its making it is good already: clocks differ.
const BACKDATED: Duration = Duration::from_hours(24);
/// What an Ed25519 private key of 32 bytes is wrapped in (RFC 8410 section 7).
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A certificate chain with its key.
pub(crate) struct Credentials {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// A CA made of a seed.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// The CA of a seed and a cluster.
    ///
    /// # Errors
    /// When the name cannot stand in a certificate.
    pub(crate) fn new(cluster: &str, seed: &CaSeed) -> Result<Self, rcgen::Error> {
        let mut pkcs8 = Zeroizing::new(PKCS8_ED25519.to_vec());
        pkcs8.extend_from_slice(&seed.0);
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("Keyraft cluster {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from_slice(&[1]));
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// The CA's own certificate, to be trusted.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Makes a node's certificate, good from a day before `now`, Unix seconds, until `life` after it.
    ///
    /// # Errors
    /// When the name cannot stand in a certificate.
    pub(crate) fn issue(&self, uri: &NodeUri, now: u64, life: Duration) -> Result<Credentials, rcgen::Error> {
        let key = KeyPair::generate()?;
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&uri.name);
        params.subject_alt_names = vec![SanType::URI(uri.to_string().try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = now - BACKDATED;
        params.not_after = now + life;
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(Credentials { chain: vec![certificate], key })
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_derives_the_same_ca_and_another_seed_gives_another() {
        let ca = |seed| Authority::new("blue", &CaSeed::new([seed; 32])).unwrap().certificate().clone();

        assert_eq!(ca(1), ca(1));
        assert_ne!(ca(1), ca(2));
    }
}
