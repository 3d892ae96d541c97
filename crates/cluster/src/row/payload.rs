//! What is in a row's payload: own structs behind a version, so that the types of the maps may change.
//!
//! The first byte is the version; each version keeps its structs here for as long as rows of it may stand.

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::RowError;
use crate::{
    SmallMap,
    command::Notice,
    session::{Chain, ClientSession, Kind, Limits, UserSession},
};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct SessionV1 {
    sid: String,
    kind: Kind,
    realm: RealmId,
    user: UserId,
    started: UnixMs,
    last_use: UnixMs,
    expires: UnixMs,
    limits: Limits,
    remember_me: bool,
    ip_address: String,
    notes: Vec<(String, String)>,
    clients: Vec<ClientV1>,
}

#[derive(Serialize, Deserialize)]
struct ClientV1 {
    client: ClientUuid,
    started: UnixMs,
    last_use: UnixMs,
    expires: UnixMs,
    limits: Limits,
    scope: String,
    redirect_uri: Option<String>,
    notes: Vec<(String, String)>,
    chains: Vec<ChainV1>,
}

#[derive(Serialize, Deserialize)]
struct ChainV1 {
    id: String,
    jti: String,
    uses: u32,
    issued: Vec<String>,
    expires: UnixMs,
}

#[derive(Serialize, Deserialize)]
struct NoticeV1 {
    id: u64,
    issuer: String,
    realm: RealmId,
    user: UserId,
    sid: String,
    kind: Kind,
    clients: Vec<ClientUuid>,
    ended: UnixMs,
    attempts: u32,
    next_at: UnixMs,
    expires: UnixMs,
}

/// Encodes a session.
pub(super) fn of_session(session: &UserSession) -> Vec<u8> {
    encode(&SessionV1 {
        sid: session.sid.clone(),
        kind: session.kind,
        realm: session.realm.clone(),
        user: session.user.clone(),
        started: session.started,
        last_use: session.last_use,
        expires: session.expires,
        limits: session.limits,
        remember_me: session.remember_me,
        ip_address: session.ip_address.clone(),
        notes: pairs(&session.notes),
        clients: session.clients.iter().map(|(client, held)| of_client(client, held)).collect(),
    })
}

fn of_client(client: &ClientUuid, held: &ClientSession) -> ClientV1 {
    let chain = |(id, chain): (&String, &Chain)| ChainV1 {
        id: id.clone(),
        jti: chain.jti.clone(),
        uses: chain.uses,
        issued: chain.issued.clone(),
        expires: chain.expires,
    };
    ClientV1 {
        client: client.clone(),
        started: held.started,
        last_use: held.last_use,
        expires: held.expires,
        limits: held.limits,
        scope: held.scope.clone(),
        redirect_uri: held.redirect_uri.clone(),
        notes: pairs(&held.notes),
        chains: held.chains.iter().map(chain).collect(),
    }
}

/// Decodes a session.
pub(super) fn session(payload: &[u8]) -> Result<UserSession, RowError> {
    let row: SessionV1 = decode(payload)?;
    Ok(UserSession {
        sid: row.sid,
        kind: row.kind,
        realm: row.realm,
        user: row.user,
        started: row.started,
        last_use: row.last_use,
        expires: row.expires,
        limits: row.limits,
        remember_me: row.remember_me,
        ip_address: row.ip_address,
        notes: row.notes.into_iter().collect(),
        clients: row.clients.into_iter().map(client).collect(),
    })
}

fn client(row: ClientV1) -> (ClientUuid, ClientSession) {
    let chain = |row: ChainV1| {
        (row.id, Chain { jti: row.jti, uses: row.uses, issued: row.issued, expires: row.expires })
    };
    let held = ClientSession {
        started: row.started,
        last_use: row.last_use,
        expires: row.expires,
        limits: row.limits,
        scope: row.scope,
        redirect_uri: row.redirect_uri,
        notes: row.notes.into_iter().collect(),
        chains: row.chains.into_iter().map(chain).collect(),
    };
    (row.client, held)
}

/// Encodes a notice.
pub(super) fn of_notice(notice: &Notice) -> Vec<u8> {
    let Notice { id, issuer, realm, user, sid, kind, clients, ended, attempts, next_at, expires } =
        notice.clone();
    encode(&NoticeV1 { id, issuer, realm, user, sid, kind, clients, ended, attempts, next_at, expires })
}

/// Decodes a notice.
pub(super) fn notice(payload: &[u8]) -> Result<Notice, RowError> {
    let NoticeV1 { id, issuer, realm, user, sid, kind, clients, ended, attempts, next_at, expires } =
        decode(payload)?;
    Ok(Notice { id, issuer, realm, user, sid, kind, clients, ended, attempts, next_at, expires })
}

fn pairs(notes: &SmallMap<String, String>) -> Vec<(String, String)> {
    notes.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("plain data is always encoded")
}

fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, RowError> {
    match payload.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| RowError::Payload),
        _ => Err(RowError::Payload),
    }
}
