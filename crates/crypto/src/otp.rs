//! One-time passwords: HOTP (RFC 4226) and TOTP (RFC 6238), stored as Keycloak stores them.
//!
//! A check says *which* step or counter matched, so that the caller can take each code once. This file keeps
//! no state and reads no clock.

use std::fmt;

use hmac::Hmac;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, digest, encoding, random};

/// The widest window that is looked through, so that a realm's setting cannot make guessing easy or costly.
const MAX_WINDOW: u32 = 100;

/// The HMAC inside, by Keycloak's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Keycloak's")]
pub enum OtpAlgorithm {
    #[default]
    HmacSHA1,
    HmacSHA256,
    HmacSHA512,
}

impl OtpAlgorithm {
    /// The `algorithm` parameter of an `otpauth:` URI.
    pub fn uri_name(self) -> &'static str {
        match self {
            Self::HmacSHA1 => "SHA1",
            Self::HmacSHA256 => "SHA256",
            Self::HmacSHA512 => "SHA512",
        }
    }
}

/// What advances the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtpKind {
    /// Time.
    #[default]
    Totp,
    /// A counter.
    Hotp,
}

/// Keycloak's `credentialData` of an `otp` credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtpParameters {
    /// What advances the code.
    pub sub_type: OtpKind,
    /// Digits of a code: 6 or 8.
    pub digits: u32,
    /// The next counter of HOTP; 0 for TOTP.
    #[serde(default)]
    pub counter: u64,
    /// Seconds of a TOTP step; 0 for HOTP.
    #[serde(default)]
    pub period: u64,
    /// The HMAC inside.
    pub algorithm: OtpAlgorithm,
    /// `BASE32` when the stored value is base32; absent when its characters are the secret's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_encoding: Option<String>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct SecretData {
    value: String,
}

/// A one-time-password credential: its parameters and its secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Otp {
    #[zeroize(skip)]
    parameters: OtpParameters,
    value: String,
    secret: Vec<u8>,
}

impl Otp {
    /// A credential with a new secret of 20 characters of `[A-Za-z0-9]`, as Keycloak makes it.
    ///
    /// # Errors
    /// `OtpMalformed` for parameters out of range.
    pub fn generate(mut parameters: OtpParameters) -> Result<Self, Error> {
        parameters.secret_encoding = None;
        Self::new(parameters, random::alphanumeric(20))
    }

    /// A credential from its parameters and stored secret value.
    ///
    /// # Errors
    /// `OtpMalformed` names the member out of range.
    pub fn new(parameters: OtpParameters, value: String) -> Result<Self, Error> {
        if !matches!(parameters.digits, 6 | 8) {
            return Err(Error::OtpMalformed("digits"));
        }
        if parameters.sub_type == OtpKind::Totp && !(1..=3_600).contains(&parameters.period) {
            return Err(Error::OtpMalformed("period"));
        }
        let secret = match parameters.secret_encoding.as_deref() {
            None => Some(value.as_bytes().to_vec()),
            Some("BASE32") => encoding::from_base32(&value),
            Some(_) => return Err(Error::OtpMalformed("secretEncoding")),
        };
        let secret = secret.filter(|secret| !secret.is_empty()).ok_or(Error::OtpMalformed("value"))?;
        Ok(Self { parameters, value, secret })
    }

    /// Reads Keycloak's `credentialData` and `secretData`.
    ///
    /// # Errors
    /// `OtpMalformed` names the member.
    pub fn from_keycloak(credential_data: &str, secret_data: &str) -> Result<Self, Error> {
        let parameters =
            serde_json::from_str(credential_data).map_err(|_| Error::OtpMalformed("credentialData"))?;
        let mut data: SecretData =
            serde_json::from_str(secret_data).map_err(|_| Error::OtpMalformed("secretData"))?;
        Self::new(parameters, std::mem::take(&mut data.value))
    }

    /// Keycloak's `credentialData`.
    ///
    /// # Panics
    /// Never: plain members always serialise.
    pub fn credential_data(&self) -> String {
        serde_json::to_string(&self.parameters).expect("plain members always serialise")
    }

    /// Keycloak's `secretData`.
    ///
    /// # Panics
    /// Never: plain members always serialise.
    pub fn secret_data(&self) -> String {
        let data = SecretData { value: self.value.clone() };
        serde_json::to_string(&data).expect("a text always serialises")
    }

    /// The parameters.
    pub fn parameters(&self) -> &OtpParameters {
        &self.parameters
    }

    /// The stored secret value, as a set-up form carries it.
    pub fn secret_value(&self) -> &str {
        &self.value
    }

    /// The secret in base32, as a person types it into an authenticator app.
    pub fn secret_base32(&self) -> String {
        encoding::base32(&self.secret)
    }

    /// The TOTP step that `now_secs` (Unix seconds) falls into.
    pub fn step_at(&self, now_secs: u64) -> u64 {
        now_secs / self.parameters.period.max(1)
    }

    /// The code of one step or counter (RFC 4226 §5.3).
    pub fn code_at(&self, moving_factor: u64) -> String {
        let message = moving_factor.to_be_bytes();
        let hash = match self.parameters.algorithm {
            OtpAlgorithm::HmacSHA1 => Self::mac::<Hmac<Sha1>>(&self.secret, &message),
            OtpAlgorithm::HmacSHA256 => Self::mac::<Hmac<Sha256>>(&self.secret, &message),
            OtpAlgorithm::HmacSHA512 => Self::mac::<Hmac<Sha512>>(&self.secret, &message),
        };
        let offset = usize::from(hash[hash.len() - 1] & 15);
        let word: [u8; 4] = [hash[offset] & 0x7f, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
        let digits = self.parameters.digits;
        format!("{:0width$}", u32::from_be_bytes(word) % 10u32.pow(digits), width = digits as usize)
    }

    fn mac<M: hmac::Mac + hmac::KeyInit>(secret: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = <M as hmac::KeyInit>::new_from_slice(secret).expect("HMAC takes keys of every length");
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }

    /// The step that `code` belongs to, at most `window` steps before or after `now_secs` (Unix seconds).
    ///
    /// The caller remembers the step: the same code must not be taken twice (RFC 6238 §5.2).
    pub fn matched_step(&self, code: &str, now_secs: u64, window: u32) -> Option<u64> {
        let (now, window) = (self.step_at(now_secs), u64::from(window.min(MAX_WINDOW)));
        self.matched(code, now.saturating_sub(window)..=now.saturating_add(window))
    }

    /// The counter that `code` belongs to, at most `window` ahead of the stored one (RFC 4226 §7.4).
    ///
    /// The caller stores the counter after it, so that neither this code nor an earlier one is taken again.
    pub fn matched_counter(&self, code: &str, window: u32) -> Option<u64> {
        let next = self.parameters.counter;
        self.matched(code, next..=next.saturating_add(u64::from(window.min(MAX_WINDOW))))
    }

    /// Moves HOTP past a counter that matched.
    pub fn set_counter(&mut self, next: u64) {
        self.parameters.counter = next;
    }

    /// Every candidate is computed and compared in full: the time tells nothing about which one matched.
    fn matched(&self, code: &str, candidates: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let mut found = None;
        for factor in candidates {
            if digest::constant_time_eq(self.code_at(factor).as_bytes(), code.as_bytes()) {
                found = found.or(Some(factor));
            }
        }
        found
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otp")
            .field("parameters", &self.parameters)
            .field("secret", &format_args!("…"))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn otp(sub_type: OtpKind, digits: u32, algorithm: OtpAlgorithm, value: &str) -> Otp {
        let parameters =
            OtpParameters { sub_type, digits, counter: 0, period: 30, algorithm, secret_encoding: None };
        Otp::new(parameters, value.to_owned()).unwrap()
    }

    #[test]
    fn hotp_matches_rfc_4226_appendix_d() {
        let otp = otp(OtpKind::Hotp, 6, OtpAlgorithm::HmacSHA1, "12345678901234567890");

        let codes: Vec<String> = (0..5).map(|counter| otp.code_at(counter)).collect();

        assert_eq!(codes, ["755224", "287082", "359152", "969429", "338314"]);
    }

    #[test]
    fn totp_matches_rfc_6238_appendix_b() {
        let seed = "1234567890".repeat(7);
        for (algorithm, length, at_59, at_20000000000) in [
            (OtpAlgorithm::HmacSHA1, 20, "94287082", "65353130"),
            (OtpAlgorithm::HmacSHA256, 32, "46119246", "77737706"),
            (OtpAlgorithm::HmacSHA512, 64, "90693936", "47863826"),
        ] {
            let otp = otp(OtpKind::Totp, 8, algorithm, &seed[..length]);

            assert_eq!(otp.matched_step(at_59, 59, 0), Some(1));
            assert_eq!(otp.code_at(otp.step_at(20_000_000_000)), at_20000000000);
        }
    }

    #[test]
    fn the_window_names_the_step_that_matched() {
        let otp = otp(OtpKind::Totp, 6, OtpAlgorithm::HmacSHA1, "secretsecretsecret12");
        let now = 1_800_000_000;
        let step = otp.step_at(now);

        for (distance, expected) in [(0, true), (1, true), (2, false)] {
            let early = otp.matched_step(&otp.code_at(step - distance), now, 1);
            let late = otp.matched_step(&otp.code_at(step + distance), now, 1);
            assert_eq!(
                (early, late),
                (expected.then_some(step - distance), expected.then_some(step + distance))
            );
        }
        assert_eq!(otp.matched_step("", now, 1), None);
    }

    #[test]
    fn hotp_looks_ahead_and_never_back() {
        let mut otp = otp(OtpKind::Hotp, 6, OtpAlgorithm::HmacSHA1, "12345678901234567890");
        otp.set_counter(1);

        assert_eq!(otp.matched_counter("359152", 1), Some(2));
        assert_eq!(otp.matched_counter("969429", 1), None);
        assert_eq!(otp.matched_counter("755224", 1), None);
    }

    #[test]
    fn stored_credentials_come_back_to_the_letter() {
        let credential = r#"{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}"#;
        let secret = r#"{"value":"dm3GpYYXtJxqRoVPMDYi"}"#;

        let otp = Otp::from_keycloak(credential, secret).unwrap();

        assert_eq!((otp.credential_data().as_str(), otp.secret_data().as_str()), (credential, secret));
        assert_eq!(otp.secret_base32(), encoding::base32(b"dm3GpYYXtJxqRoVPMDYi"));
        assert!(!format!("{otp:?}").contains("dm3G"));
    }

    #[test]
    fn base32_secrets_are_decoded_and_broken_credentials_name_the_member() {
        let parameters = |encoding: &str, digits: u32| {
            format!(
                r#"{{"subType":"totp","digits":{digits},"period":30,"algorithm":"HmacSHA1","secretEncoding":"{encoding}"}}"#
            )
        };
        let secret = r#"{"value":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}"#;

        assert_eq!(Otp::from_keycloak(&parameters("BASE32", 6), secret).unwrap().code_at(0), "755224");
        for (data, member) in [(parameters("HEX", 6), "secretEncoding"), (parameters("BASE32", 7), "digits")]
        {
            assert!(matches!(Otp::from_keycloak(&data, secret), Err(Error::OtpMalformed(m)) if m == member));
        }
    }
}
