//! Reading what is not in memory: on a miss, before anybody is told "no".

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};
use tokio::time::{sleep, timeout};

use crate::{
    Error, View,
    backing::{Answer, Backing, BackingError, Whose},
    command::{Command, FenceScope, Load, Loading, Outcome, Used},
    engine::proposer::Proposer,
    machine::Body,
    row::{LoadRow, RowKey},
    session::{Kind, UserSession},
    shared::Shared,
    view::Found,
};

/// How long the database may take to answer for one session.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// How often a load is begun anew when something of its slot ended meanwhile.
const TRIES: u32 = 5;
/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(20);
/// Rows that are read at a time for lists.
const PAGE: usize = 500;
/// Sessions of one load: rows are large, and a command is not.
const AT_ONCE: usize = 8;

/// Loads sessions into memory, and reads those that are only listed.
#[derive(Clone, Debug)]
pub(crate) struct Loader {
    proposer: Arc<Proposer>,
    shared: Arc<Shared>,
    backing: Arc<dyn Backing>,
}

impl Loader {
    pub(crate) fn new(proposer: Arc<Proposer>, shared: Arc<Shared>, backing: Arc<dyn Backing>) -> Self {
        Self { proposer, shared, backing }
    }

    /// Brings sessions into memory, or the knowledge that there are none. `used` is a later use than their rows may
    /// know of.
    ///
    /// # Errors
    /// [`Error::Away`] when the database does not answer: nothing is known, which is never a "no". [`Error::Busy`]
    /// where there is no room. As [`crate::Cluster::write`].
    pub(crate) async fn load(&self, sessions: &[(String, Kind)], used: Option<&Used>) -> Result<(), Error> {
        for sessions in sessions.chunks(AT_ONCE) {
            self.load_few(sessions, used).await?;
        }
        Ok(())
    }

    async fn load_few(&self, sessions: &[(String, Kind)], used: Option<&Used>) -> Result<(), Error> {
        for _ in 0..TRIES {
            let view = View::new(Arc::clone(&self.shared));
            let (read_at, flushed, is_held) = (view.applied(), view.persisted(), view.loads_held());
            // An older database was put back: what it says may be of the past until all is written again.
            let answer = if is_held { None } else { Some(self.ask(sessions).await?) };
            let Some(Answer { rows, .. }) = answer.filter(|answer| answer.position >= flushed) else {
                sleep(PAUSE * 10).await;
                continue;
            };
            let is_row =
                |(sid, kind): &&(String, Kind)| rows.iter().any(|found| is_of(&found.row.key, sid, *kind));
            let absent = sessions.iter().filter(|session| !is_row(session)).cloned().collect();
            let load = Load { rows, absent, read_at, used: used.cloned() };
            let Outcome::Loaded { rows, absent } =
                self.proposer.propose(Body::Command(Box::new(Command::Load(load)))).await?
            else {
                return Err(Error::Invalid("a load was answered with something else"));
            };
            match rows.into_iter().chain(absent).find(|loading| !is_known(*loading)) {
                None => return Ok(()),
                Some(Loading::Full) => return Err(Error::Busy),
                Some(Loading::Invalid) => return Err(away("a stored session cannot be read")),
                Some(_) => sleep(PAUSE).await,
            }
        }
        Err(away("what the database holds is changing or of the past"))
    }

    /// Brings the sessions of a user into memory.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub(crate) async fn load_of_user(
        &self,
        realm: &RealmId,
        user: &UserId,
        kind: Kind,
        is_unknown: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let whose = Whose::User(realm.clone(), user.clone());
        let mut missing = Vec::new();
        let mut after = None;
        loop {
            let rows = self.page(&whose, kind, UnixMs(i64::MIN), after).await?;
            let is_last = rows.len() < PAGE;
            after = rows.last().and_then(place);
            missing.extend(rows.iter().filter_map(|found| sid_of(&found.row.key)).map(str::to_owned));
            if is_last || after.is_none() {
                break;
            }
        }
        let missing = missing.into_iter().filter(|sid| is_unknown(sid)).map(|sid| (sid, kind));
        self.load(&missing.collect::<Vec<_>>(), None).await
    }

    /// Shows `visit` the sessions of somebody that only the database holds, one after the other and without loading them,
    /// until it wants no more.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub(crate) async fn visit(
        &self,
        whose: &Whose,
        kind: Kind,
        view: &View,
        mut visit: impl FnMut(UserSession) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows = self.page(whose, kind, view.now(), after).await?;
            for row in &rows {
                let is_unknown = |sid: &&str| matches!(view.find(sid, kind), Found::NotLoaded);
                if let Some(session) =
                    sid_of(&row.row.key).filter(is_unknown).and_then(|_| alive(row, whose, view.now()))
                    && visit(session).is_break()
                {
                    return Ok(());
                }
            }
            after = rows.last().filter(|_| rows.len() >= PAGE).and_then(place);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn page(
        &self,
        whose: &Whose,
        kind: Kind,
        now: UnixMs,
        after: Option<(UserId, String)>,
    ) -> Result<Vec<LoadRow>, Error> {
        let flushed = View::new(Arc::clone(&self.shared)).persisted();
        let answer = self.backing.list(whose.clone(), kind, now, (after, PAGE)).await.map_err(Error::Away)?;
        if answer.position < flushed {
            return Err(away("the database is of the past"));
        }
        Ok(answer.rows)
    }

    async fn ask(&self, sessions: &[(String, Kind)]) -> Result<Answer, Error> {
        match timeout(DEADLINE, self.backing.find(sessions.to_vec())).await {
            Ok(answer) => answer.map_err(Error::Away),
            Err(_) => Err(away("the database does not answer in time")),
        }
    }
}

fn is_of(key: &RowKey, of: &str, kind: Kind) -> bool {
    matches!(key, RowKey::Session { sid, kind: found } if sid == of && *found == kind)
}

fn sid_of(key: &RowKey) -> Option<&str> {
    match key {
        RowKey::Session { sid, .. } => Some(sid),
        RowKey::Outbox { .. } | RowKey::Fence { .. } => None,
    }
}

/// Whether the maps know of the session now.
fn is_known(loading: Loading) -> bool {
    match loading {
        Loading::Loaded | Loading::Stands | Loading::Ended | Loading::Over => true,
        Loading::Refused | Loading::Full | Loading::Invalid => false,
    }
}

/// Whether a fence of that scope is over whole sessions, and over this one.
fn is_over(scope: &FenceScope, session: &UserSession) -> bool {
    match scope {
        FenceScope::Realm(realm) => *realm == session.realm,
        FenceScope::User(realm, user) => *realm == session.realm && *user == session.user,
        FenceScope::Client(..) | FenceScope::ClientAtUser(..) => false,
    }
}

fn away(why: &'static str) -> Error {
    Error::Away(BackingError::Away(why.into()))
}

fn place(found: &LoadRow) -> Option<(UserId, String)> {
    let sid = sid_of(&found.row.key)?.to_owned();
    Some((found.row.user.clone().unwrap_or_default(), sid))
}

/// The session of a row with what is alive in it; `None` where that is not what was asked for.
fn alive(found: &LoadRow, whose: &Whose, now: UnixMs) -> Option<UserSession> {
    if found.row.ended || found.row.check(now).is_err() {
        return None;
    }
    let mut session = found.row.session().ok().filter(|session| session.expires > now)?;
    let is_behind = |scope: &FenceScope, at: UnixMs| session.started <= at && is_over(scope, &session);
    if found.fences.iter().any(|(scope, at)| is_behind(scope, *at)) {
        return None;
    }
    let user = session.user.clone();
    let ends_part = |client: &ClientUuid, started: UnixMs| {
        found.fences.iter().any(|(scope, at)| {
            let is_his = scope.user().is_none_or(|of| *of == user);
            started <= *at && is_his && scope.client() == Some(client)
        })
    };
    session.clients.retain(|client, held| held.expires > now && !ends_part(client, held.started));
    match whose {
        Whose::Client(_, client) if !session.clients.contains_key(client) => None,
        _ => Some(session),
    }
}
