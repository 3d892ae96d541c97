//! The maps: what each command does to them, one file per map.
//!
//! Every function here is pure: it reads the state, decides, and returns the answer with its changes. Time is
//! the state's clock. Whoever adds a map adds its file, its commands below, its records to the snapshot and
//! its line in the sizes.

pub(crate) mod chains;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod device_codes;
pub(crate) mod leases;
pub(crate) mod loads;
pub(crate) mod login_failures;
pub(crate) mod outbox;
pub(crate) mod pending;
pub(crate) mod pushed_requests;
pub(crate) mod revocations;
pub(crate) mod room;
pub(crate) mod single_use;
pub(crate) mod user_sessions;

use crate::{
    command::{Command, Outcome},
    machine::{
        State,
        change::{Change, Decision},
    },
};

/// Decides a command.
pub(crate) fn decide(state: &State, command: &Command) -> Decision {
    match command {
        Command::StartSession(start) => user_sessions::start(state, start),
        Command::AttachClient(attach) => clients::attach(state, attach),
        Command::RedeemCode(redeem) => codes::redeem(state, redeem),
        Command::RotateRefresh(rotate) => chains::rotate(state, rotate),
        Command::Touch(touch) => user_sessions::touch(state, touch),
        Command::EndClientSession { sid, kind, client, or_session } => {
            clients::end(state, sid, *kind, client, *or_session)
        }
        Command::EndSession { sid, kind } => user_sessions::end(state, sid, *kind),
        Command::EndBefore { scope, kinds } => {
            let changes = kinds.iter().map(|kind| Change::Fence(scope.clone(), *kind)).collect();
            Decision { outcome: Outcome::Done { now: state.clock }, changes }
        }
        Command::ReserveAttempt { realm, user, attempt, policy } => {
            login_failures::reserve(state, realm, user, *attempt, policy)
        }
        Command::SettleAttempt { realm, user, attempt, outcome, policy, ip_address } => {
            let settle = login_failures::Settle { attempt: *attempt, outcome: *outcome, policy, ip_address };
            login_failures::settle(state, realm, user, &settle)
        }
        Command::ClearFailures { realm, user } => login_failures::clear(state, realm, user.as_ref()),
        Command::TakeOnce { key, lifespan } => single_use::take(state, key, *lifespan),
        Command::Revoke { realm, jti, lifespan } => revocations::revoke(state, realm, jti, *lifespan),
        Command::StartOffline { sid, client, session_limits, client_limits, scope } => {
            let part = clients::OfflinePart {
                client,
                session_limits: *session_limits,
                client_limits: *client_limits,
                scope,
            };
            clients::start_offline(state, sid, &part)
        }
        Command::SetNotes { sid, kind, notes } => user_sessions::set_notes(state, sid, *kind, notes),
        Command::TakeIssued { key, issued, lifespan } => {
            single_use::take_issued(state, key, *issued, *lifespan)
        }
        Command::PutPending(put) => pending::put(state, put),
        Command::TakePending { realm, id, kind } => pending::take(state, realm, id, *kind),
        Command::StartDevice(start) => device_codes::start(state, start),
        Command::DecideDevice { realm, user_code, decision } => {
            device_codes::decide(state, realm, user_code, decision)
        }
        Command::PollDevice { slot, device_code, client } => {
            device_codes::poll(state, *slot, device_code, client)
        }
        Command::PushRequest(push) => pushed_requests::push(state, push),
        Command::TakePushed { realm, handle, client } => pushed_requests::take(state, realm, handle, client),
        Command::EndWithNotice(end) => outbox::end(state, end),
        Command::Notify { notices } => outbox::notify(state, notices),
        Command::TakeNotices { max, lifespan } => outbox::take(state, *max, *lifespan),
        Command::SettleNotices { settled } => outbox::settle(state, settled),
        Command::TakeLease { job, holder, lifespan } => leases::take(state, job, holder, *lifespan),
        Command::ReleaseLease { job, holder } => leases::release(state, job, holder),
        Command::Changed { entries } => {
            let change = Change::Changed(entries.clone());
            Decision::with(Outcome::Done { now: state.clock }, change)
        }
        Command::Durable(_)
        | Command::MarkPersisted(_)
        | Command::Evict { .. }
        | Command::Load(_)
        | Command::Restored { .. }
        | Command::NewEpoch { .. }
        | Command::MoveForward(_) => loads::decide(state, command),
    }
}
