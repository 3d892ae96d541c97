//! How long sessions and tokens may live: the realm's settings and the client's own, whichever is shorter.
//!
//! All of it is arithmetic on settings; nothing here reads a clock or a session map.

use keyraft_cluster::session::{ClientSession, Kind, Limits, UserSession};
use keyraft_model::{Client, DurationMs, Realm, UnixMs};

/// The limits of a user session by the realm's present settings.
pub fn of_session(realm: &Realm, kind: Kind, remembered: bool) -> Limits {
    match kind {
        Kind::Online => {
            Limits { max: Some(realm.session_max(remembered)), idle: Some(realm.session_idle(remembered)) }
        }
        Kind::Offline => Limits {
            max: realm
                .offline_session_max_lifespan_enabled
                .then(|| DurationMs::from_secs(realm.offline_session_max_lifespan)),
            idle: Some(DurationMs::from_secs(realm.offline_session_idle_timeout)),
        },
    }
}

/// The limits of a client session, beside those of its user session: the client's attribute, else the
/// realm's setting; 0 means none.
pub fn of_client_session(realm: &Realm, client: &Client, kind: Kind) -> Limits {
    let pick = |attribute: &str, realm_secs: i64| {
        let secs = client.attribute_number(attribute).unwrap_or(realm_secs);
        (secs > 0).then(|| DurationMs::from_secs(secs))
    };
    match kind {
        Kind::Online => Limits {
            max: pick("client.session.max.lifespan", realm.client_session_max_lifespan),
            idle: pick("client.session.idle.timeout", realm.client_session_idle_timeout),
        },
        Kind::Offline => Limits {
            max: realm.offline_session_max_lifespan_enabled.then_some(()).and_then(|()| {
                pick("client.offline.session.max.lifespan", realm.client_offline_session_max_lifespan)
            }),
            idle: pick("client.offline.session.idle.timeout", realm.client_offline_session_idle_timeout),
        },
    }
}

/// When a user session ends by the realm's *present* limits; the earlier of that and what was computed.
pub fn session_end(realm: &Realm, session: &UserSession) -> UnixMs {
    let present = of_session(realm, session.kind, session.remember_me);
    session.expires.min(present.end(session.started, session.last_use))
}

/// When a client session ends by the present limits of realm and client.
pub fn client_session_end(
    realm: &Realm,
    client: &Client,
    session: &UserSession,
    held: &ClientSession,
) -> UnixMs {
    let present = of_client_session(realm, client, session.kind);
    session_end(realm, session).min(present.end(held.started, held.last_use))
}

/// The latest end that no use of the session can move: `None` where nothing limits it.
fn hard_end(realm: &Realm, client: &Client, session: &UserSession, held: &ClientSession) -> Option<UnixMs> {
    let of_user =
        of_session(realm, session.kind, session.remember_me).max.map(|max| session.started.plus(max));
    let of_client = of_client_session(realm, client, session.kind).max.map(|max| held.started.plus(max));
    [of_user, of_client].into_iter().flatten().min()
}

/// When an access token issued `now` expires: its lifespan, capped by what is left of the session.
pub fn access_token_end(
    realm: &Realm,
    client: &Client,
    session: Option<(&UserSession, &ClientSession)>,
    now: UnixMs,
) -> UnixMs {
    let left = session.and_then(|(session, held)| hard_end(realm, client, session, held));
    let lifespan = client.attribute_number("access.token.lifespan").unwrap_or(realm.access_token_lifespan);
    if lifespan < 0 {
        // Keycloak: -1 means "as long as the session may last".
        let session_max = DurationMs::from_secs(realm.sso_session_max_lifespan);
        return left.unwrap_or_else(|| now.plus(session_max));
    }
    let end = now.plus(DurationMs::from_secs(lifespan));
    left.map_or(end, |left| end.min(left))
}

/// When a refresh token issued `now` expires; `None` for an offline token without a maximum.
pub fn refresh_token_end(
    realm: &Realm,
    client: &Client,
    session: &UserSession,
    held: &ClientSession,
    now: UnixMs,
) -> Option<UnixMs> {
    let hard = hard_end(realm, client, session, held);
    if session.kind == Kind::Offline && !realm.offline_session_max_lifespan_enabled {
        return None;
    }
    let of_user = of_session(realm, session.kind, session.remember_me).idle;
    let of_client = of_client_session(realm, client, session.kind).idle;
    let idle = [of_user, of_client].into_iter().flatten().min().map(|idle| now.plus(idle));
    [hard, idle].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = UnixMs(43_200_000);

    fn realm() -> Realm {
        Realm {
            access_token_lifespan: 300,
            sso_session_idle_timeout: 1800,
            sso_session_max_lifespan: 36000,
            offline_session_idle_timeout: 2_592_000,
            offline_session_max_lifespan: 5_184_000,
            ..Realm::default()
        }
    }

    fn session(kind: Kind) -> (UserSession, ClientSession) {
        let held = ClientSession { started: NOON, last_use: NOON, ..ClientSession::default() };
        let session = UserSession {
            sid: "s".into(),
            kind,
            realm: "r".into(),
            user: "u".into(),
            started: NOON,
            last_use: NOON,
            expires: UnixMs(i64::MAX),
            limits: Limits::default(),
            remember_me: false,
            ip_address: String::new(),
            notes: keyraft_cluster::SmallMap::default(),
            clients: keyraft_cluster::SmallMap::default(),
        };
        (session, held)
    }

    #[test]
    fn an_access_token_never_outlives_its_session() {
        let (session, held) = session(Kind::Online);
        let late = NOON.plus(DurationMs::from_secs(35_900));

        let end = access_token_end(&realm(), &Client::default(), Some((&session, &held)), late);

        assert_eq!(end.since(late).secs(), 100);
    }

    #[test]
    fn minus_one_means_as_long_as_the_session() {
        let (session, held) = session(Kind::Online);
        let mut client = Client::default();
        client.attributes.insert("access.token.lifespan".into(), "-1".into());

        let end = access_token_end(&realm(), &client, Some((&session, &held)), NOON);

        assert_eq!(end.since(NOON).secs(), 36_000);
    }

    #[test]
    fn the_least_limit_rules_a_refresh_token() {
        let (session, held) = session(Kind::Online);
        let mut client = Client::default();
        assert_eq!(
            refresh_token_end(&realm(), &client, &session, &held, NOON).map(|end| end.since(NOON).secs()),
            Some(1800)
        );

        client.attributes.insert("client.session.idle.timeout".into(), "60".into());

        assert_eq!(
            refresh_token_end(&realm(), &client, &session, &held, NOON).map(|end| end.since(NOON).secs()),
            Some(60)
        );
    }

    #[test]
    fn an_offline_token_has_no_end_unless_the_realm_sets_one() {
        let (session, held) = session(Kind::Offline);
        let mut realm = realm();
        assert_eq!(refresh_token_end(&realm, &Client::default(), &session, &held, NOON), None);

        realm.offline_session_max_lifespan_enabled = true;

        let end = refresh_token_end(&realm, &Client::default(), &session, &held, NOON);
        assert_eq!(end.map(|end| end.since(NOON).secs()), Some(2_592_000));
    }
}
