//! The handle of this room: what a protocol calls, and what the router serves.

use std::{fmt, sync::Arc};

use axum::response::Response;
use keyraft_core::Core;
use keyraft_web::cookies::{Cookie, SameSite};

use crate::{
    auth_session::{Door, Sealing},
    journey::Journey,
    protocol::{Browser, LoginRequest, Protocol},
};

/// The browser's random cookie, to which everything of a login in progress is bound.
pub(crate) const BROWSER: Cookie =
    Cookie { name: "keyraft-browser", scripts: false, same_site: SameSite::None, keycloak: false };

/// What a tab has proven.
pub(crate) const TAB: Cookie =
    Cookie { name: "keyraft-login", scripts: false, same_site: SameSite::None, keycloak: false };

/// Login: one for the whole server, cheap to clone.
#[derive(Clone)]
pub struct Login(Arc<Parts>);

/// What every step of a login needs.
pub(crate) struct Parts {
    pub(crate) core: Core,
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) sealing: Sealing,
}

impl Login {
    /// Login over `core`, answering for `protocol`.
    pub fn new(core: Core, protocol: Arc<dyn Protocol>) -> Self {
        let sealing = Sealing::new(&core.keys);
        Self(Arc::new(Parts { core, protocol, sealing }))
    }

    /// Begins a login for a request that the protocol has found to be in order, and gives the answer to it:
    /// a page, or the way back to the client.
    pub async fn begin(&self, browser: Browser, request: LoginRequest) -> Response {
        self.begin_at(Door::SignIn, browser, request).await
    }

    /// The same at another door: with a forgotten password, or for a new account. Where the realm keeps it shut the
    /// answer says so.
    pub async fn begin_at(&self, door: Door, browser: Browser, request: LoginRequest) -> Response {
        Journey::begin(self.clone(), browser, request, door).await
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}
