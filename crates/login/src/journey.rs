//! One request of a login: from what the browser brought to the next page, or to the end.
//!
//! A journey is put together anew for every request out of the sealed parts. Each handler changes what is
//! proven and calls [`Journey::advance`], which alone decides what comes next: the realm's flow, then the
//! actions that are due, then consent, then the end.

mod facts;
mod finish;
mod links;

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use keyraft_cluster::session::Kind;
use keyraft_core::{Core, Error, UserRecord, required_actions::Action};
use keyraft_crypto::digest;
use keyraft_model::{Credential, Event, UnixMs, UserId};
use keyraft_web::page::redirect;

use crate::{
    actions,
    auth_session::{self, Door, FollowedLink, Place, Tab, TabPlace},
    authenticator::Authenticator,
    consent,
    flow::{self, Flows, Refusal, Step},
    identity::{self, IDENTITY, Identity},
    login::{BROWSER, Login, TAB},
    protocol::{Browser, LoginRequest, Refused},
    view::{self, Notice},
};

/// The most tabs of one browser whose progress is kept.
const MAX_TABS: usize = 5;

/// One request of a login in progress.
pub(crate) struct Journey {
    pub(crate) login: Login,
    pub(crate) browser: Browser,
    pub(crate) request: LoginRequest,
    /// The browser's random cookie.
    pub(crate) browser_id: String,
    pub(crate) tab_id: String,
    pub(crate) tab: Tab,
    /// Who is signed in on this browser already.
    pub(crate) identity: Option<Identity>,
    /// Who signs in, once that is known: from the tab's proofs, else from the live session.
    pub(crate) user: Option<Arc<UserRecord>>,
    /// His credentials, once somebody asked.
    pub(crate) credentials: Option<Vec<Credential>>,
    pub(crate) now: UnixMs,
}

impl Journey {
    /// A login that begins now, in a new tab.
    pub(crate) async fn begin(login: Login, browser: Browser, request: LoginRequest, door: Door) -> Response {
        let browser_id =
            browser.cookies.get(BROWSER).map_or_else(auth_session::new_browser_id, str::to_owned);
        let tab_id = auth_session::new_tab_id();
        match Self::new(login, browser, request, browser_id, tab_id).await {
            Ok(mut journey) => {
                journey.keep_browser();
                if door != Door::SignIn {
                    journey.enter(door);
                }
                journey.advance().await
            }
            Err((browser, error)) => view::unavailable(&browser, &error),
        }
    }

    /// Puts a journey together; the error carries what is needed for a page that says so.
    pub(crate) async fn new(
        login: Login,
        mut browser: Browser,
        request: LoginRequest,
        browser_id: String,
        tab_id: String,
    ) -> Result<Self, (Box<Browser>, Error)> {
        match Self::gather(&login, &mut browser, &request, &browser_id, &tab_id).await {
            Ok((tab, identity, user, now)) => Ok(Self {
                login,
                browser,
                request,
                browser_id,
                tab_id,
                tab,
                identity,
                user,
                credentials: None,
                now,
            }),
            Err(error) => Err((Box::new(browser), error)),
        }
    }

    /// Begins another of the realm's flows in this tab: with nothing proven, whoever is signed in.
    pub(crate) fn enter(&mut self, door: Door) {
        self.tab = Tab { door, ..Tab::default() };
        self.user = None;
        self.credentials = None;
    }

    /// Goes on in a tab of its own: forms of this one are of the past.
    pub(crate) fn enter_new_tab(&mut self, door: Door) {
        self.forget_tab();
        self.tab_id = auth_session::new_tab_id();
        self.enter(door);
    }

    /// Drops the tab's cookie.
    pub(crate) fn forget_tab(&mut self) {
        let tab_id = self.tab_id.clone();
        if self.browser.cookies.get_part(TAB, &tab_id).is_some() {
            self.browser.cookies.clear_part(TAB, &tab_id);
        }
    }

    /// Whether the code that a form brought is this login's present one: the form was made for it and is not stale.
    pub(crate) fn is_session_code(&self, code: Option<&str>) -> bool {
        let code = code.unwrap_or_default();
        digest::constant_time_eq(code.as_bytes(), self.session_code().as_bytes())
    }

    /// Whether the realm keeps this door open; whoever came in may go on.
    pub(crate) fn is_open(&self) -> bool {
        let realm = &self.browser.realm.realm;
        match self.tab.door {
            Door::SignIn | Door::Link => true,
            Door::ResetCredentials => realm.reset_password_allowed || !self.tab.proven.is_empty(),
            Door::Registration => realm.registration_allowed || !self.tab.proven.is_empty(),
        }
    }

    /// Whether a link to another door leads anywhere: the realm opens it, and its flow can be begun here.
    pub(crate) fn offers(&self, door: Door) -> bool {
        let realm = &self.browser.realm;
        let flows = Flows::new(&realm.flows, &realm.configs);
        let (is_open, alias, first) = match door {
            Door::ResetCredentials => (
                realm.realm.reset_password_allowed,
                &realm.realm.reset_credentials_flow,
                Authenticator::ResetChooseUser,
            ),
            Door::Registration => (
                realm.realm.registration_allowed,
                &realm.realm.registration_flow,
                Authenticator::RegistrationForm,
            ),
            Door::SignIn | Door::Link => return false,
        };
        is_open && flow::first_asked(flows, alias) == Some(first)
    }

    /// What mailed links know this login by: Keycloak's form, a session, a tab and a client.
    pub(crate) fn asid(&self) -> String {
        format!("{}.{}.{}", self.login_id(), self.tab_id, self.browser.client.client.id)
    }

    /// The secret of codes that are set up in this tab.
    pub(crate) fn otp_secret(&self, user: &UserId) -> String {
        self.login.parts().sealing.otp_secret(self.place(), self.at(), user)
    }

    /// Whether the user, whose credentials were read, holds codes.
    pub(crate) fn has_otp(&self) -> bool {
        self.credentials.iter().flatten().any(|credential| credential.kind == "otp")
    }

    /// The names of the scopes that were asked for.
    pub(crate) fn scope_names(&self) -> Vec<String> {
        self.browser.realm.scopes_of(&self.request.scopes).map(|scope| scope.name.clone()).collect()
    }

    /// Notes that an action which the application asked for is done.
    pub(crate) fn note_done(&mut self, alias: &str) {
        self.tab.owed.retain(|owed| owed != alias);
        if self.request.action.as_deref() == Some(alias) {
            self.tab.action_status = Some("success".to_owned());
        }
    }

    async fn gather(
        login: &Login,
        browser: &mut Browser,
        request: &LoginRequest,
        browser_id: &str,
        tab_id: &str,
    ) -> Result<(Tab, Option<Identity>, Option<Arc<UserRecord>>, UnixMs), Error> {
        let core = &login.parts().core;
        let issuer = browser.origin.issuer(&browser.realm.realm);
        let mut identity = identity::find(core, &browser.realm, &issuer, &browser.cookies).await?;
        if identity.is_none() && browser.cookies.get(IDENTITY).is_some() {
            identity::clear(&mut browser.cookies);
        }
        if let Some(found) = &identity
            && !core.user(&browser.realm, &found.session.user).await?.is_some_and(|user| user.user.enabled)
        {
            // Enabled again, he signs in anew: a session that met its user disabled is over, as in Keycloak.
            core.sessions.end(&found.session.sid, Kind::Online).await?;
            identity::clear(&mut browser.cookies);
            identity = None;
        }
        let now = core.sessions.view().await?.now();
        let place = Place { realm: &browser.realm.realm.id, client_id: &request.client_id };
        let at = TabPlace { browser: browser_id, tab_id };
        let cookie = browser.cookies.get_part(TAB, tab_id);
        let tab = cookie.and_then(|cookie| login.parts().sealing.open_tab(place, at, cookie, now));
        let mut tab = tab.unwrap_or_default();
        let id = tab.user.clone().or_else(|| identity.as_ref().map(|found| found.session.user.clone()));
        let mut user = match id {
            Some(id) => core.user(&browser.realm, &id).await?,
            None => None,
        };
        let tab_is_good = tab.user.is_none() || is_still_good(core, browser, &tab, user.as_deref()).await?;
        if !tab_is_good {
            tab = Tab::default();
            user = None;
        }
        Ok((tab, identity, user, now))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.login.parts().core
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place { realm: &self.browser.realm.realm.id, client_id: &self.request.client_id }
    }

    pub(crate) fn at(&self) -> TabPlace<'_> {
        TabPlace { browser: &self.browser_id, tab_id: &self.tab_id }
    }

    /// The code that forms of this step carry.
    pub(crate) fn session_code(&self) -> String {
        self.login.parts().sealing.session_code(self.place(), self.at(), &self.tab)
    }

    /// What comes next, whatever that is.
    pub(crate) async fn advance(mut self) -> Response {
        match self.next().await {
            Ok(response) => response,
            Err(error) => view::unavailable(&self.browser, &error),
        }
    }

    async fn next(&mut self) -> Result<Response, Error> {
        self.next_saying(Notice::None).await
    }

    /// What comes next; a page that asks says this first.
    pub(crate) async fn next_saying(&mut self, notice: Notice) -> Result<Response, Error> {
        if !self.is_open() {
            let key = match self.tab.door {
                Door::Registration => "registrationNotAllowedMessage",
                Door::ResetCredentials | Door::SignIn | Door::Link => "resetCredentialNotAllowedMessage",
            };
            return Ok(self.with_cookies(view::error(self, StatusCode::BAD_REQUEST, key)));
        }
        match self.step().await? {
            Err(refusal) => Ok(self.refuse(&refusal)),
            Ok(Next::Ask(execution, authenticator)) => {
                if self.request.silent {
                    return Ok(self.tell(Refused::LoginRequired));
                }
                self.page(&execution, authenticator, notice).await
            }
            Ok(Next::Done) => self.after_flow().await,
        }
    }

    /// Where the flow stands.
    pub(crate) async fn step(&mut self) -> Result<Result<Next, Refusal>, Error> {
        if self.tab.door == Door::Link {
            return Ok(Ok(Next::Done));
        }
        let alias = self.flow_alias();
        // Most logins never ask which credentials the person holds; they are read when one does.
        let walked = self.walk(&alias);
        if !walked.1 {
            return Ok(walked.0);
        }
        self.load_credentials().await?;
        Ok(self.walk(&alias).0)
    }

    fn walk(&self, alias: &str) -> (Result<Next, Refusal>, bool) {
        let facts = facts::PersonFacts::new(self);
        let flows = Flows::new(&self.browser.realm.flows, &self.browser.realm.configs);
        let next = flow::next(flows, alias, &self.tab.progress(), &facts).map(|step| match step {
            Step::Ask(execution, authenticator) => Next::Ask(execution.id.to_string(), authenticator),
            Step::Done => Next::Done,
        });
        (next, facts.missed_credentials())
    }

    /// The level of authentication that this login has reached: what its flow says, else 1 for a fresh
    /// proof and 0 for a session that was there.
    pub(crate) fn level(&self) -> i64 {
        let facts = facts::PersonFacts::new(self);
        let flows = Flows::new(&self.browser.realm.flows, &self.browser.realm.configs);
        let levels = flow::reached_levels(flows, &self.flow_alias(), &self.tab.progress(), &facts);
        levels.into_iter().max().unwrap_or_else(|| i64::from(self.is_fresh()))
    }

    /// Whether the person proved something in this login, instead of being signed in already.
    pub(crate) fn is_fresh(&self) -> bool {
        self.tab.user.is_some() && !self.tab.proven.is_empty()
    }

    pub(crate) async fn load_credentials(&mut self) -> Result<(), Error> {
        if self.credentials.is_none()
            && let Some(user) = &self.user
        {
            let realm = &self.browser.realm.realm.id;
            self.credentials = Some(self.core().credentials(realm, &user.user.id).await?);
        }
        Ok(())
    }

    /// A first code was given while codes were set up: the flow, which would ask for one now, is told.
    pub(crate) async fn prove_codes(&mut self) -> Result<(), Error> {
        while let Ok(Next::Ask(execution, Authenticator::OtpForm)) = self.step().await? {
            self.tab.proven.insert(execution.as_str().into(), "otp".to_owned());
        }
        Ok(())
    }

    /// What the walked flow leaves to be done, by alias. The user's credentials must have been read.
    pub(crate) fn owed(&self) -> Result<Vec<String>, Refusal> {
        if self.tab.door == Door::Link {
            return Ok(Vec::new());
        }
        let facts = facts::PersonFacts::new(self);
        let flows = Flows::new(&self.browser.realm.flows, &self.browser.realm.configs);
        let owed = flow::owed(flows, &self.flow_alias(), &self.tab.progress(), &facts);
        owed.map(|owed| owed.into_iter().map(|action| action.alias().to_owned()).collect())
    }

    /// The flow that is walked; of those that sign in, the client's own where it overrides the realm's.
    fn flow_alias(&self) -> String {
        let realm = &self.browser.realm;
        match self.tab.door {
            Door::SignIn | Door::Link => {}
            Door::ResetCredentials => return realm.realm.reset_credentials_flow.clone(),
            Door::Registration => return realm.realm.registration_flow.clone(),
        }
        let overridden = self.browser.client.client.authentication_flow_binding_overrides.get("browser");
        let named = overridden.filter(|id| !id.is_empty()).map(|id| {
            // An override that names no flow must not fall back to another one: that might ask for less.
            realm
                .flows
                .iter()
                .find(|flow| flow.id.as_str() == id)
                .map_or(id.clone(), |flow| flow.alias.clone())
        });
        named.unwrap_or_else(|| realm.realm.browser_flow.clone())
    }

    async fn after_flow(&mut self) -> Result<Response, Error> {
        let Some(user) = self.user.clone() else {
            return Ok(self.refuse(&Refusal::NoWay));
        };
        if !user.user.enabled {
            return Ok(view::error(self, StatusCode::BAD_REQUEST, "accountDisabledMessage"));
        }
        match actions::due(self, &user).await? {
            Err(not_built) => return Ok(self.refuse(&Refusal::NotBuilt(not_built))),
            Ok(Some(action)) if self.request.silent => {
                tracing::debug!(?action, "prompt=none, and an action is due");
                return Ok(self.tell(Refused::InteractionRequired));
            }
            Ok(Some(action)) => return Ok(self.go_to(action.alias())),
            Ok(None) => {}
        }
        if let Some(link) = self.tab.link.clone().filter(|link| link.ends_here) {
            return self.end_here(&link).await;
        }
        if consent::is_due(self, &user).await? {
            if self.request.silent {
                return Ok(self.tell(Refused::InteractionRequired));
            }
            return Ok(self.go_to(consent::EXECUTION));
        }
        self.finish(user).await
    }

    /// All that a mailed link asked for is done, and it was not this browser that asked: nobody is signed in.
    async fn end_here(&mut self, link: &FollowedLink) -> Result<Response, Error> {
        self.take_link().await?;
        self.event("EXECUTE_ACTIONS", None, &[]);
        self.forget_tab();
        let response = view::account_updated(self, link.redirect_uri.as_deref());
        Ok(self.with_cookies(response))
    }

    /// Uses the link up that this login came by; says whether it was still there to be used.
    pub(crate) async fn take_link(&mut self) -> Result<bool, Error> {
        let (Some(link), Some(user)) = (self.tab.link.clone(), self.user.clone()) else { return Ok(true) };
        if link.taken {
            return Ok(true);
        }
        let realm = Arc::clone(&self.browser.realm);
        if !self.core().take_link(&realm, &user.user.id, &link.ticket).await? {
            return Ok(false);
        }
        if user.user.email.as_deref() == Some(link.email.as_str()) && !user.user.email_verified {
            // Whoever has the link reads the mail.
            self.core().change_user(&realm, &user.user.id, |user| user.email_verified = true).await?;
        }
        self.tab.link = Some(FollowedLink { taken: true, ..link });
        Ok(true)
    }

    /// 302 to the page of a required action or of consent.
    fn go_to(&mut self, execution: &str) -> Response {
        self.keep_tab();
        let url = self.url("required-action", Some(execution), false);
        self.with_cookies(redirect(StatusCode::FOUND, &url))
    }

    /// The page of an execution that asks the person.
    pub(crate) async fn page(
        &mut self,
        execution: &str,
        authenticator: Authenticator,
        notice: Notice,
    ) -> Result<Response, Error> {
        self.load_credentials().await?;
        self.keep_tab();
        let response = view::ask(self, execution, authenticator, &notice);
        Ok(self.with_cookies(response))
    }

    /// The page of a required action that is due.
    pub(crate) fn action_page(&mut self, action: Action, notice: &Notice) -> Response {
        self.keep_tab();
        self.with_cookies(view::action(self, action, notice))
    }

    /// Tells the client why there is no outcome.
    pub(crate) fn tell(&self, why: Refused) -> Response {
        let error = match why {
            Refused::LoginRequired => "login_required",
            Refused::InteractionRequired => "interaction_required",
            Refused::AccessDenied | Refused::TermsDeclined => "rejected_by_user",
            Refused::Expired => "expired_code",
        };
        self.event("LOGIN_ERROR", Some(error), &[]);
        self.with_cookies(self.login.parts().protocol.refuse(&self.browser, &self.request, why))
    }

    /// A flow that cannot go on: a page, and an event that names what it could not run.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Response {
        if self.request.silent && matches!(refusal, Refusal::NoWay) {
            return self.tell(Refused::LoginRequired);
        }
        let error = match refusal {
            Refusal::NotBuilt(_) => "authenticator_not_supported",
            Refusal::Denied => "access_denied",
            Refusal::NotConfigured(_) => "credential_setup_required",
            Refusal::NoWay => "invalid_user_credentials",
            Refusal::Broken(_) => "invalid_flow",
        };
        self.event("LOGIN_ERROR", Some(error), &[("reason", &refusal.to_string())]);
        let key = match refusal {
            // Setting the credential up would be a step of its own, which is not there either.
            Refusal::NotBuilt(name) | Refusal::NotConfigured(name) => {
                return self.with_cookies(view::step_not_available(self, name));
            }
            Refusal::Denied => "accessDenied",
            Refusal::NoWay => "invalidUserMessage",
            Refusal::Broken(_) => "internalServerError",
        };
        self.with_cookies(view::error(self, StatusCode::BAD_REQUEST, key))
    }

    /// An event of this login.
    pub(crate) fn event(&self, kind: &str, error: Option<&str>, details: &[(&str, &str)]) {
        self.event_about(self.user.as_deref(), kind, error, details);
    }

    /// An event about a user who may have proven nothing yet.
    pub(crate) fn event_about(
        &self,
        user: Option<&UserRecord>,
        kind: &str,
        error: Option<&str>,
        details: &[(&str, &str)],
    ) {
        let mut details: keyraft_model::Attributes =
            details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if !self.tab.attempted.is_empty() {
            details.insert("username".into(), self.tab.attempted.clone());
        }
        self.core().events.emit(&Event {
            time: self.now,
            kind: kind.to_owned(),
            realm_id: self.browser.realm.realm.id.clone(),
            client_id: Some(self.request.client_id.clone()),
            user_id: user.map(|user| user.user.id.to_string()),
            session_id: self.identity.as_ref().map(|identity| identity.session.sid.clone()),
            ip_address: Some(self.browser.origin.client_ip.to_string()),
            error: error.map(str::to_owned),
            details,
        });
    }

    /// The address of one of the login's own endpoints, with what continues this login.
    pub(crate) fn url(&self, endpoint: &str, execution: Option<&str>, with_code: bool) -> String {
        self.links().to(endpoint, execution, with_code)
    }

    /// The endpoint that shows and takes the steps of the flow that is walked.
    pub(crate) fn endpoint(&self) -> &'static str {
        match self.tab.door {
            Door::SignIn | Door::Link => "authenticate",
            Door::ResetCredentials => "reset-credentials",
            Door::Registration => "registration",
        }
    }

    /// Makes sure that the browser has its random cookie.
    pub(crate) fn keep_browser(&mut self) {
        if self.browser.cookies.get(BROWSER) != Some(self.browser_id.as_str()) {
            self.browser.cookies.set(BROWSER, &self.browser_id, keyraft_web::cookies::Lifetime::Browser);
        }
    }

    /// Writes the tab's progress into its cookie; the oldest beyond the fifth is forgotten.
    pub(crate) fn keep_tab(&mut self) {
        if self.tab.is_blank() {
            return;
        }
        if self.tab.expires <= self.now {
            let secs = self.browser.realm.realm.access_code_lifespan_login;
            self.tab.expires = self.now.plus(auth_session::tab_lifespan(secs));
        }
        let Some(sealed) = self.login.parts().sealing.seal_tab(self.place(), self.at(), &self.tab) else {
            return;
        };
        let others: Vec<_> =
            self.browser.cookies.parts(TAB).into_iter().filter(|part| *part != self.tab_id).collect();
        // Cookies say nothing of their age without being opened for their client; the list is short.
        for old in others.iter().take((others.len() + 1).saturating_sub(MAX_TABS)) {
            self.browser.cookies.clear_part(TAB, old);
        }
        let tab_id = self.tab_id.clone();
        self.browser.cookies.set_part(TAB, &tab_id, &sealed, keyraft_web::cookies::Lifetime::Browser);
    }

    pub(crate) fn with_cookies(&self, mut response: Response) -> Response {
        self.browser.cookies.apply(response.headers_mut());
        response
    }
}

/// What is next, without borrowing the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The execution of that id asks the person.
    Ask(String, Authenticator),
    /// The flow is satisfied.
    Done,
}

/// Whether a tab's proofs still count: the user is there, and no credential of his has changed.
async fn is_still_good(
    core: &Core,
    browser: &Browser,
    tab: &Tab,
    user: Option<&UserRecord>,
) -> Result<bool, Error> {
    let Some(user) = user else { return Ok(false) };
    let credentials = core.credentials(&browser.realm.realm.id, &user.user.id).await?;
    Ok(tab.credentials.is_empty() || tab.credentials == fingerprint(&credentials))
}

/// A short digest of a user's credentials as they stand.
pub(crate) fn fingerprint(credentials: &[Credential]) -> Vec<u8> {
    let text: String = credentials
        .iter()
        .filter(|credential| credential.kind == "password")
        .flat_map(|credential| {
            [credential.id.to_string(), "|".into(), credential.created_date.to_string(), "|".into()]
        })
        .collect();
    digest::sha256(text.as_bytes())[..8].to_vec()
}
