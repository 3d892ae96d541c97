//! Where am I signed in, and how do I end it elsewhere.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use keyraft_cluster::session::{Kind, UserSession};
use keyraft_core::{Core, Error};
use keyraft_login::identity;
use keyraft_model::Event;
use keyraft_oidc::{Oidc, backchannel};
use keyraft_web::headers::ContentPolicy;
use keyraft_web::{
    Form, Notice, Page, Query, RequestId, RequestOrigin, Tone, csrf, device, failure, page, time,
};

use super::DEVICES;
use super::door::{Call, Visitor};
use super::pages::{Device, DevicesPage};

/// More sessions than anybody can look at: the rest is ended by "Sign out all others".
const SHOWN: usize = 50;

/// `GET /realms/{realm}/account/devices`.
pub(super) async fn show(
    State(oidc): State<Oidc>,
    Path(realm): Path<String>,
    Query(query): Query,
    origin: RequestOrigin,
    id: RequestId,
    headers: HeaderMap,
) -> Response {
    let call = Call { realm, query, origin, id, headers };
    let visitor = match Visitor::enter(&oidc.core, &call, DEVICES).await {
        Ok(visitor) => visitor,
        Err(answer) => return *answer,
    };
    match page(&oidc.core, &visitor, call.query.get("done")).await {
        Ok(page) => page.into_response(),
        Err(error) => unavailable(&call, &error),
    }
}

/// `POST /realms/{realm}/account/devices`: ends one other session, or all others.
pub(super) async fn sign_out(
    State(oidc): State<Oidc>,
    Path(realm): Path<String>,
    origin: RequestOrigin,
    id: RequestId,
    headers: HeaderMap,
    Form(form): Form,
) -> Response {
    let call = Call { realm, query: keyraft_web::Fields::default(), origin, id, headers };
    let visitor = match Visitor::enter(&oidc.core, &call, DEVICES).await {
        Ok(visitor) => visitor,
        Err(answer) => return *answer,
    };
    let back = |done: &str| {
        let path = call.origin.realm_path(&visitor.realm.realm);
        page::redirect(StatusCode::SEE_OTHER, &format!("{path}/account{DEVICES}{done}"))
    };
    // A form that another site made, or that is older than this session, changes nothing.
    if !csrf::matches(&visitor.identity.state_checker, form.get(csrf::FIELD)) {
        return back("");
    }
    let others = form.has("others");
    let chosen = form.filled("device");
    match end(&oidc.core, &call, &visitor, |id| others || chosen == Some(id)).await {
        Ok(0) => back(""),
        Ok(_) if others => back("?done=others"),
        Ok(_) => back("?done=device"),
        Err(error) => unavailable(&call, &error),
    }
}

/// Ends the person's other sessions whose id is chosen, tells their applications, and says how many those were.
async fn end(
    core: &Core,
    call: &Call,
    visitor: &Visitor,
    chosen: impl Fn(&str) -> bool,
) -> Result<usize, Error> {
    let own = &visitor.identity.session;
    let view = core.sessions.view_of_user(&own.realm, &own.user, Kind::Online).await?;
    let issuer = call.origin.issuer(&visitor.realm.realm);
    let mut count = 0;
    for session in view.sessions_of_user(&own.realm, &own.user, Kind::Online) {
        if session.sid == own.sid || !chosen(&name_of(&session.sid)) {
            continue;
        }
        let realm = (&*visitor.realm, issuer.as_str());
        count += backchannel::end(core, realm, (&session.sid, Kind::Online), None).await?.len();
        core.events.emit(&Event {
            time: view.now(),
            kind: "LOGOUT".into(),
            realm_id: session.realm.clone(),
            user_id: Some(session.user.to_string()),
            session_id: Some(session.sid.clone()),
            ip_address: Some(call.origin.client_ip.to_string()),
            ..Event::default()
        });
    }
    Ok(count)
}

async fn page(core: &Core, visitor: &Visitor, done: Option<&str>) -> Result<Page, Error> {
    let own = &visitor.identity.session;
    let view = core.sessions.view_of_user(&own.realm, &own.user, Kind::Online).await?;
    let mut sessions = view.sessions_of_user(&own.realm, &own.user, Kind::Online);
    sessions.sort_by_key(|session| (session.sid != own.sid, std::cmp::Reverse(session.last_use)));
    let mut devices = Vec::new();
    for session in sessions.iter().take(SHOWN) {
        devices.push(shown(core, visitor, session).await?);
    }
    let t = &visitor.t;
    let notice = match done {
        Some("device") => Some(Notice::new(Tone::Done, t.get("deviceSignedOut"))),
        Some("others") => Some(Notice::new(Tone::Done, t.get("othersSignedOut"))),
        _ => None,
    };
    let (frame, bar, token) = (visitor.frame(), visitor.bar(DEVICES), visitor.token());
    let page = DevicesPage { t, frame: &frame, bar: &bar, notice, devices: &devices, token: &token };
    Ok(Page::new(&page, t).policy(ContentPolicy::StaysHere))
}

async fn shown(core: &Core, visitor: &Visitor, session: &UserSession) -> Result<Device, Error> {
    let t = &visitor.t;
    let mut applications = Vec::new();
    for id in session.clients.keys() {
        if let Some(client) = core.client_by_id(&visitor.realm, id).await? {
            let client = &client.client;
            let name = client.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&client.client_id);
            applications.push(t.resolve(name).into_owned());
        }
    }
    let name = match session.notes.get(device::NOTE).map(|name| name.split_once('/').unwrap_or((name, ""))) {
        Some((program, "")) if !program.is_empty() => program.to_owned(),
        Some((browser, system)) if !browser.is_empty() => {
            t.with("deviceName", &[browser, system]).into_owned()
        }
        _ => t.get("unknownDevice").into_owned(),
    };
    Ok(Device {
        id: name_of(&session.sid),
        name,
        address: session.ip_address.clone(),
        since: time::minute(session.started),
        used: time::minute(session.last_use),
        applications: applications.join(", "),
        current: session.sid == visitor.identity.session.sid,
    })
}

/// What a form calls a session: a part of a digest of its handle.
fn name_of(sid: &str) -> String {
    identity::shadow(sid).chars().take(22).collect()
}

fn unavailable(call: &Call, error: &Error) -> Response {
    tracing::error!(%error, "the devices of a user were not read or ended");
    failure::internal(&call.headers, Some(call.id))
}
