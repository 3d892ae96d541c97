//! How a node gets its seat: it founds, or it asks for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::{
    Members,
    bootstrap::{self, Met, Scene, Step},
    lock,
    question::{Answer, Letter, Question, decode, encode},
    registry::{ClusterRow, Founder, RegistryError, hex},
};
use crate::{
    Error, Member,
    engine::identity::{Identity, Seat},
    net::{
        Lane, Net, Target,
        wire::{Hello, Request, Response},
    },
};

/// Between two looks around.
const LOOK: Duration = Duration::from_millis(250);
/// How long one question may take.
pub(super) const QUESTION: Duration = Duration::from_secs(2);

/// What an attempt to find others was about, to notice that nothing changes.
type Signature = (BTreeSet<[u8; 16]>, u64);

impl Members {
    /// Waits until this node has a seat, and returns it. A disk that has one keeps it.
    ///
    /// # Errors
    /// When the database is another cluster's, or the disk must not take part any more.
    pub(crate) async fn seat(self: &Arc<Self>, net: &Net) -> Result<Seat, Error> {
        if let Some(seat) = self.seat_now() {
            self.check_seat(&seat).await?;
            return Ok(self.seat_now().unwrap_or(seat));
        }
        let mut since: (Signature, Instant) = (Signature::default(), Instant::now());
        loop {
            self.check_fence()?;
            match self.look(net, &mut since).await? {
                Some(seat) => {
                    self.take(seat.clone()).await?;
                    return Ok(seat);
                }
                None => sleep(LOOK).await,
            }
        }
    }

    /// Refuses a seat of another cluster, of an epoch that is over, or of a disk that was rolled back. With the
    /// database away that is left to the peers.
    async fn check_seat(&self, seat: &Seat) -> Result<(), Error> {
        if seat.cluster.is_empty() {
            return self.adopt(seat).await;
        }
        if seat.cluster != self.cluster {
            let (theirs, ours) = (&seat.cluster, &self.cluster);
            return Err(Error::Fenced(format!(
                "the data folder is of the cluster {theirs:?}, and this node of {ours:?}"
            )));
        }
        let Some(registry) = &self.founding.registry else { return Ok(()) };
        match registry.read().await {
            Ok(Some(row)) if row.cluster != self.cluster => {
                Err(Error::Fenced(other_cluster(&row, &self.cluster)))
            }
            Ok(Some(row)) if row.epoch > seat.epoch => {
                let (now, own) = (row.epoch, seat.epoch);
                Err(Error::Fenced(format!(
                    "the cluster was formed anew (epoch {now}); the data folder is of epoch {own}. Run `keyraft \
                     cluster join` to set it aside and join anew"
                )))
            }
            Ok(_) => self.note_own_boot(seat.epoch, seat.id).await,
            Err(error) => {
                tracing::warn!(%error, "the cluster's row cannot be read; the peers will say whether this disk is current");
                Ok(())
            }
        }
    }

    /// A node that was alone becomes the first of a cluster, if the database knows none.
    async fn adopt(&self, seat: &Seat) -> Result<(), Error> {
        let refused = |why: String| Err(Error::Fenced(why));
        let Some(registry) = &self.founding.registry else {
            return refused(
                "the data folder is of a node that was alone, and there is no database".to_owned(),
            );
        };
        let own = self.hello();
        let founder = Founder {
            id: seat.id,
            name: own.name.clone(),
            addr: own.addr,
            incarnation: hex(&own.incarnation),
        };
        let row = ClusterRow {
            epoch: seat.epoch,
            cluster: self.cluster.clone(),
            founders: vec![founder.clone()],
            members: vec![own.name],
        };
        let won = registry.form(row).await.map_err(|error| Error::Storage(io::Error::other(error)))?;
        if won.cluster != self.cluster {
            return refused(other_cluster(&won, &self.cluster));
        }
        if won.epoch != seat.epoch
            || !won.founders.iter().any(|other| other.incarnation == founder.incarnation)
        {
            return refused(
                "the data folder is of a node that was alone, and the database is of a cluster that was formed without \
                 it. Run `keyraft cluster join` to set the folder aside and join"
                    .to_owned(),
            );
        }
        self.note_own_boot(seat.epoch, seat.id).await?;
        tracing::info!("a node that was alone is the first of the cluster {}", self.cluster);
        self.take(Seat { cluster: self.cluster.clone(), ..seat.clone() }).await
    }

    /// Notes this start in the database, which refuses it where it knows a later one.
    async fn note_own_boot(&self, epoch: u64, id: u64) -> Result<(), Error> {
        let Some(registry) = &self.founding.registry else { return Ok(()) };
        let boot = lock(&self.identity).boot;
        match registry.note_boot(epoch, id, boot).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Fenced(format!(
                "the disk was rolled back: start {boot} of this member was noted before. What it acknowledged since is \
                 lost; run `keyraft cluster join` to set the data folder aside and join anew"
            ))),
            Err(error) => {
                tracing::warn!(%error, "this start was not noted in the database");
                Ok(())
            }
        }
    }

    /// Looks around once; returns a seat when there is one to take.
    async fn look(
        self: &Arc<Self>,
        net: &Net,
        since: &mut (Signature, Instant),
    ) -> Result<Option<Seat>, Error> {
        let row = match self.read_row().await {
            Ok(row) => row,
            Err(error) => {
                self.wait(format!("the database gives no answer about the cluster: {error}"));
                return Ok(None);
            }
        };
        let others = self.meet(net).await;
        let own = self.hello();
        let mut fresh: BTreeSet<[u8; 16]> =
            others.iter().filter(|met| met.epoch.is_none()).map(|met| met.incarnation).collect();
        fresh.insert(own.incarnation);
        lock(&self.known).fresh.clone_from(&fresh);
        let signature = (fresh.clone(), row.as_ref().map_or(0, |row| row.epoch));
        if since.0 != signature {
            *since = (signature, Instant::now());
        }
        let me = Met { sees: fresh, ..met(own) };
        let step = bootstrap::next(&Scene {
            cluster: &self.cluster,
            me: &me,
            others: &others,
            row: row.as_ref(),
            expect: self.founding.expect,
            unchanged: since.1.elapsed(),
            reform: self.reform.load(Ordering::Relaxed),
        });
        match step {
            Step::Wait(why) => {
                self.wait(why);
                Ok(None)
            }
            Step::Refuse(why) => Err(Error::Fenced(why)),
            Step::Form(row) => {
                self.form(row).await;
                Ok(None)
            }
            Step::Found(id) => self.found(row.as_ref(), id).await.map(Some),
            Step::Join(addr) => self.ask_for_a_seat(net, addr).await,
        }
    }

    async fn read_row(&self) -> Result<Option<ClusterRow>, RegistryError> {
        match &self.founding.registry {
            Some(registry) => registry.read().await,
            None => Ok(None),
        }
    }

    async fn form(&self, row: ClusterRow) {
        let Some(registry) = &self.founding.registry else {
            self.wait("there is no database to form a cluster over".to_owned());
            return;
        };
        let (epoch, names) = (row.epoch, row.members.join(", "));
        match registry.form(row).await {
            Ok(won) if won.epoch == epoch => {
                tracing::info!(
                    epoch,
                    members = won.members.join(", "),
                    "the cluster is formed by these nodes"
                );
            }
            Ok(_) => {}
            Err(error) => self.wait(format!("{names} are ready, and the database gives no answer: {error}")),
        }
    }

    async fn found(&self, row: Option<&ClusterRow>, id: u64) -> Result<Seat, Error> {
        let founders: BTreeMap<u64, Member> =
            row.iter().flat_map(|row| &row.founders).map(|founder| (founder.id, founder.member())).collect();
        let epoch = row.map_or(1, |row| row.epoch);
        self.note_own_boot(epoch, id).await?;
        Ok(Seat { cluster: self.cluster.clone(), epoch, id, founders })
    }

    async fn ask_for_a_seat(&self, net: &Net, addr: String) -> Result<Option<Seat>, Error> {
        match ask(net, &Target::at(addr.clone()), Question::Seat).await {
            Some(Answer::Seat { epoch, id }) => {
                self.note_own_boot(epoch, id).await?;
                tracing::info!(epoch, id, via = addr, "this node has a seat in the cluster");
                let founders = BTreeMap::new();
                Ok(Some(Seat { cluster: self.cluster.clone(), epoch, id, founders }))
            }
            Some(Answer::No(why)) => {
                self.wait(why);
                Ok(None)
            }
            _ => {
                self.wait("the cluster has no leader to ask for a seat".to_owned());
                Ok(None)
            }
        }
    }

    /// Saves the seat before anything is done under its id.
    async fn take(&self, seat: Seat) -> Result<(), Error> {
        let identity = lock(&self.identity).clone();
        self.save(Identity { seat: Some(seat), ..identity }).await
    }

    /// Saves that the log must be there from now on.
    pub(super) async fn note_formed(&self) -> Result<(), Error> {
        let identity = lock(&self.identity).clone();
        self.save(Identity { is_formed: true, ..identity }).await
    }

    async fn save(&self, identity: Identity) -> Result<(), Error> {
        let (saved, dir) = (identity.clone(), self.dir.clone());
        let save = tokio::task::spawn_blocking(move || saved.save(&dir)).await;
        save.map_err(io::Error::other).and_then(|saved| saved).map_err(Error::Storage)?;
        *lock(&self.identity) = identity;
        Ok(())
    }

    /// Meets everybody who can be found, itself aside.
    pub(super) async fn meet(&self, net: &Net) -> Vec<Met> {
        let own = lock(&self.identity).incarnation;
        let addresses = self.finder.find().await.into_iter().filter(|addr| *addr != self.me.addr);
        let found = join_all(addresses.map(|addr| async move {
            let hello = net.dial(&addr).await.ok()?;
            Some((addr, hello))
        }))
        .await;
        let mut others: BTreeMap<[u8; 16], Met> = BTreeMap::new();
        for (addr, hello) in found.into_iter().flatten() {
            self.heed_epoch(&hello);
            if hello.cluster == self.cluster && hello.incarnation != own {
                others.insert(hello.incarnation, Met { at: addr, ..met(hello) });
            }
        }
        join_all(others.into_values().map(|mut met| async move {
            if met.epoch.is_none()
                && let Some(Answer::Fresh(sees)) =
                    ask(net, &Target::at(met.at.clone()), Question::Fresh).await
            {
                met.sees = sees.into_iter().collect();
            }
            met
        }))
        .await
    }

    /// Publishes why there is no seat yet; logged when it changes.
    pub(super) fn wait(&self, why: String) {
        let mut waiting = lock(&self.waiting);
        if waiting.as_ref() != Some(&why) {
            tracing::info!("waiting for the cluster: {why}");
            *waiting = Some(why);
        }
    }
}

fn met(hello: Hello) -> Met {
    let epoch = hello.id.map(|_| hello.epoch);
    let Hello { name, addr, incarnation, .. } = hello;
    Met { name, at: addr.clone(), addr, incarnation, epoch, sees: BTreeSet::new() }
}

fn other_cluster(row: &ClusterRow, ours: &str) -> String {
    format!("this database is of the cluster {:?}, and this node of {ours:?}", row.cluster)
}

/// Asks one node.
pub(super) async fn ask(net: &Net, to: &Target, question: Question) -> Option<Answer> {
    pass_on(net, to, &Letter { question, hops: 0 }).await
}

/// Sends a letter and reads the answer.
pub(super) async fn pass_on(net: &Net, to: &Target, letter: &Letter) -> Option<Answer> {
    match net.call(to, Lane::Raft, &Request::Members(encode(letter)), QUESTION).await {
        Ok(Response::Members(bytes)) => decode(&bytes),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(to = to.addr, %error, "a question of the membership got no answer");
            None
        }
    }
}
