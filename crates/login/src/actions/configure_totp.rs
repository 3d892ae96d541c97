//! `CONFIGURE_TOTP`: an authenticator app is set up, and proves it by a first code.
//!
//! The secret is made from this tab and this user ([`crate::auth_session::Sealing::otp_secret`]): the page shows
//! the same one however often it is loaded, and what the form says it is counts for nothing.

use std::sync::Arc;

use keyraft_cluster::command::{OnceKey, OnceKind};
use keyraft_core::{Error, UserRecord};
use keyraft_crypto::{
    digest,
    otp::{Otp, OtpAlgorithm, OtpKind, OtpParameters},
};
use keyraft_model::{Credential, CredentialId, DurationMs, Realm};
use keyraft_web::Fields;

use super::{Done, end_others};
use crate::{journey::Journey, view::Notice};

/// How long a set-up is remembered, so that its form, sent twice, makes one credential.
const REMEMBERED: DurationMs = DurationMs::from_secs(43_200);

/// The longest name of a device.
const MAX_LABEL: usize = 255;

/// The credential that this page is about, under the realm's policy.
pub(crate) fn offered(journey: &Journey, user: &UserRecord) -> Result<Otp, Error> {
    let secret = journey.otp_secret(&user.user.id);
    Otp::new(parameters(&journey.browser.realm.realm), secret)
        .map_err(|error| Error::Invalid { field: "otpPolicy".into(), rule: error.to_string() })
}

/// The realm's policy for new codes.
fn parameters(realm: &Realm) -> OtpParameters {
    let is_hotp = realm.otp_policy_type == "hotp";
    let number = |number: i64, default: u64| u64::try_from(number).ok().filter(|n| *n > 0).unwrap_or(default);
    OtpParameters {
        sub_type: if is_hotp { OtpKind::Hotp } else { OtpKind::Totp },
        digits: u32::try_from(realm.otp_policy_digits).unwrap_or(6),
        counter: if is_hotp { u64::try_from(realm.otp_policy_initial_counter).unwrap_or(0) } else { 0 },
        period: number(realm.otp_policy_period, 30),
        algorithm: match realm.otp_policy_algorithm.as_str() {
            "HmacSHA256" => OtpAlgorithm::HmacSHA256,
            "HmacSHA512" => OtpAlgorithm::HmacSHA512,
            _ => OtpAlgorithm::HmacSHA1,
        },
        secret_encoding: None,
    }
}

pub(super) async fn submit(journey: &mut Journey, user: &UserRecord, form: &Fields) -> Result<Done, Error> {
    let wrong = |key: &str| Done::Again(Notice::Field("totp", key.into(), Vec::new()));
    let code: String =
        form.get("totp").unwrap_or_default().chars().filter(|letter| !letter.is_whitespace()).collect();
    if code.is_empty() {
        return Ok(wrong("missingTotpMessage"));
    }
    let realm = Arc::clone(&journey.browser.realm);
    let mut otp = offered(journey, user)?;
    let window = u32::try_from(realm.realm.otp_policy_look_ahead_window.max(0)).unwrap_or(1);
    let matched = match otp.parameters().sub_type {
        OtpKind::Totp => otp.matched_step(&code, journey.now.secs().unsigned_abs(), window),
        OtpKind::Hotp => otp.matched_counter(&code, window),
    };
    let Some(matched) = matched else {
        journey.event("UPDATE_CREDENTIAL_ERROR", Some("invalid_user_credentials"), &[]);
        return Ok(wrong("invalidTotpMessage"));
    };
    if otp.parameters().sub_type == OtpKind::Hotp {
        otp.set_counter(matched + 1);
    }
    let label: String = form.get("userLabel").unwrap_or_default().trim().chars().take(MAX_LABEL).collect();
    if !journey.take_link().await? {
        return Ok(Done::Stale);
    }
    let id = digest::sha256(format!("totp|{}", journey.login_id()).as_bytes());
    let owner = user.user.id.to_string();
    let key = OnceKey { kind: OnceKind::CredentialAction, realm: realm.realm.id.clone(), owner, id };
    if !journey.core().sessions.take_once(key, REMEMBERED).await? {
        return Ok(Done::Yes);
    }
    let credential = Credential {
        id: CredentialId::random(),
        kind: "otp".into(),
        user_label: Some(label).filter(|label| !label.is_empty()),
        created_date: journey.now.0,
        secret_data: otp.secret_data(),
        credential_data: otp.credential_data(),
        priority: 0,
    };
    journey.core().add_credential(&realm, &user.user.id, &credential).await?;
    journey.event("UPDATE_CREDENTIAL", None, &[("credential_type", "otp")]);
    if form.has("logout-sessions") {
        end_others(journey, user).await?;
    }
    Ok(Done::Yes)
}

/// What an authenticator app reads from the picture (`otpauth:`, Google's key URI format).
pub(crate) fn uri(otp: &Otp, issuer: &str, username: &str) -> String {
    use keyraft_web::extract::query_value as escape;
    let parameters = otp.parameters();
    let (kind, own) = match parameters.sub_type {
        OtpKind::Totp => ("totp", format!("period={}", parameters.period)),
        OtpKind::Hotp => ("hotp", format!("counter={}", parameters.counter)),
    };
    let issuer = escape(issuer);
    format!(
        "otpauth://{kind}/{issuer}:{}?secret={}&digits={}&algorithm={}&issuer={issuer}&{own}",
        escape(username),
        otp.secret_base32().trim_end_matches('='),
        parameters.digits,
        parameters.algorithm.uri_name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_reads_issuer_name_and_policy() {
        let realm = Realm {
            otp_policy_type: "totp".into(),
            otp_policy_digits: 8,
            otp_policy_period: 60,
            otp_policy_algorithm: "HmacSHA256".into(),
            ..Realm::default()
        };
        let otp = Otp::new(parameters(&realm), "it is twenty chars..".into()).expect("in range");

        assert_eq!(
            uri(&otp, "Acme & Co", "al:ice"),
            "otpauth://totp/Acme%20%26%20Co:al%3Aice?secret=NF2CA2LTEB2HOZLOOR4SAY3IMFZHGLRO&digits=8\
             &algorithm=SHA256&issuer=Acme%20%26%20Co&period=60"
        );
    }

    #[test]
    fn a_counter_begins_where_the_realm_says() {
        let realm = Realm {
            otp_policy_type: "hotp".into(),
            otp_policy_digits: 6,
            otp_policy_initial_counter: 7,
            ..Realm::default()
        };

        let parameters = parameters(&realm);

        assert_eq!((parameters.sub_type, parameters.counter), (OtpKind::Hotp, 7));
    }
}
