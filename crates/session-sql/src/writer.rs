//! The one writer of an SQLite file in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use session_core::Applied;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::deadline::Deadline;
use crate::dialect::Dialect;
use crate::error::Failure;
use crate::pool::Connect;
use crate::request::{Reply, Request};

/// A thread that carries out writes in the order in which they were sent.
///
/// SQLite has one writer at a time. Connections that compete for that right poll for it; writes in a queue don't. The
/// thread belongs to no runtime, so that no blocked runtime holds up the writes of another one.
pub(crate) struct Writer<D: Dialect> {
    dialect: Arc<D>,
    connect: Connect<D>,
    thread: Mutex<Option<Sender<Job>>>,
}

struct Job {
    request: Arc<Request>,
    deadline: Deadline,
    begun: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Reply, Failure>>,
}

impl<D: Dialect> Writer<D> {
    pub(crate) fn new(dialect: Arc<D>, connect: Connect<D>) -> Self {
        Self { dialect, connect, thread: Mutex::default() }
    }

    pub(crate) async fn run(&self, request: &Arc<Request>, deadline: Deadline) -> Result<Reply, Failure> {
        let (reply, replied) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        self.send(Job { request: request.clone(), deadline, begun: begun.clone(), reply })?;
        match timeout_at(deadline.until(), replied).await {
            Ok(Ok(reply)) => reply,
            _ if !begun.load(Ordering::Acquire) => Err(Failure::queued::<D>(deadline.timeout())),
            _ => Err(Failure::late::<D>(Applied::Maybe, deadline.timeout())),
        }
    }

    fn send(&self, job: Job) -> Result<(), Failure> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &*thread {
            Some(jobs) => match jobs.send(job) {
                Ok(()) => return Ok(()),
                // The thread has panicked.
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let jobs = self.start()?;
        // A new thread waits for jobs.
        let _sent = jobs.send(job);
        *thread = Some(jobs);
        Ok(())
    }

    fn start(&self) -> Result<Sender<Job>, Failure> {
        let (sender, jobs) = channel();
        let (dialect, connect) = (self.dialect.clone(), self.connect.clone());
        let work = move || carry_out(&*dialect, &connect, &jobs);
        match thread::Builder::new().name("session-writer".to_owned()).spawn(work) {
            Ok(_) => Ok(sender),
            Err(_) => Err(Failure::unavailable::<D>("the operating system makes no thread")),
        }
    }
}

/// Carries out jobs until the backend is dropped.
fn carry_out<D: Dialect>(dialect: &D, connect: &Connect<D>, jobs: &Receiver<Job>) {
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else { return };
    let mut connection = None;
    while let Ok(job) = jobs.recv() {
        if job.reply.is_closed() || job.deadline.left().is_zero() {
            continue;
        }
        let outcome = runtime.block_on(async {
            let connection = match &mut connection {
                Some(connection) => connection,
                None => connection.insert(connect().await.map_err(|error| Failure::of_connecting::<D>(&error))?),
            };
            job.begun.store(true, Ordering::Release);
            let outcome = dialect.run(connection, &job.request).await;
            outcome.map_err(|error| Failure::of_request::<D>(&error, &job.request))
        });
        if outcome.as_ref().is_err_and(|failure| !failure.connection_is_usable) {
            connection = None;
        }
        // The caller may have given up.
        let _received = job.reply.send(outcome);
    }
}
