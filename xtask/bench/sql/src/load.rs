//! Clients that use sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::Subject;

/// The work of a client on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Read,
    Write,
}

impl Work {
    pub(crate) fn named(name: &str) -> Result<Self> {
        match name {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            _ => anyhow::bail!("no work is called `{name}`"),
        }
    }
}

/// A client, which uses its sessions in turn.
pub(crate) struct Client<S: Subject> {
    subject: Arc<S>,
    sessions: Vec<S::Session>,
    next: usize,
}

impl<S: Subject> Client<S> {
    /// Makes a client that stores this number of sessions.
    async fn new(subject: Arc<S>, json: Arc<str>, sessions: u32) -> Result<Self> {
        let mut client = Self { subject, sessions: Vec::new(), next: 0 };
        for _ in 0..sessions {
            client.sessions.push(client.subject.create(&json).await?);
        }
        Ok(client)
    }

    async fn work(&mut self, work: Work) -> Result<()> {
        self.next = (self.next + 1) % self.sessions.len();
        let session = &mut self.sessions[self.next];
        match work {
            Work::Read => self.subject.read(session).await,
            Work::Write => self.subject.write(session).await,
        }
    }
}

/// Makes clients, each with this number of sessions.
pub(crate) async fn clients<S: Subject>(subject: S, json: &str, clients: u32, sessions: u32) -> Result<Vec<Client<S>>> {
    let (subject, json): (_, Arc<str>) = (Arc::new(subject), json.into());
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(Client::new(subject.clone(), json.clone(), sessions));
    }
    tasks.join_all().await.into_iter().collect()
}

/// Lets all clients work for this time, and returns the number of requests a second.
pub(crate) async fn together<S: Subject>(clients: &mut Vec<Client<S>>, work: Work, time: Duration) -> Result<f64> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for mut client in clients.drain(..) {
        tasks.spawn(async move {
            let mut requests = 0_u32;
            while start.elapsed() < time {
                client.work(work).await?;
                requests += 1;
            }
            anyhow::Ok((client, requests))
        });
    }
    let mut requests = 0.0;
    while let Some(ended) = tasks.join_next().await {
        let (client, count) = ended??;
        clients.push(client);
        requests += f64::from(count);
    }
    Ok(requests / start.elapsed().as_secs_f64())
}

/// Lets one client send this number of requests, and returns the times at the median and at the 99th percentile, in
/// microseconds.
pub(crate) async fn alone<S: Subject>(clients: &mut [Client<S>], work: Work, requests: u32) -> Result<[f64; 2]> {
    let client = clients.first_mut().context("there is a client")?;
    let mut times = Vec::new();
    for _ in 0..requests {
        let start = Instant::now();
        client.work(work).await?;
        times.push(start.elapsed());
    }
    Ok(percentiles(times))
}

/// Returns the times at the median and at the 99th percentile, in microseconds.
#[must_use]
pub fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort();
    [50, 99].map(|percent| times.get(times.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6))
}
