//! Signing out: one command ends the session, the browser forgets it, every application is told.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_cluster::session::{Kind, UserSession};
use keyraft_core::ClientView;
use keyraft_login::identity;
use keyraft_login::pages::{ClientFrame, SigningOutPage, signed_out};
use keyraft_model::Event;
use keyraft_web::headers::ContentPolicy;
use keyraft_web::layout::Link;
use keyraft_web::page::redirect;
use keyraft_web::{CookieJar, Frame, Page};
use keyraft_wire::oauth::{ResponseFields, ResponseMode, redirect_uri};

use super::{Leaving, LogoutError, Wish};
use crate::backchannel;
use crate::pages;

impl Leaving<'_> {
    /// Ends the session of that handle, if it is alive, and says so.
    pub(super) async fn end(mut self, wish: &Wish, sid: Option<String>) -> Result<Response, LogoutError> {
        let ended = match &sid {
            Some(sid) if self.is_ours(sid).await? => {
                let (realm, issuer) = (&self.asked.realm, self.asked.issuer.as_str());
                backchannel::end(&self.oidc.core, (realm, issuer), (sid, Kind::Online), None).await?
            }
            _ => Vec::new(),
        };
        let is_own = self.session.as_ref().is_none_or(|session| Some(&session.sid) == sid.as_ref());
        let is_signed_in =
            [identity::IDENTITY, identity::SESSION].iter().any(|one| self.cookies.get(*one).is_some());
        if is_own && is_signed_in {
            identity::sign_out(&mut self.cookies);
        }
        self.record(&ended);
        let frames = self.frames(&ended).await?;
        let next = wish.next.as_ref().map(|uri| {
            ResponseFields::default()
                .with_some("state", wish.state.as_deref())
                .address(uri, ResponseMode::Query)
        });
        let response = match (&frames[..], next) {
            ([], Some(next)) => redirect(StatusCode::FOUND, &next),
            ([], None) => self.say(wish.client.as_deref()),
            (_, next) => self.tell(&frames, next.as_deref()),
        };
        Ok(with_cookies(&self.cookies, response))
    }

    /// A hint's session must be one of this realm.
    async fn is_ours(&self, sid: &str) -> Result<bool, keyraft_core::Error> {
        Ok(self.oidc.core.sessions.find(&self.asked.realm, sid, Kind::Online).await?.is_some())
    }

    fn record(&self, ended: &[UserSession]) {
        for session in ended {
            self.oidc.core.events.emit(&Event {
                kind: "LOGOUT".into(),
                realm_id: self.asked.realm.realm.id.clone(),
                user_id: Some(session.user.to_string()),
                session_id: Some(session.sid.clone()),
                ip_address: Some(self.asked.ip()),
                ..Event::default()
            });
        }
    }

    /// The applications that are told in hidden frames (OpenID Connect Front-Channel Logout 1.0).
    async fn frames(&self, ended: &[UserSession]) -> Result<Vec<ClientFrame>, keyraft_core::Error> {
        let mut frames = Vec::new();
        for session in ended {
            for id in session.clients.keys() {
                let client = self.oidc.core.client_by_id(&self.asked.realm, id).await?;
                frames.extend(client.and_then(|client| self.frame(&client, &session.sid)));
            }
        }
        Ok(frames)
    }

    fn frame(&self, client: &Arc<ClientView>, sid: &str) -> Option<ClientFrame> {
        let client = &client.client;
        let url = client.attribute("frontchannel.logout.url").filter(|_| client.frontchannel_logout)?;
        // Anything but a web address would run in our page, or nowhere.
        redirect_uri::origin(url)?;
        let names_session =
            client.attribute("frontchannel.logout.session.required").is_none_or(|text| text == "true");
        let fields = if names_session {
            ResponseFields::default().with("sid", sid).with("iss", self.asked.issuer.as_str())
        } else {
            ResponseFields::default()
        };
        Some(ClientFrame { name: client.title().to_owned(), href: fields.address(url, ResponseMode::Query) })
    }

    /// The page that tells applications, and leads on.
    fn tell(&self, frames: &[ClientFrame], next: Option<&str>) -> Response {
        let t = pages::texts(self.asked, self.query);
        let frame = Frame::new(&t, self.asked.realm.realm.title(), &self.asked.origin.root);
        let origins = frames.iter().filter_map(|frame| redirect_uri::origin(&frame.href)).map(str::to_owned);
        let policy = ContentPolicy::Frames(origins.collect());
        let page = SigningOutPage { t: &t, frame: &frame, clients: frames, next };
        Page::new(&page, &t).policy(policy).into_response()
    }

    /// The page that says that it is done.
    fn say(&self, client: Option<&ClientView>) -> Response {
        let t = pages::texts(self.asked, self.query);
        let name = client.map(|client| t.resolve(client.client.title()).into_owned());
        let frame =
            Frame::new(&t, self.asked.realm.realm.title(), &self.asked.origin.root).to(name.as_deref());
        let heading = t.get("successLogout");
        let home = client.and_then(|client| client.client.base_url.as_deref());
        let home = home.filter(|url| redirect_uri::origin(url).is_some());
        let back = name.as_deref().map(|name| t.with("backTo", &[name]));
        let next = home.zip(back.as_deref()).map(|(href, text)| Link { text, href });
        let page = signed_out(&t, &frame, &heading, next);
        Page::new(&page, &t).into_response()
    }
}

fn with_cookies(cookies: &CookieJar, mut response: Response) -> Response {
    cookies.apply(response.headers_mut());
    response
}
