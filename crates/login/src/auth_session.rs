//! The sealed state of one login in progress: nothing of it is stored on the server.
//!
//! Two parts. *What the client asked* ([`LoginRequest`]) rides in `client_data` of every form action and
//! link, bound to realm and client, so that a form that is too old, or whose cookies are gone, can always
//! start the same client's request again. *What this browser has proven* ([`Tab`]) rides in one cookie per
//! tab, bound to the browser's random cookie, the realm, the client and the tab; a stranger who only looks
//! at the page has none. Forms carry a `session_code`, a keyed hash over browser, tab and progress: a form
//! that was made for another browser, or before a step that was taken since, is not accepted.

use std::collections::BTreeMap;

use keyraft_core::action_tokens::Ticket;
use keyraft_crypto::{encoding, random, seal::DataKeys};
use keyraft_model::{DurationMs, FlowId, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{flow::Progress, protocol::LoginRequest};

/// A request larger than this does not fit into the URLs of forms.
pub const MAX_CLIENT_DATA: usize = 6 * 1024;

/// The layout of both parts; another one is refused, as if it were broken.
const VERSION: u8 = 2;

/// Seals and opens both parts under keys of the login's own.
#[derive(Clone, Debug)]
pub struct Sealing {
    keys: DataKeys,
}

/// Where a part belongs: all of it is bound into the seal.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The realm's id.
    pub realm: &'a RealmId,
    /// The client's `client_id`.
    pub client_id: &'a str,
}

/// One tab of one browser.
#[derive(Clone, Copy, Debug)]
pub struct TabPlace<'a> {
    /// The browser's random cookie.
    pub browser: &'a str,
    /// The tab's id, as in form actions.
    pub tab_id: &'a str,
}

/// Which of the realm's flows somebody walks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Door {
    /// Signing in: the browser flow.
    #[default]
    SignIn,
    /// A forgotten password: the reset-credentials flow.
    ResetCredentials,
    /// A new account: the registration flow.
    Registration,
    /// No flow: somebody came by a link that asks for actions.
    Link,
}

/// The mailed link that somebody came by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedLink {
    /// What of it is taken once.
    pub ticket: Ticket,
    /// Whether this login took it.
    pub taken: bool,
    /// The address that it was sent to.
    pub email: String,
    /// Whether nobody is signed in at the end: it was not this browser that asked for the link.
    pub ends_here: bool,
    /// Where the way leads in the end, if the link says so.
    pub redirect_uri: Option<String>,
}

/// A mail that was sent for this login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// The address.
    pub to: String,
    /// When.
    pub at: UnixMs,
}

/// What a browser tab has proven so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tab {
    /// When the first proof was given, and so when the tab's progress began.
    pub proven_at: UnixMs,
    /// When the progress is void.
    pub expires: UnixMs,
    /// Who is signing in, once that is known.
    pub user: Option<UserId>,
    /// What the person typed as user name.
    pub attempted: String,
    /// The user's credentials as they stood: a copy of the cookie dies when a password changes.
    pub credentials: Vec<u8>,
    /// Executions that succeeded.
    pub proven: BTreeMap<FlowId, String>,
    /// Whether the person asked to stay signed in.
    pub remember_me: bool,
    /// How an action that the application asked for ended.
    pub action_status: Option<String>,
    /// Which flow is walked.
    pub door: Door,
    /// Actions that this login itself asks for, by alias, whatever the account says.
    pub owed: Vec<String>,
    /// The link that it came by.
    pub link: Option<FollowedLink>,
    /// The mail that was sent for an action.
    pub mailed: Option<Mailed>,
}

impl Tab {
    /// Whether there is nothing to remember: a stranger at the page has no cookie.
    pub fn is_blank(&self) -> bool {
        self.proven.is_empty() && self.action_status.is_none() && self.link.is_none() && self.mailed.is_none()
    }

    /// Its part that the flow walks on.
    pub fn progress(&self) -> Progress {
        Progress { proven: self.proven.clone() }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    version: u8,
    value: T,
}

impl Sealing {
    /// Derives the login's keys from the server's data keys.
    pub fn new(keys: &DataKeys) -> Self {
        Self { keys: keys.derive("login", "") }
    }

    /// Seals a request into `client_data`; `None` when it is too large for a URL.
    pub fn seal_request(&self, place: Place<'_>, request: &LoginRequest) -> Option<String> {
        let text = encoding::base64url(&self.seal(&request_aad(place), request)?);
        (text.len() <= MAX_CLIENT_DATA).then_some(text)
    }

    /// Opens `client_data`; `None` when it was not made here, for this realm and client.
    pub fn open_request(&self, place: Place<'_>, client_data: &str) -> Option<LoginRequest> {
        self.open(&request_aad(place), client_data)
    }

    /// Seals a tab's progress into its cookie.
    pub fn seal_tab(&self, place: Place<'_>, at: TabPlace<'_>, tab: &Tab) -> Option<String> {
        Some(encoding::base64url(&self.seal(&tab_aad(place, at), tab)?))
    }

    /// Opens a tab's cookie; `None` when it is foreign, broken or void.
    pub fn open_tab(&self, place: Place<'_>, at: TabPlace<'_>, cookie: &str, now: UnixMs) -> Option<Tab> {
        self.open::<Tab>(&tab_aad(place, at), cookie).filter(|tab| now < tab.expires)
    }

    /// The `session_code` of a form: 43 characters that only this browser's tab, at this step, may send.
    pub fn session_code(&self, place: Place<'_>, at: TabPlace<'_>, tab: &Tab) -> String {
        let mut data = tab_aad(place, at);
        data.extend_from_slice(b"|code");
        for (execution, kind) in &tab.proven {
            data.extend_from_slice(format!("|{execution}={kind}").as_bytes());
        }
        data.extend_from_slice(format!("|{:?}|{}|{:?}", tab.user, tab.proven_at.0, tab.door).as_bytes());
        encoding::base64url(&self.keys.current().keyed_hash(&data))
    }

    /// The secret of codes that are set up in this tab: 20 letters and digits, the same whenever the page is
    /// shown, so that it need not be kept, nor taken from what a form says.
    pub fn otp_secret(&self, place: Place<'_>, at: TabPlace<'_>, user: &UserId) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut data = tab_aad(place, at);
        data.extend_from_slice(b"|otp|");
        data.extend_from_slice(user.as_str().as_bytes());
        // Bytes that would favour some letters are left out; two hashes always hold enough others.
        let hashes = [&b"|1"[..], b"|2"].map(|suffix| {
            let mut data = data.clone();
            data.extend_from_slice(suffix);
            self.keys.current().keyed_hash(&data)
        });
        let fair = hashes.iter().flatten().filter(|byte| **byte < 248);
        fair.take(20).map(|byte| char::from(LETTERS[usize::from(*byte % 62)])).collect()
    }

    fn seal<T: Serialize>(&self, aad: &[u8], value: &T) -> Option<Vec<u8>> {
        let plain = postcard::to_stdvec(&Sealed { version: VERSION, value }).ok()?;
        Some(self.keys.seal_bytes(aad, &plain))
    }

    fn open<T: for<'de> Deserialize<'de>>(&self, aad: &[u8], text: &str) -> Option<T> {
        if text.len() > MAX_CLIENT_DATA {
            return None;
        }
        let plain = self.keys.open_bytes(aad, &encoding::from_base64url(text)?).ok()?;
        let sealed: Sealed<T> = postcard::from_bytes(&plain).ok()?;
        (sealed.version == VERSION).then_some(sealed.value)
    }
}

/// A fresh tab id: 11 characters, as Keycloak's.
pub fn new_tab_id() -> String {
    random::base64url(8)
}

/// A fresh browser cookie: 24 characters, enough that nobody guesses one.
pub fn new_browser_id() -> String {
    random::base64url(18)
}

/// How long a tab's progress lasts.
pub fn tab_lifespan(access_code_lifespan_login_secs: i64) -> DurationMs {
    DurationMs::from_secs(access_code_lifespan_login_secs.max(1))
}

fn request_aad(place: Place<'_>) -> Vec<u8> {
    aad(&["request", place.realm.as_str(), place.client_id])
}

fn tab_aad(place: Place<'_>, at: TabPlace<'_>) -> Vec<u8> {
    aad(&["tab", place.realm.as_str(), place.client_id, at.browser, at.tab_id])
}

/// Length-prefixed, so that no two lists of parts read alike.
fn aad(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use keyraft_crypto::seal::DataKey;

    use super::*;

    const AT: TabPlace<'static> = TabPlace { browser: "b", tab_id: "t" };

    fn sealing() -> Sealing {
        Sealing::new(&DataKeys::new(vec![DataKey::generate()]).expect("one key"))
    }

    fn request() -> LoginRequest {
        LoginRequest {
            client_id: "shop".into(),
            continuation: b"state=secret".to_vec(),
            ..LoginRequest::default()
        }
    }

    #[test]
    fn a_request_opens_only_for_its_realm_and_client() {
        let (sealing, realm, other) = (sealing(), RealmId::from("r"), RealmId::from("o"));
        let place = Place { realm: &realm, client_id: "shop" };
        let text = sealing.seal_request(place, &request()).expect("small");

        assert_eq!(sealing.open_request(place, &text), Some(request()));
        assert_eq!(sealing.open_request(Place { realm: &other, ..place }, &text), None);
        assert_eq!(sealing.open_request(Place { client_id: "other", ..place }, &text), None);
        assert!(!text.contains("secret"));
    }

    #[test]
    fn a_tab_opens_only_in_its_browser_and_before_it_is_void() {
        let (sealing, realm) = (sealing(), RealmId::from("r"));
        let place = Place { realm: &realm, client_id: "shop" };
        let tab = Tab { expires: UnixMs(10), user: Some("alice".into()), ..Tab::default() };
        let cookie = sealing.seal_tab(place, AT, &tab).expect("small");

        assert_eq!(sealing.open_tab(place, AT, &cookie, UnixMs(9)), Some(tab));
        assert_eq!(sealing.open_tab(place, AT, &cookie, UnixMs(10)), None);
        assert_eq!(sealing.open_tab(place, TabPlace { browser: "x", ..AT }, &cookie, UnixMs(9)), None);
        assert_eq!(sealing.open_tab(place, TabPlace { tab_id: "x", ..AT }, &cookie, UnixMs(9)), None);
    }

    #[test]
    fn a_form_of_an_earlier_step_carries_another_code() {
        let (sealing, realm) = (sealing(), RealmId::from("r"));
        let place = Place { realm: &realm, client_id: "shop" };
        let before = sealing.session_code(place, AT, &Tab::default());
        let mut tab = Tab::default();
        tab.proven.insert("p".into(), "password".into());

        assert_ne!(before, sealing.session_code(place, AT, &tab));
        assert_eq!(before, sealing.session_code(place, AT, &Tab::default()));
        assert_eq!(before.len(), 43);
    }

    #[test]
    fn a_request_too_large_for_a_url_is_refused() {
        let realm = RealmId::from("r");
        let request = LoginRequest { continuation: vec![7; MAX_CLIENT_DATA], ..request() };

        assert_eq!(sealing().seal_request(Place { realm: &realm, client_id: "shop" }, &request), None);
    }

    #[test]
    fn a_full_tab_cookie_stays_small() {
        let realm = RealmId::from("0b7f9e5e-4e5f-4f7c-8e0a-5d7a1e1f0a11");
        let id = "6e8bc430-9c3a-11d9-9669-0800200c9a66";
        let tab = Tab {
            user: Some(id.into()),
            attempted: "alice@example.com".into(),
            credentials: vec![0; 8],
            proven: [(FlowId::from(id), "password".to_owned())].into(),
            ..Tab::default()
        };
        let cookie = sealing().seal_tab(Place { realm: &realm, client_id: "shop" }, AT, &tab).expect("small");

        assert!(cookie.len() <= 400, "{} bytes", cookie.len());
    }

    #[test]
    fn the_secret_of_codes_is_one_tabs_and_one_users() {
        let (sealing, realm) = (sealing(), RealmId::from("r"));
        let place = Place { realm: &realm, client_id: "shop" };
        let (alice, bob) = (UserId::from("alice"), UserId::from("bob"));
        let secret = sealing.otp_secret(place, AT, &alice);

        assert_eq!(secret.len(), 20);
        assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
        assert_eq!(secret, sealing.otp_secret(place, AT, &alice));
        assert_ne!(secret, sealing.otp_secret(place, AT, &bob));
        assert_ne!(secret, sealing.otp_secret(place, TabPlace { tab_id: "x", ..AT }, &alice));
        assert_ne!(secret, sealing.otp_secret(place, TabPlace { browser: "x", ..AT }, &alice));
    }

    #[test]
    fn a_form_of_another_door_carries_another_code() {
        let (sealing, realm) = (sealing(), RealmId::from("r"));
        let place = Place { realm: &realm, client_id: "shop" };
        let code = |door| sealing.session_code(place, AT, &Tab { door, ..Tab::default() });

        assert_ne!(code(Door::SignIn), code(Door::ResetCredentials));
        assert_ne!(code(Door::ResetCredentials), code(Door::Registration));
    }
}
