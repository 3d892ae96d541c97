//! Tells every application of a session that it ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! The step that ends a session writes down whom to tell; one node at a time delivers in the background, so that
//! whoever signs out does not wait for strangers' servers, and a node that stops in between loses nothing. A delivery
//! happens at least once and is tried again with growing pauses; after the first success it stops.

use std::time::Duration;

use futures::{StreamExt as _, future::BoxFuture};
use keyraft_cluster::{
    command::{EndWithNotice, NewNotice, Notice, NoticeTo, Settled},
    session::{Kind, UserSession},
};
use keyraft_core::{ClientView, Core, Error, RealmView, jobs::Job};
use keyraft_crypto::random;
use keyraft_model::{ClientUuid, DurationMs, UnixMs};
use keyraft_wire::oidc::claims::{Claim, Claims, Object};

use crate::tokens::{Use, sign};

/// How long a logout token lives.
const LIFESPAN: DurationMs = DurationMs::from_secs(120);
/// How often it is looked whether there is somebody to tell; where a session was ended it is looked at once.
const EVERY: Duration = Duration::from_secs(1);
/// Notices taken at a time; all of them are delivered before they count as given back.
const AT_ONCE: u32 = 32;
/// Posts that run at the same time. With a deadline of 5 s each, a notice's applications are through in time.
const POSTS: usize = 16;
/// How long taken notices are left to whoever took them.
const HELD: DurationMs = DurationMs::from_secs(60);
/// The pause after the first failure; it doubles with each, up to the longest.
const FIRST_PAUSE: i64 = 1_000;
const LONGEST_PAUSE: i64 = 3_600_000;
/// Tries after which an application is given up: some 12 hours after its session ended.
const TRIES: u32 = 24;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The job that delivers.
pub fn job() -> Job {
    Job {
        name: "logout notices",
        every: EVERY,
        hurries: true,
        round: |core| -> BoxFuture<'static, _> { Box::pin(deliver(core)) },
    }
}

/// Ends a session, or takes `client` out of it, and has those of its applications told that want to be. Returns what
/// stood.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn end(
    core: &Core,
    (realm, issuer): (&RealmView, &str),
    (sid, kind): (&str, Kind),
    client: Option<&ClientUuid>,
) -> Result<Vec<UserSession>, Error> {
    let view = core.sessions.view_of(sid, kind).await?;
    let Some(session) = view.session(sid, kind) else { return Ok(Vec::new()) };
    let clients = listeners(core, realm, session.clients.keys()).await;
    if clients.is_empty() {
        return match client {
            Some(client) => core.sessions.end_client(sid, kind, client, true).await,
            None => core.sessions.end(sid, kind).await,
        };
    }
    let end = EndWithNotice {
        sid: sid.to_owned(),
        kind,
        client: client.cloned(),
        or_session: true,
        notify: NoticeTo { issuer: issuer.to_owned(), clients: Some(clients) },
    };
    let ended = core.sessions.end_with_notice(end).await;
    core.hurry();
    ended
}

/// Has the applications of sessions told that were ended together.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn notify(
    core: &Core,
    realm: &RealmView,
    issuer: &str,
    ended: &[UserSession],
) -> Result<(), Error> {
    let mut notices = Vec::new();
    for session in ended {
        let clients = listeners(core, realm, session.clients.keys()).await;
        if !clients.is_empty() {
            notices.push(NewNotice {
                issuer: issuer.to_owned(),
                realm: session.realm.clone(),
                user: session.user.clone(),
                sid: session.sid.clone(),
                kind: session.kind,
                clients,
            });
        }
    }
    core.sessions.notify(notices).await?;
    core.hurry();
    Ok(())
}

/// Those of the clients that want to be told. One that cannot be looked up now is asked later.
async fn listeners<'a>(
    core: &Core,
    realm: &RealmView,
    clients: impl Iterator<Item = &'a ClientUuid> + Send,
) -> Vec<ClientUuid> {
    let mut listeners = Vec::new();
    for id in clients {
        match core.client_by_id(realm, id).await {
            Ok(Some(client)) if address(&client).is_none() => {}
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => listeners.push(id.clone()),
        }
    }
    listeners
}

fn address(client: &ClientView) -> Option<&str> {
    client.client.attribute("backchannel.logout.url")
}

/// One round of the job.
async fn deliver(core: Core) -> Result<(), Error> {
    loop {
        let notices = core.sessions.take_notices(AT_ONCE, HELD).await?;
        if notices.is_empty() {
            return Ok(());
        }
        let now = core.sessions.view().await?.now();
        let telling = notices.into_iter().map(|notice| {
            let core = core.clone();
            async move { (notice.id, tell_all(&core, &notice, now).await) }
        });
        let settled = futures::stream::iter(telling).buffer_unordered(POSTS).collect().await;
        core.sessions.settle_notices(settled).await?;
    }
}

/// Tells the applications of one notice, and says who is left.
async fn tell_all(core: &Core, notice: &Notice, now: UnixMs) -> Settled {
    let realm = match core.realm_by_id(&notice.realm).await {
        Ok(Some(realm)) => realm,
        Ok(None) => return Settled::GivenUp,
        Err(error) => {
            crate::refusal::log(&error);
            return again(notice, notice.clients.clone());
        }
    };
    let mut left = Vec::new();
    for id in &notice.clients {
        let told = match core.client_by_id(&realm, id).await {
            Ok(Some(client)) => tell(core, &realm, &client, notice, now).await,
            // Deleted meanwhile.
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(%error, client = %id, tries = notice.attempts, "an application was not told yet that a session ended");
            left.push(id.clone());
        }
    }
    if left.is_empty() { Settled::Delivered } else { again(notice, left) }
}

fn again(notice: &Notice, clients: Vec<ClientUuid>) -> Settled {
    if notice.attempts >= TRIES {
        tracing::warn!(session = %notice.sid, "applications will not be told any more that a session ended");
        return Settled::GivenUp;
    }
    Settled::Retry { clients, after: pause(notice.attempts) }
}

/// How long to wait after so many tries.
fn pause(tries: u32) -> DurationMs {
    DurationMs(FIRST_PAUSE.checked_shl(tries.min(30)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE))
}

async fn tell(
    core: &Core,
    realm: &RealmView,
    client: &ClientView,
    notice: &Notice,
    now: UnixMs,
) -> Result<(), Error> {
    let Some(url) = address(client) else { return Ok(()) };
    let token = logout_token(realm, client, notice, now)?;
    let posted = core.outbound.post_form(url, &[("logout_token", token.as_str())]).await;
    posted.map(drop).map_err(|error| Error::Unavailable(Box::new(error)))
}

/// The token that says so (section 2.4): never a nonce, or it could pass for an ID token.
fn logout_token(
    realm: &RealmView,
    client: &ClientView,
    notice: &Notice,
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
        iss: Some(notice.issuer.as_str().into()),
        aud: vec![settings.client_id.as_str().into()],
        sub: Some(notice.user.as_str().into()),
        typ: Some("Logout".into()),
        sid: names_session.then(|| notice.sid.as_str().into()),
        events: Some(events),
        ..Claims::default()
    };
    sign(Use::LogoutToken, realm, settings, &claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_have_an_end() {
        assert_eq!([0, 1, 5].map(|tries| pause(tries).0), [1_000, 2_000, 32_000]);
        assert_eq!(pause(12).0, LONGEST_PAUSE);
        assert_eq!(pause(u32::MAX).0, LONGEST_PAUSE);
    }
}
