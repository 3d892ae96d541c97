//! Tells every application of a session that it ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! Sent in the background: whoever signs out does not wait for strangers' servers. A post that fails is tried
//! again a few times, from memory; a node that stops in between forgets it, as Keycloak's does.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use keyraft_cluster::session::UserSession;
use keyraft_core::{ClientView, Core, Error, RealmView};
use keyraft_crypto::random;
use keyraft_model::{DurationMs, UnixMs};
use keyraft_wire::oidc::claims::{Claim, Claims, Object};

use crate::tokens::{Use, sign};

/// How long a logout token lives.
const LIFESPAN: DurationMs = DurationMs::from_secs(120);
/// How long to wait before each further try.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];
/// Applications told at the same time.
const AT_ONCE: usize = 16;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Starts to tell the applications of sessions that ended. `now` is the clock by which they did.
pub fn notify(core: &Core, realm: &Arc<RealmView>, issuer: &str, ended: Vec<UserSession>, now: UnixMs) {
    let mut notices = Vec::new();
    for mut session in ended {
        let clients = std::mem::take(&mut session.clients);
        let session = Arc::new(session);
        notices.extend(clients.into_iter().map(|(client, _)| (Arc::clone(&session), client)));
    }
    if notices.is_empty() {
        return;
    }
    let (core, realm, issuer) = (core.clone(), Arc::clone(realm), Arc::<str>::from(issuer));
    tokio::spawn(futures::stream::iter(notices).for_each_concurrent(AT_ONCE, move |(session, client)| {
        let (core, realm, issuer) = (core.clone(), Arc::clone(&realm), Arc::clone(&issuer));
        async move {
            match core.client_by_id(&realm, &client).await {
                Ok(Some(client)) => tell(&core, &realm, &issuer, &client, &session, now).await,
                Ok(None) => {}
                Err(error) => crate::refusal::log(&error),
            }
        }
    }));
}

async fn tell(
    core: &Core,
    realm: &RealmView,
    issuer: &str,
    client: &ClientView,
    session: &UserSession,
    now: UnixMs,
) {
    let Some(url) = client.client.attribute("backchannel.logout.url") else { return };
    let token = match logout_token(realm, issuer, client, session, now) {
        Ok(token) => token,
        Err(error) => return crate::refusal::log(&error),
    };
    let form = [("logout_token", token.as_str())];
    let mut pauses = PAUSES.iter();
    while let Err(error) = core.outbound.post_form(url, &form).await {
        let client = &client.client.client_id;
        let Some(pause) = pauses.next() else {
            tracing::warn!(%error, client, "an application was not told that a session ended");
            return;
        };
        tokio::time::sleep(*pause).await;
    }
}

/// The token that says so (section 2.4): never a nonce, or it could pass for an ID token.
fn logout_token(
    realm: &RealmView,
    issuer: &str,
    client: &ClientView,
    session: &UserSession,
    now: UnixMs,
) -> Result<String, Error> {
    let settings = &client.client;
    let mut events = Object::default();
    events.put(EVENT, Claim::Object(Object::default()));
    if settings.is_attribute("backchannel.logout.revoke.offline.tokens") {
        events.put("revoke_offline_access", Claim::Bool(true));
    }
    let names_session =
        settings.attribute("backchannel.logout.session.required").is_some_and(|text| text == "true");
    let claims = Claims {
        exp: Some(now.plus(LIFESPAN).secs()),
        iat: Some(now.secs()),
        jti: Some(random::uuid().into()),
        iss: Some(issuer.into()),
        aud: vec![settings.client_id.as_str().into()],
        sub: Some(session.user.as_str().into()),
        typ: Some("Logout".into()),
        sid: names_session.then(|| session.sid.as_str().into()),
        events: Some(events),
        ..Claims::default()
    };
    sign(Use::LogoutToken, realm, settings, &claims)
}
