//! A bounded queue that is fair between clients.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Waiting jobs, at most `limit` of estimated work, taken from each client in turn.
pub(super) struct Queue<J> {
    limit: Duration,
    waiting: Duration,
    turns: VecDeque<String>,
    clients: HashMap<String, Client<J>>,
}

/// Jobs with their estimated cost, oldest first.
type Jobs<J> = VecDeque<(J, Duration)>;

struct Client<J> {
    waiting: Duration,
    jobs: Jobs<J>,
}

impl<J> Queue<J> {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, waiting: Duration::ZERO, turns: VecDeque::new(), clients: HashMap::new() }
    }

    /// The estimated work of all jobs that wait.
    pub(super) fn waiting(&self) -> Duration {
        self.waiting
    }

    /// Lets `job` wait; gives back the jobs that there is no room for, `job` itself or others.
    ///
    /// When the queue is full, a client that has less waiting than another takes the place of that other's
    /// latest jobs: one address must not keep everyone else from signing in. An empty queue takes any job.
    pub(super) fn push(&mut self, client: &str, job: J, cost: Duration) -> Vec<J> {
        let mut turned_away = Vec::new();
        let own = self.clients.get(client).map_or(Duration::ZERO, |client| client.waiting) + cost;
        while !self.turns.is_empty() && self.waiting + cost > self.limit {
            let greediest = self.clients.iter().max_by_key(|(_, client)| client.waiting);
            let greediest = greediest.filter(|(name, greedy)| *name != client && greedy.waiting > own);
            let Some(name) = greediest.map(|(name, _)| name.clone()) else {
                turned_away.push(job);
                return turned_away;
            };
            turned_away.extend(self.take(&name, VecDeque::pop_back));
        }
        self.waiting += cost;
        let entry = self.clients.entry(client.to_owned()).or_insert_with(|| {
            self.turns.push_back(client.to_owned());
            Client { waiting: Duration::ZERO, jobs: VecDeque::new() }
        });
        entry.waiting += cost;
        entry.jobs.push_back((job, cost));
        turned_away
    }

    /// The next job: the oldest of the client whose turn it is.
    pub(super) fn pop(&mut self) -> Option<J> {
        let client = self.turns.front()?.clone();
        let job = self.take(&client, VecDeque::pop_front);
        // Whoever still waits goes to the end of the line.
        if self.clients.contains_key(&client) {
            self.turns.rotate_left(1);
        }
        job
    }

    /// Takes a job of one client from one end of its line.
    fn take(&mut self, name: &str, end: fn(&mut Jobs<J>) -> Option<(J, Duration)>) -> Option<J> {
        let client = self.clients.get_mut(name)?;
        let taken = end(&mut client.jobs);
        if let Some((_, cost)) = &taken {
            client.waiting = client.waiting.saturating_sub(*cost);
            self.waiting = self.waiting.saturating_sub(*cost);
        }
        if client.jobs.is_empty() {
            self.clients.remove(name);
            self.turns.retain(|turn| turn != name);
        }
        taken.map(|(job, _)| job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(10);

    fn queue(places: u32) -> Queue<&'static str> {
        Queue::new(COST * places)
    }

    #[test]
    fn clients_take_turns_whoever_came_first() {
        let mut queue = queue(10);
        for (client, job) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")] {
            assert!(queue.push(client, job, COST).is_empty());
        }

        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();

        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_full_queue_turns_the_greedy_client_away() {
        let mut queue = queue(3);
        for job in ["a1", "a2", "a3"] {
            queue.push("a", job, COST);
        }

        assert_eq!(queue.push("a", "a4", COST), ["a4"]);
        assert_eq!(queue.push("b", "b1", COST), ["a3"]);
        assert_eq!(queue.push("b", "b2", COST), ["b2"]);
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), ["a1", "b1", "a2"]);
    }

    #[test]
    fn an_empty_queue_takes_any_job_and_a_drained_one_has_room_again() {
        let mut queue = queue(1);

        assert!(queue.push("a", "huge", COST * 50).is_empty());
        assert_eq!(queue.push("b", "late", COST * 51), ["late"]);
        assert_eq!(queue.pop(), Some("huge"));
        assert!(queue.push("b", "b1", COST).is_empty());
        assert_eq!((queue.pop(), queue.pop()), (Some("b1"), None));
    }
}
