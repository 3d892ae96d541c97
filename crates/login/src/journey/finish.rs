//! The end of a login: one command starts the session, the client's part of it and the code.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use keyraft_cluster::{
    command::{AttachClient, LoginTaken, StartSession},
    handle,
    session::{Kind, UserSession},
};
use keyraft_core::{Error, UserRecord, sessions, sessions::Started};
use keyraft_crypto::{digest, encoding};
use keyraft_model::{DurationMs, UnixMs};
use keyraft_web::device;

use super::{Journey, facts};
use crate::{
    identity::{self, REMEMBER_ME},
    protocol::{Finished, Grant, Granted, Refused},
    view,
};

impl Journey {
    /// Starts or joins the session and answers for the client.
    pub(super) async fn finish(&mut self, user: Arc<UserRecord>) -> Result<Response, Error> {
        let is_fresh = self.is_fresh();
        let finished = Finished {
            auth_time: if is_fresh { self.now } else { facts::auth_time(self) },
            is_fresh,
            level: self.level(),
            action_status: self.action_status(),
            user: Arc::clone(&user),
        };
        // Re-authentication of the person who is signed in keeps the session, as in Keycloak.
        let joined = self.identity.clone().filter(|identity| identity.session.user == user.user.id);
        if is_fresh && self.identity.is_some() && joined.is_none() {
            let name = self.signed_in_name().await?;
            return Ok(self.with_cookies(view::other_user(self, &name)));
        }
        let realm = Arc::clone(&self.browser.realm);
        let sid = joined.as_ref().map_or_else(
            || handle::new_sid(&realm.realm.id, &user.user.id),
            |identity| identity.session.sid.clone(),
        );
        let grant = match self.login.parts().protocol.grant(&self.browser, &self.request, &finished, &sid) {
            Ok(grant) => grant,
            Err(response) => return Ok(self.with_cookies(*response)),
        };
        let mut secret = grant.secret.clone();
        let started = if joined.is_some() {
            match self.join(&sid, &user, grant, &finished).await? {
                Started::NoSession => {
                    let (started, fresh) = self.start(&user, &finished).await?;
                    secret = fresh;
                    started
                }
                other => other,
            }
        } else {
            self.start_as(sid, &user, grant, &finished).await?
        };
        match started {
            Started::Started { session, now } => {
                if is_fresh {
                    self.core().forget_failures(&realm, &user.user.id).await?;
                }
                self.event("LOGIN", None, &[]);
                self.sign_in(&session, &user.user.username, now)?;
                let granted = Granted { session: &session, secret: &secret, now };
                let protocol = Arc::clone(&self.login.parts().protocol);
                let response = protocol.respond(&self.browser, &self.request, &finished, granted).await;
                Ok(self.with_cookies(response))
            }
            Started::LoginTaken => Ok(self.tell(Refused::Expired)),
            Started::OtherUser | Started::NoSession => {
                Ok(self.with_cookies(view::error(self, StatusCode::BAD_REQUEST, "expiredCodeMessage")))
            }
        }
    }

    /// A new session under a handle of its own; the grant's code names its session, so it is asked for anew.
    /// Gives the code's new secret part too.
    async fn start(&mut self, user: &UserRecord, finished: &Finished) -> Result<(Started, String), Error> {
        let sid = handle::new_sid(&self.browser.realm.realm.id, &user.user.id);
        match self.login.parts().protocol.grant(&self.browser, &self.request, finished, &sid) {
            Ok(grant) => {
                let secret = grant.secret.clone();
                Ok((self.start_as(sid, user, grant, finished).await?, secret))
            }
            Err(_) => Ok((Started::NoSession, String::new())),
        }
    }

    async fn start_as(
        &self,
        sid: String,
        user: &UserRecord,
        grant: Grant,
        finished: &Finished,
    ) -> Result<Started, Error> {
        let realm = &self.browser.realm;
        let remember_me = self.tab.remember_me && realm.realm.remember_me;
        let mut notes = grant.notes;
        if !self.browser.origin.device.is_empty() {
            notes.insert(device::NOTE.into(), self.browser.origin.device.clone());
        }
        notes.insert("AUTH_TIME".into(), finished.auth_time.secs().to_string());
        if finished.level > 1 {
            notes.insert("loa".into(), finished.level.to_string());
        }
        self.core()
            .sessions
            .start(StartSession {
                sid,
                realm: realm.realm.id.clone(),
                user: user.user.id.clone(),
                limits: sessions::new_limits(realm, Kind::Online, remember_me),
                remember_me,
                ip_address: self.browser.origin.client_ip.to_string(),
                notes,
                client: Some(grant.client),
                code: grant.code,
                login: Some(self.taken()),
            })
            .await
    }

    async fn join(
        &self,
        sid: &str,
        user: &UserRecord,
        grant: Grant,
        finished: &Finished,
    ) -> Result<Started, Error> {
        let mut notes = grant.notes;
        if finished.is_fresh {
            notes.insert("AUTH_TIME".into(), finished.auth_time.secs().to_string());
            if finished.level > 1 {
                notes.insert("loa".into(), finished.level.to_string());
            }
        }
        self.core()
            .sessions
            .attach(AttachClient {
                sid: sid.to_owned(),
                realm: self.browser.realm.realm.id.clone(),
                user: user.user.id.clone(),
                client: grant.client,
                code: grant.code,
                login: Some(self.taken()),
                notes,
            })
            .await
    }

    /// This login, taken once: its form, posted again, signs nobody in.
    fn taken(&self) -> LoginTaken {
        let proven = if self.tab.proven_at == UnixMs::default() { self.now } else { self.tab.proven_at };
        let secs = self.browser.realm.realm.access_code_lifespan_login.max(60);
        LoginTaken { id: self.login_id(), proven, lifespan: DurationMs::from_secs(secs) }
    }

    /// The id of this login: of this tab in this browser.
    pub(crate) fn login_id(&self) -> String {
        let text = format!("{}|{}", self.browser_id, self.tab_id);
        encoding::base64url(&digest::sha256(text.as_bytes()))
    }

    fn sign_in(&mut self, session: &UserSession, username: &str, now: UnixMs) -> Result<(), Error> {
        let realm = Arc::clone(&self.browser.realm);
        let issuer = self.browser.origin.issuer(&realm.realm);
        identity::set(&realm, &issuer, session, now, &mut self.browser.cookies)?;
        self.forget_tab();
        if session.remember_me {
            let name = if self.tab.attempted.is_empty() { username } else { &self.tab.attempted };
            identity::remember_name(name, &mut self.browser.cookies);
        } else if self.is_fresh() && self.browser.cookies.get(REMEMBER_ME).is_some() {
            self.browser.cookies.clear(REMEMBER_ME);
        }
        Ok(())
    }

    fn action_status(&self) -> Option<&'static str> {
        self.request.action.as_ref()?;
        match self.tab.action_status.as_deref() {
            Some("success") => Some("success"),
            Some("cancelled") => Some("cancelled"),
            _ => Some("error"),
        }
    }

    pub(crate) async fn signed_in_name(&self) -> Result<String, Error> {
        let Some(identity) = &self.identity else { return Ok(String::new()) };
        let user = self.core().user(&self.browser.realm, &identity.session.user).await?;
        Ok(user.map(|user| user.user.username.clone()).unwrap_or_default())
    }
}
