//! Between openraft's messages and the ones on the wire; the one place where both are known.

use std::io;

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest, VoteRequest,
    VoteResponse,
};

use super::types::{LogEntry, Types};
use crate::net::wire::{Append, AppendResult, Ballot, Transfer, Transferred, Voted, Word};

/// A leader's entries, with its word where it has one to give.
pub(crate) fn append(rpc: &AppendEntriesRequest<Types>, word: Option<Word>) -> io::Result<Append> {
    Ok(Append {
        vote: (&rpc.vote).into(),
        previous: rpc.prev_log_id.as_ref().map(Into::into),
        entries: rpc.entries.iter().map(TryInto::try_into).collect::<io::Result<_>>()?,
        commit: rpc.leader_commit.as_ref().map(Into::into),
        word,
    })
}

/// What openraft is told of them at the other end.
pub(crate) fn append_request(append: &Append) -> io::Result<AppendEntriesRequest<Types>> {
    Ok(AppendEntriesRequest {
        vote: append.vote.into(),
        prev_log_id: append.previous.map(Into::into),
        entries: append.entries.iter().map(LogEntry::try_from).collect::<io::Result<_>>()?,
        leader_commit: append.commit.map(Into::into),
    })
}

/// openraft's answer to entries.
pub(crate) fn append_result(response: &AppendEntriesResponse<Types>) -> AppendResult {
    match response {
        AppendEntriesResponse::Success => AppendResult::Success,
        AppendEntriesResponse::PartialSuccess(last) => AppendResult::Partial(last.as_ref().map(Into::into)),
        AppendEntriesResponse::Conflict => AppendResult::Conflict,
        AppendEntriesResponse::HigherVote(vote) => AppendResult::HigherVote(vote.into()),
    }
}

/// The answer as openraft knows it.
pub(crate) fn append_response(result: AppendResult) -> AppendEntriesResponse<Types> {
    match result {
        AppendResult::Success => AppendEntriesResponse::Success,
        AppendResult::Partial(last) => AppendEntriesResponse::PartialSuccess(last.map(Into::into)),
        AppendResult::Conflict => AppendEntriesResponse::Conflict,
        AppendResult::HigherVote(vote) => AppendEntriesResponse::HigherVote(vote.into()),
    }
}

impl From<&VoteRequest<Types>> for Ballot {
    fn from(rpc: &VoteRequest<Types>) -> Self {
        Self {
            vote: (&rpc.vote).into(),
            last: rpc.last_log_id.as_ref().map(Into::into),
            is_transfer: rpc.leadership_transfer,
        }
    }
}

impl From<Ballot> for VoteRequest<Types> {
    fn from(ballot: Ballot) -> Self {
        Self {
            leadership_transfer: ballot.is_transfer,
            ..Self::new(ballot.vote.into(), ballot.last.map(Into::into))
        }
    }
}

impl From<&VoteResponse<Types>> for Voted {
    fn from(response: &VoteResponse<Types>) -> Self {
        Self {
            vote: (&response.vote).into(),
            is_granted: response.vote_granted,
            last: response.last_log_id.as_ref().map(Into::into),
        }
    }
}

impl From<Voted> for VoteResponse<Types> {
    fn from(voted: Voted) -> Self {
        let vote: super::types::Vote = voted.vote.into();
        Self::new(vote, voted.last.map(Into::into), voted.is_granted)
    }
}

impl From<&TransferLeaderRequest<Types>> for Transfer {
    fn from(rpc: &TransferLeaderRequest<Types>) -> Self {
        Self {
            from: rpc.from_leader().into(),
            to: *rpc.to_node_id(),
            last: rpc.last_log_id().map(Into::into),
        }
    }
}

impl From<Transfer> for TransferLeaderRequest<Types> {
    fn from(transfer: Transfer) -> Self {
        Self::new(transfer.from.into(), transfer.to, transfer.last.map(Into::into))
    }
}

impl From<Result<(), TransferLeaderError<Types>>> for Transferred {
    fn from(result: Result<(), TransferLeaderError<Types>>) -> Self {
        match result {
            Ok(()) => Self::Accepted,
            Err(TransferLeaderError::VoteChanged { expected, actual }) => {
                Self::VoteChanged { expected: (&expected).into(), actual: (&actual).into() }
            }
            Err(TransferLeaderError::LogNotFlushed { expected, actual }) => Self::LogNotFlushed {
                expected: expected.as_ref().map(Into::into),
                actual: actual.as_ref().map(Into::into),
            },
        }
    }
}

impl From<Transferred> for Result<(), TransferLeaderError<Types>> {
    fn from(transferred: Transferred) -> Self {
        match transferred {
            Transferred::Accepted => Ok(()),
            Transferred::VoteChanged { expected, actual } => {
                Err(TransferLeaderError::VoteChanged { expected: expected.into(), actual: actual.into() })
            }
            Transferred::LogNotFlushed { expected, actual } => Err(TransferLeaderError::LogNotFlushed {
                expected: expected.map(Into::into),
                actual: actual.map(Into::into),
            }),
        }
    }
}
