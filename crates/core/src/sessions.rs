//! Sessions have one writer: this file. Everything that starts, uses or ends one calls it.
//!
//! Each function is one command of the cluster, so that a step of the protocol happens whole or not at
//! all, on every node. Reads apply the realm's *present* limits as well; the earlier end wins.

use std::sync::Arc;

use keyraft_cluster::{
    Cluster, View,
    backing::Whose,
    command::{
        AttachClient, Command, EndWithNotice, FenceScope, MoveForward, NewNotice, Notice, OnceKey, Outcome,
        RedeemCode, Redemption, RotateRefresh, Rotation, Settled, StartSession, Touch, Used,
    },
    session::{Kind, Limits, UserSession},
};
use keyraft_model::{Client, ClientUuid, DurationMs, RealmId, UnixMs, UserId};

use crate::{Error, RealmView, limits};

/// Notices of one entry of the log.
const NOTICES: usize = 100;

/// The session maps, as the rest of the house sees them.
#[derive(Clone, Debug)]
pub struct Sessions {
    cluster: Cluster,
}

/// How the start of a session, or of a client's part in it, went.
#[derive(Clone, Debug)]
pub enum Started {
    /// It stands; `now` is the log's clock, from which tokens take their `iat`.
    Started {
        /// The session after the step.
        session: Box<UserSession>,
        /// The log's clock.
        now: UnixMs,
    },
    /// The user session is gone.
    NoSession,
    /// The login in progress was finished before, or its user was signed out meanwhile.
    LoginTaken,
    /// The session belongs to someone else.
    OtherUser,
}

impl Sessions {
    /// Over the cluster's maps.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    /// The maps as they stand after every write that was answered before this call.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that cannot be known now.
    pub async fn view(&self) -> Result<View, Error> {
        Ok(self.cluster.view().await?)
    }

    /// As [`Sessions::view`], once that session is in memory if it is anywhere: what the view does not show then is
    /// not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that cannot be known now, the database being away.
    pub async fn view_of(&self, sid: &str, kind: Kind) -> Result<View, Error> {
        Ok(self.cluster.view_of(sid, kind).await?)
    }

    /// As [`Sessions::view`], once the sessions of that user are in memory.
    ///
    /// # Errors
    /// As [`Sessions::view_of`].
    pub async fn view_of_user(&self, realm: &RealmId, user: &UserId, kind: Kind) -> Result<View, Error> {
        Ok(self.cluster.view_of_user(realm, user, kind).await?)
    }

    /// A page of the sessions of a realm, or of those that a client has a part in: those in memory first, then those
    /// that only the database holds.
    ///
    /// # Errors
    /// As [`Sessions::view_of`].
    pub async fn page(
        &self,
        whose: &Whose,
        kind: Kind,
        (first, max): (usize, usize),
    ) -> Result<Vec<Arc<UserSession>>, Error> {
        Ok(self.cluster.page(whose, kind, (first, max)).await?)
    }

    /// How many sessions a client has a part in, those that only the database holds included.
    ///
    /// # Errors
    /// As [`Sessions::view_of`].
    pub async fn count_of_client(
        &self,
        realm: &RealmId,
        client: &ClientUuid,
        kind: Kind,
    ) -> Result<u64, Error> {
        Ok(self.cluster.count_of_client(realm, client, kind).await?)
    }

    /// Every client of a realm with its numbers of online and offline sessions, where it has any.
    ///
    /// # Errors
    /// As [`Sessions::view_of`].
    pub async fn client_session_stats(&self, realm: &RealmId) -> Result<Vec<(ClientUuid, u64, u64)>, Error> {
        Ok(self.cluster.client_session_stats(realm).await?)
    }

    /// Starts a user session, with its first client session and code where they are given.
    ///
    /// # Errors
    /// [`Error::Busy`] at the state's bound; [`Error::Unavailable`].
    pub async fn start(&self, start: StartSession) -> Result<Started, Error> {
        started(self.write(Command::StartSession(start)).await?)
    }

    /// Attaches a client to a live user session.
    ///
    /// # Errors
    /// As [`Sessions::start`].
    pub async fn attach(&self, attach: AttachClient) -> Result<Started, Error> {
        started(self.write(Command::AttachClient(attach)).await?)
    }

    /// Redeems an authorization code, at most once anywhere (RFC 6749 section 4.1.2).
    ///
    /// # Errors
    /// As [`Sessions::start`].
    pub async fn redeem(&self, redeem: RedeemCode) -> Result<Redemption, Error> {
        match self.write(Command::RedeemCode(redeem)).await? {
            Outcome::Redeemed(redemption) => Ok(*redemption),
            other => Err(unexpected(&other)),
        }
    }

    /// Swaps a refresh token for the next one, in realms that revoke refresh tokens. A token seen once too
    /// often ends its client session in the same command: one holder is a thief, we cannot tell which
    /// (RFC 9700 section 4.14.2). The user session lives on: other applications were not robbed.
    ///
    /// # Errors
    /// As [`Sessions::start`].
    pub async fn rotate(&self, rotate: RotateRefresh) -> Result<Rotation, Error> {
        match self.write(Command::RotateRefresh(rotate)).await? {
            Outcome::Rotated(rotation) => Ok(rotation),
            other => Err(unexpected(&other)),
        }
    }

    /// Notes that a session was used, if its last note is old enough to matter; returns the clock.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn touch(
        &self,
        realm: &RealmView,
        session: &UserSession,
        client: Option<&Client>,
        now: UnixMs,
    ) -> Result<(), Error> {
        let held = client.and_then(|client| session.clients.get(&client.id));
        if !session.needs_touch(now) && held.is_none_or(|held| !held.needs_touch(now)) {
            return Ok(());
        }
        let touch = Touch {
            sid: session.sid.clone(),
            kind: session.kind,
            client: client.map(|client| client.id.clone()),
            limits: limits::of_session(&realm.realm, session.kind, session.remember_me),
            client_limits: client
                .map(|client| limits::of_client_session(&realm.realm, client, session.kind))
                .unwrap_or_default(),
        };
        self.write(Command::Touch(touch)).await.map(|_| ())
    }

    /// The live session of that handle in this realm, by the realm's present limits.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that cannot be known now; never mistaken for "there is none".
    pub async fn find(
        &self,
        realm: &RealmView,
        sid: &str,
        kind: Kind,
    ) -> Result<Option<Arc<UserSession>>, Error> {
        let view = self.view_of(sid, kind).await?;
        Ok(find_in(&view, realm, sid, kind))
    }

    /// As [`Sessions::find`], for a refresh token that was issued to `client` at `at` and is verified: its session was in
    /// use then, even if all disks were lost since and the row in the database is of an earlier use.
    ///
    /// # Errors
    /// As [`Sessions::find`].
    pub async fn find_used(
        &self,
        realm: &RealmView,
        (sid, kind): (&str, Kind),
        used: Used,
    ) -> Result<Option<Arc<UserSession>>, Error> {
        let view = self.cluster.view_of_used(sid, kind, Some(&used)).await?;
        let is_behind = |session: &UserSession| session.last_use < used.at;
        let began = view.epoch_began().filter(|began| used.at <= *began);
        if began.is_some() && view.session(sid, kind).is_some_and(|session| is_behind(&session)) {
            let forward = MoveForward { sid: sid.to_owned(), kind, used, chain: None };
            self.write(Command::MoveForward(forward)).await?;
        }
        self.find(realm, sid, kind).await
    }

    /// Ends a session with all its clients; what stood is returned, for logout notices.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end(&self, sid: &str, kind: Kind) -> Result<Vec<UserSession>, Error> {
        ended(self.write(Command::EndSession { sid: sid.to_owned(), kind }).await?)
    }

    /// Takes one client out of a session; ends the session where it was the only one and `or_session` says so.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_client(
        &self,
        sid: &str,
        kind: Kind,
        client: &ClientUuid,
        or_session: bool,
    ) -> Result<Vec<UserSession>, Error> {
        let command =
            Command::EndClientSession { sid: sid.to_owned(), kind, client: client.clone(), or_session };
        ended(self.write(command).await?)
    }

    /// Ends a session as [`Sessions::end`] does, or takes a client out of it; the notices that are to follow are
    /// written by the same step, so that none is lost with this node.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_with_notice(&self, end: EndWithNotice) -> Result<Vec<UserSession>, Error> {
        ended(self.write(Command::EndWithNotice(end)).await?)
    }

    /// Leaves notices of sessions that were ended together.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn notify(&self, notices: Vec<NewNotice>) -> Result<(), Error> {
        let mut notices = notices;
        while !notices.is_empty() {
            let rest = notices.split_off(notices.len().min(NOTICES));
            self.write(Command::Notify { notices }).await?;
            notices = rest;
        }
        Ok(())
    }

    /// Takes notices that are due, so that nobody else delivers them for that long.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn take_notices(&self, max: u32, lifespan: DurationMs) -> Result<Vec<Notice>, Error> {
        if self.view().await?.notices_due(1).is_empty() {
            return Ok(Vec::new());
        }
        match self.write(Command::TakeNotices { max, lifespan }).await? {
            Outcome::Notices(notices) => Ok(notices),
            other => Err(unexpected(&other)),
        }
    }

    /// Says how deliveries went.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; what was not said is delivered again.
    pub async fn settle_notices(&self, settled: Vec<(u64, Settled)>) -> Result<(), Error> {
        self.write(Command::SettleNotices { settled }).await.map(|_| ())
    }

    /// Ends everything of a scope that began before now: one fence, however many sessions.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_before(&self, scope: FenceScope, kinds: &[Kind]) -> Result<(), Error> {
        self.write(Command::EndBefore { scope, kinds: kinds.to_vec() }).await.map(|_| ())
    }

    /// Ends all online sessions of a user and returns what stood.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_of_user(&self, realm: &RealmId, user: &UserId) -> Result<Vec<UserSession>, Error> {
        let view = self.view_of_user(realm, user, Kind::Online).await?;
        let stood = view.sessions_of_user(realm, user, Kind::Online);
        self.end_before(FenceScope::User(realm.clone(), user.clone()), &[Kind::Online]).await?;
        Ok(stood.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    /// Takes something that may be taken once; says whether this was the first time.
    ///
    /// # Errors
    /// [`Error::Busy`] at the state's bound; [`Error::Unavailable`].
    pub async fn take_once(&self, key: OnceKey, lifespan: DurationMs) -> Result<bool, Error> {
        match self.write(Command::TakeOnce { key, lifespan }).await? {
            Outcome::Taken(first) => Ok(first),
            other => Err(unexpected(&other)),
        }
    }

    /// Revokes one access token until it would have expired.
    ///
    /// # Errors
    /// [`Error::Busy`] at the state's bound; [`Error::Unavailable`].
    pub async fn revoke(&self, realm: &RealmId, jti: &str, lifespan: DurationMs) -> Result<(), Error> {
        let command = Command::Revoke { realm: realm.clone(), jti: jti.to_owned(), lifespan };
        self.write(command).await.map(|_| ())
    }

    /// Copies a client's part of an online session into the offline session of the same `sid`.
    ///
    /// # Errors
    /// As [`Sessions::start`].
    pub async fn start_offline(
        &self,
        realm: &RealmView,
        client: &Client,
        sid: &str,
        scope: &str,
    ) -> Result<Started, Error> {
        started(
            self.write(Command::StartOffline {
                sid: sid.to_owned(),
                client: client.id.clone(),
                session_limits: limits::of_session(&realm.realm, Kind::Offline, false),
                client_limits: limits::of_client_session(&realm.realm, client, Kind::Offline),
                scope: scope.to_owned(),
            })
            .await?,
        )
    }

    /// Proposes any command; for the files of this room that have commands of their own.
    pub(crate) async fn write(&self, command: Command) -> Result<Outcome, Error> {
        match self.cluster.write(command).await? {
            Outcome::Full => Err(Error::Busy),
            Outcome::Failed => Err(Error::Internal("a command failed to apply".into())),
            outcome => Ok(outcome),
        }
    }
}

/// The live session of that handle in a view, by the realm's present limits.
pub fn find_in(view: &View, realm: &RealmView, sid: &str, kind: Kind) -> Option<Arc<UserSession>> {
    let session = view.session(sid, kind)?;
    let is_of_realm = session.realm == realm.realm.id;
    // Keycloak: switching remember-me off ends the sessions that were remembered.
    let is_allowed = !session.remember_me || realm.realm.remember_me;
    let is_alive = view.now() < limits::session_end(&realm.realm, &session);
    (is_of_realm && is_allowed && is_alive).then_some(session)
}

/// Fresh limits for a session about to start.
pub fn new_limits(realm: &RealmView, kind: Kind, remembered: bool) -> Limits {
    limits::of_session(&realm.realm, kind, remembered)
}

fn started(outcome: Outcome) -> Result<Started, Error> {
    match outcome {
        Outcome::Started { session, now } => Ok(Started::Started { session: Box::new(session), now }),
        Outcome::NoSession => Ok(Started::NoSession),
        Outcome::LoginTaken => Ok(Started::LoginTaken),
        Outcome::OtherUser => Ok(Started::OtherUser),
        other => Err(unexpected(&other)),
    }
}

fn ended(outcome: Outcome) -> Result<Vec<UserSession>, Error> {
    match outcome {
        Outcome::Ended { sessions, .. } => Ok(sessions),
        Outcome::NoSession => Ok(Vec::new()),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(outcome: &Outcome) -> Error {
    Error::Internal(format!("a command was answered with {outcome:?}").chars().take(200).collect())
}
