//! How a request finds its login in progress again: the one beginning of every endpoint of this room.
//!
//! A handler asks for an [`Arrival`] where it needs the realm alone, for an [`Arrived`] where there must be a login
//! in progress, and for a [`Submitted`] where that brings a form; whoever has none is answered before the handler runs, with a way on where there is one.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::Response,
};
use http::{HeaderMap, request::Parts};
use keyraft_core::{ClientView, Error, RealmView};
use keyraft_web::{CookieJar, Fields, Form, Query, RequestOrigin, extract::Locales};

use crate::{
    auth_session::Place,
    journey::Journey,
    login::{BROWSER, Login},
    protocol::{Browser, LoginRequest},
    view,
};

/// The client of a person's own pages, which every realm has.
const ACCOUNT: &str = "account";

/// What a browser brought to one of the endpoints.
pub(crate) struct Arrival {
    pub(crate) realm: Arc<RealmView>,
    pub(crate) query: Fields,
    pub(crate) headers: HeaderMap,
    pub(crate) origin: RequestOrigin,
}

/// A browser that came back to its login in progress.
pub(crate) struct Arrived {
    pub(crate) journey: Journey,
    pub(crate) query: Fields,
}

impl Arrived {
    /// Answers with what a handler took: its own page, else whatever comes next.
    pub(crate) async fn answer(self, taken: Result<Option<Response>, Error>) -> Response {
        match taken {
            Ok(Some(response)) => response,
            Ok(None) => self.journey.advance().await,
            Err(error) => view::unavailable(&self.journey.browser, &error),
        }
    }
}

impl FromRequestParts<Login> for Arrival {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, login: &Login) -> Result<Self, Response> {
        type Asked = (Path<String>, Query, RequestOrigin, HeaderMap);
        let (Path(name), Query(query), origin, headers) = Asked::from_request_parts(parts, login).await?;
        match login.parts().core.realm(&name).await {
            Ok(Some(realm)) => Ok(Self { realm, query, headers, origin }),
            Ok(None) => Err(view::no_realm(&headers)),
            Err(error) => Err(view::unavailable_without_realm(&headers, origin.at, &error)),
        }
    }
}

impl FromRequestParts<Login> for Arrived {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, login: &Login) -> Result<Self, Response> {
        let arrival = Arrival::from_request_parts(parts, login).await?;
        let journey = arrival.journey(login).await.map_err(|response| *response)?;
        Ok(Self { journey, query: arrival.query })
    }
}

/// A browser that came back with a form. The form is judged before anybody asks whose it is: what is too much is
/// refused the same way from everybody, and costs no look at the login.
pub(crate) struct Submitted {
    pub(crate) arrived: Arrived,
    pub(crate) form: Fields,
}

impl FromRequest<Login> for Submitted {
    type Rejection = Response;

    async fn from_request(request: Request, login: &Login) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let Form(form) = Form::from_request(request, login).await?;
        let arrived = Arrived::from_request_parts(&mut parts, login).await?;
        Ok(Self { arrived, form })
    }
}

impl Arrival {
    pub(crate) fn cookies(&self) -> CookieJar {
        CookieJar::read(&self.headers, &self.origin, &self.realm.realm)
    }

    /// The browser as the rest of this room sees it.
    pub(crate) fn browser(&self, client: Arc<ClientView>) -> Browser {
        Browser {
            realm: Arc::clone(&self.realm),
            client,
            cookies: self.cookies(),
            origin: self.origin.clone(),
            locales: Locales::read(&self.headers, &self.query),
        }
    }

    /// The client and the request that the address names; the inner `None` when it names none that is known.
    ///
    /// # Errors
    /// The answer to give instead, where client or realm are switched off or nothing can be known now.
    pub(crate) async fn asked(
        &self,
        login: &Login,
    ) -> Result<Option<(Arc<ClientView>, LoginRequest)>, Box<Response>> {
        let client_id = self.query.filled("client_id").unwrap_or_default();
        let found = login.parts().core.client(&self.realm, client_id).await;
        let client = found.map_err(|error| {
            Box::new(view::unavailable_without_realm(&self.headers, self.origin.at, &error))
        })?;
        let Some((client, request)) = client.zip(self.request(login, client_id)) else { return Ok(None) };
        if !client.client.enabled || !self.realm.realm.enabled {
            return Err(Box::new(view::disabled(self, &client)));
        }
        Ok(Some((client, request)))
    }

    /// A browser that comes for nothing but its own account; `None` where the realm has no pages for that.
    ///
    /// # Errors
    /// The answer to give instead, where nothing can be known now.
    pub(crate) async fn account(&self, login: &Login) -> Result<Option<Browser>, Box<Response>> {
        let found = login.parts().core.client(&self.realm, ACCOUNT).await;
        let client = found.map_err(|error| {
            Box::new(view::unavailable_without_realm(&self.headers, self.origin.at, &error))
        })?;
        let is_open = |client: &Arc<ClientView>| client.client.enabled && self.realm.realm.enabled;
        Ok(client.filter(is_open).map(|client| self.browser(client)))
    }

    /// Puts the login in progress together again.
    ///
    /// Without its cookies a browser cannot go on: whoever lost them starts the same request again, where
    /// `client_data` still says which it was; else there is nothing to start.
    async fn journey(&self, login: &Login) -> Result<Journey, Box<Response>> {
        let asked = self.asked(login).await?;
        let browser_id = self.cookies().get(BROWSER).map(str::to_owned);
        let tab_id = self.query.filled("tab_id").filter(|id| is_tab_id(id));
        let (Some((client, request)), Some(browser_id), Some(tab_id)) = (asked, browser_id, tab_id) else {
            return Err(Box::new(view::cookies_missing(self, login).await));
        };
        Journey::new(login.clone(), self.browser(client), request, browser_id, tab_id.to_owned())
            .await
            .map_err(|(browser, error)| Box::new(view::unavailable(&browser, &error)))
    }

    pub(crate) fn request(&self, login: &Login, client_id: &str) -> Option<LoginRequest> {
        let place = Place { realm: &self.realm.realm.id, client_id };
        let data = self.query.filled("client_data")?;
        login.parts().sealing.open_request(place, data).filter(|request| request.client_id == client_id)
    }
}

fn is_tab_id(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
