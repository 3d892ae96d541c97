//! Self-signed certificates for RSA keys.

use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

use crate::Error;

const TEN_YEARS: Duration = Duration::from_hours(3_652 * 24);
/// How far back validity starts: clocks of relying parties differ. Keycloak's 100 s.
const BACKDATE: Duration = Duration::from_secs(100);

/// A certificate `CN=<name>` in DER, signed by its own key, valid for ten years from `now_secs` (Unix seconds).
pub(super) fn self_signed(pkcs8: &[u8], name: &str, now_secs: u64) -> Result<Vec<u8>, Error> {
    const FAILED: Error = Error::KeyUnusable("no certificate can be made for it");
    let pair = KeyPair::try_from(pkcs8).map_err(|_| FAILED)?;
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now_secs);

    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - BACKDATE;
    params.not_after = now + TEN_YEARS;
    let certificate = params.self_signed(&pair).map_err(|_| FAILED)?;
    Ok(certificate.der().to_vec())
}
