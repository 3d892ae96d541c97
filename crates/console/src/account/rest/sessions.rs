//! Where the person is signed in, and ending that.

use std::sync::Arc;

use keyraft_cluster::session::{Kind, UserSession};
use keyraft_core::{Error, limits};
use keyraft_model::Event;
use keyraft_oidc::backchannel;
use keyraft_web::device;
use serde_json::{Map, Value};

use super::{Call, MANAGES, READS_PROFILE, Refusal, Reply};

/// `GET /sessions`.
pub(super) async fn list(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_PROFILE)?;
    let mut shown = Vec::new();
    for session in held(call).await? {
        shown.push(one(call, &session).await?);
    }
    Ok(Reply::Json(shown.into()))
}

/// `GET /sessions/devices`: the same, by the system that they are on.
pub(super) async fn devices(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_PROFILE)?;
    let mut devices: Vec<Device> = Vec::new();
    for session in held(call).await? {
        let system = system(&session);
        let place = devices.iter().position(|device| device.system == system);
        let place = place.unwrap_or_else(|| {
            devices.push(Device { system, last_use: 0, current: false, sessions: Vec::new() });
            devices.len() - 1
        });
        let shown = one(call, &session).await?;
        let device = &mut devices[place];
        device.last_use = device.last_use.max(session.last_use.secs());
        device.current |= is_own(call, &session);
        device.sessions.push(shown);
    }
    Ok(Reply::Json(devices.into_iter().map(Device::shown).collect()))
}

struct Device {
    system: String,
    last_use: i64,
    current: bool,
    sessions: Vec<Value>,
}

impl Device {
    fn shown(self) -> Value {
        let is_mobile = ["iPhone", "iPad", "Android"].contains(&self.system.as_str());
        let mut shown = Map::new();
        shown.insert("os".into(), self.system.into());
        shown.insert("osVersion".into(), "Unknown".into());
        shown.insert("device".into(), "Other".into());
        shown.insert("lastAccess".into(), self.last_use.into());
        if self.current {
            shown.insert("current".into(), true.into());
        }
        shown.insert("sessions".into(), self.sessions.into());
        shown.insert("mobile".into(), is_mobile.into());
        shown.into()
    }
}

/// What the session's browser said of its system.
fn system(session: &UserSession) -> String {
    let noted = session.notes.get(device::NOTE).and_then(|name| name.split_once('/'));
    noted.map(|(_, system)| system).filter(|system| !system.is_empty()).unwrap_or("Other").to_owned()
}

/// `DELETE /sessions`: the others; with `current=true` this one too.
pub(super) async fn end_all(call: &Call) -> Result<Reply, Refusal> {
    call.require(MANAGES)?;
    let with_own = call.ask.query.get("current") == Some("true");
    for session in held(call).await? {
        if with_own || !is_own(call, &session) {
            end_one(call, &session).await?;
        }
    }
    Ok(Reply::Nothing)
}

/// `DELETE /sessions/{id}`: one of his own; another's is none.
pub(super) async fn end(call: &Call, sid: &str) -> Result<Reply, Refusal> {
    call.require(MANAGES)?;
    for session in held(call).await? {
        if session.sid == sid {
            end_one(call, &session).await?;
        }
    }
    Ok(Reply::Nothing)
}

async fn held(call: &Call) -> Result<Vec<Arc<UserSession>>, Error> {
    let (realm, user) = (&call.bearer.realm.realm.id, &call.bearer.user.user.id);
    let view = call.core.sessions.view_of_user(realm, user, Kind::Online).await?;
    Ok(view.sessions_of_user(realm, user, Kind::Online))
}

async fn end_one(call: &Call, session: &UserSession) -> Result<(), Error> {
    let realm = (&*call.bearer.realm, call.issuer.as_str());
    Box::pin(backchannel::end(&call.core, realm, (&session.sid, Kind::Online), None)).await?;
    let now = call.core.sessions.view().await?.now();
    call.core.events.emit(&Event {
        time: now,
        kind: "LOGOUT".into(),
        realm_id: session.realm.clone(),
        client_id: Some(call.bearer.client.client.client_id.clone()),
        user_id: Some(session.user.to_string()),
        session_id: Some(session.sid.clone()),
        ip_address: Some(call.ask.origin.client_ip.to_string()),
        ..Event::default()
    });
    Ok(())
}

fn is_own(call: &Call, session: &UserSession) -> bool {
    call.bearer.session.as_ref().is_some_and(|own| own.sid == session.sid)
}

async fn one(call: &Call, session: &UserSession) -> Result<Value, Error> {
    let realm = &call.bearer.realm;
    let mut clients = Vec::new();
    for id in session.clients.keys() {
        let Some(client) = call.core.client_by_id(realm, id).await? else { continue };
        let client = &client.client;
        let mut shown = Map::new();
        shown.insert("clientId".into(), client.client_id.clone().into());
        if let Some(name) = client.name.as_deref().filter(|name| !name.is_empty()) {
            shown.insert("clientName".into(), call.t.resolve(name).into());
        }
        shown.insert("userConsentRequired".into(), client.consent_required.into());
        shown.insert("inUse".into(), false.into());
        shown.insert("offlineAccess".into(), false.into());
        clients.push(Value::from(shown));
    }
    let mut shown = Map::new();
    shown.insert("id".into(), session.sid.clone().into());
    shown.insert("ipAddress".into(), session.ip_address.clone().into());
    shown.insert("started".into(), session.started.secs().into());
    shown.insert("lastAccess".into(), session.last_use.secs().into());
    shown.insert("expires".into(), limits::session_end(&realm.realm, session).secs().into());
    shown.insert("clients".into(), clients.into());
    let noted = session.notes.get(device::NOTE).filter(|name| !name.is_empty());
    if let Some(browser) = noted.map(|name| name.split('/').next().unwrap_or(name)) {
        shown.insert("browser".into(), browser.into());
    }
    if is_own(call, session) {
        shown.insert("current".into(), true.into());
    }
    Ok(shown.into())
}
