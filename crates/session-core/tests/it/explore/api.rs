//! The only file of the explorer that uses the library as a service does.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::adapter::Commit;
use session_core::format::AcceptedFormat;
use session_core::{
    AtomicBackend, Backend, MemoryBackend, Session, SessionConfig, SessionConfigBuilder, SessionError, SessionHandle,
    SessionManager, SessionMap,
};

use super::data::{Data, Key};
use super::gate::Gate;
use super::program::Operation;
use super::record::{Answer, Cookie, End};
use super::stores::{Foreign, Kind};
use crate::support::{NOW, OLD_SECRET, Old, SECRET, at_once, begin, pair, stopped_at};

/// The time that a session lasts without use.
pub(super) const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 3600);

/// The age of a cookie that is due for a refresh, in seconds.
const LONG_AGO: u64 = 8 * 24 * 3600;

/// The user whose sessions are revoked.
const USER: &str = "ann";

/// The prefix of the keys of the other format.
const FOREIGN_PREFIX: &str = "old:";

/// The user as the store's index knows it.
pub(super) const USER_KEY: &str = "session:user:ann";

/// The session that the requests share, and the cookies of it. It has taken over a session of another format.
pub(super) struct Visitor {
    /// The session's key in the store.
    pub(super) key: String,
    /// The key of the session of the other format.
    pub(super) foreign_key: String,
    /// A `Cookie` header of the other format.
    foreign: String,
    /// A `Cookie` header of now.
    fresh: String,
    /// A `Cookie` header that is due for a refresh.
    old: String,
    /// The session as it is stored before the first request.
    initial: SessionMap,
    /// The session as it is stored after its owner has signed in.
    signed_in: SessionMap,
}

/// Returns a manager of sessions behind the gate.
pub(super) fn manager(kind: Kind, gate: Arc<Gate>) -> SessionManager {
    let backend = if kind == Kind::Plain { Backend::simple(gate.clone()) } else { Backend::atomic(gate.clone()) };
    let builder = builder_at(NOW, SECRET, "id").backend(backend);
    manager_of(match kind.foreign() {
        Some(foreign) => builder.accept_format(accepted(Backend::atomic(gate)).keep(foreign == Foreign::Kept)),
        None => builder,
    })
}

/// Returns the format whose sessions are taken over.
fn accepted(backend: Backend) -> AcceptedFormat {
    AcceptedFormat::new(Old { in_store: true }, OLD_SECRET, "old").backend(backend).key_prefix(FOREIGN_PREFIX)
}

/// Returns `true` if a session of the other format has this key.
pub(super) fn is_foreign(key: &str) -> bool {
    key.starts_with(FOREIGN_PREFIX)
}

fn builder_at(seconds: u64, secret: &str, cookie: &str) -> SessionConfigBuilder {
    SessionConfig::builder(secret, cookie).max_age(MAX_AGE).request_deadline(MAX_AGE).clock(stopped_at(seconds))
}

fn manager_of(builder: SessionConfigBuilder) -> SessionManager {
    SessionManager::new(builder.build().expect("the configuration is valid"))
}

impl Visitor {
    /// Returns the visitor of all programs.
    pub(super) fn get() -> &'static Self {
        static VISITOR: OnceLock<Visitor> = OnceLock::new();
        VISITOR.get_or_init(Self::new)
    }

    /// Begins a session of another format long ago, takes it over, and lets it be refreshed now.
    fn new() -> Self {
        let (backend, foreign) = (MemoryBackend::builder().clock(stopped_at(NOW)).build(), MemoryBackend::new());
        let begin = |builder: SessionConfigBuilder, header: &str, change: fn(&Session) -> Result<(), SessionError>| {
            let handle = manager_of(builder).open([header.as_bytes()]);
            let session = at_once(handle.load()).expect("the store answers");
            change(&session).expect("a session takes data");
            let cookie = header_of(&at_once(handle.commit(200))).expect("a cookie is due");
            pair(&cookie).to_owned()
        };
        let former = builder_at(NOW - LONG_AGO, OLD_SECRET, "old").format(Old { in_store: true });
        let foreign_cookie = begin(former.backend(foreign.clone()), "", |session| session.insert("n", 0));
        let visit = |seconds, header: &str, change| {
            let builder = builder_at(seconds, SECRET, "id").backend(backend.clone());
            begin(builder.accept_format(accepted(foreign.clone().into())), header, change)
        };
        let old = visit(NOW - LONG_AGO, &foreign_cookie, |_| Ok(()));
        let fresh = visit(NOW, &old, |_| Ok(()));
        let signed_in = visit(NOW, "", |session| {
            for (name, value) in Data::initial().to_map().iter() {
                session.insert(&name, value.parse::<i8>().expect("all values are small numbers"))?;
            }
            session.sign_in(USER)
        });
        let stored = at_once(backend.fetch(&key_of(&signed_in))).expect("the store answers");
        let initial = Data::initial().to_map();
        let (key, foreign_key) = (key_of(&old), format!("{FOREIGN_PREFIX}{}", id_of(&foreign_cookie)));
        Self {
            key,
            foreign_key,
            foreign: foreign_cookie,
            fresh,
            old,
            initial,
            signed_in: stored.expect("the session is stored").session,
        }
    }

    /// Returns the session as it is stored before the first request.
    pub(super) fn session(&self, signed_in: bool) -> SessionMap {
        if signed_in { self.signed_in.clone() } else { self.initial.clone() }
    }

    fn header(&self, kind: Kind, operation: Operation, me: usize) -> &str {
        match operation {
            _ if kind.comes_foreign(me) => &self.foreign,
            _ if operation.refresh_is_due() => &self.old,
            _ => &self.fresh,
        }
    }
}

/// Serves one request as an adapter does, and writes the results down.
pub(super) async fn serve(
    manager: &SessionManager,
    gate: &Gate,
    kind: Kind,
    operation: Operation,
    me: usize,
    answer: &RefCell<Answer>,
) {
    if operation == Operation::Revoke {
        let outcome = manager.revoke_all(USER).await;
        let status = outcome.map_or_else(|error| error.status(), |_| 200);
        answer.borrow_mut().end = Some(End { status, cookie: Cookie::None });
        return;
    }
    let handle = manager.open([Visitor::get().header(kind, operation, me).as_bytes()]);
    let handler = Handler { handle: &handle, gate, takes_turns: kind == Kind::Plain, me, answer };
    let status = match handler.handle(operation).await {
        Ok(status) => status,
        Err(error) => error.status(),
    };
    handler.turn().await;
    let commit = handle.commit(status).await;
    let status = commit.error.as_ref().map_or(status, SessionError::status);
    answer.borrow_mut().end = Some(End { status, cookie: cookie_of(&commit) });
}

struct Handler<'a> {
    handle: &'a SessionHandle,
    gate: &'a Gate,
    takes_turns: bool,
    /// The number of the request.
    me: usize,
    answer: &'a RefCell<Answer>,
}

impl Handler<'_> {
    /// Carries an operation out, up to the response. Returns the response's status.
    async fn handle(&self, operation: Operation) -> Result<u16, SessionError> {
        if operation == Operation::Destroy {
            self.handle.destroy();
            return Ok(200);
        }
        let session = self.handle.load().await?;
        self.answer.borrow_mut().view = Some(Data::of(&session.to_map()).signed_in(session.is_signed_in()));
        let me = i8::try_from(self.me).expect("three requests at most");
        match operation {
            Operation::Read | Operation::SlowRead | Operation::Destroy | Operation::Revoke => {}
            Operation::Insert => {
                session.insert(Key::Last.name(), me)?;
                session.insert(Key::Own(self.me).name(), me)?;
            }
            Operation::Update => increment(&session)?,
            Operation::RemoveLast => {
                for key in Key::INITIAL {
                    session.remove(key.name())?;
                }
            }
            Operation::Clear => session.clear()?,
            Operation::Take => {
                let token = session.take::<i8>(Key::Token.name())?;
                self.answer.borrow_mut().took = token.is_some();
            }
            Operation::Renew => session.renew()?,
            Operation::Login => {
                session.insert(Key::User.name(), me)?;
                session.renew()?;
            }
            Operation::SignIn => {
                session.insert(Key::User.name(), me)?;
                session.sign_in(USER)?;
            }
            Operation::GiveUp => {
                increment(&session)?;
                begin(&mut Box::pin(session.save())).await;
                increment(&session)?;
                self.answer.borrow_mut().went_on = true;
            }
            Operation::LoginThenFail => {
                session.insert(Key::User.name(), me)?;
                session.renew()?;
                self.save(&session).await?;
                return Ok(500);
            }
            Operation::SaveThenMore | Operation::SaveThenWait => {
                increment(&session)?;
                self.save(&session).await?;
                if operation == Operation::SaveThenMore {
                    increment(&session)?;
                    self.answer.borrow_mut().went_on = true;
                }
            }
            Operation::Replace => {
                session.destroy();
                session.insert(Key::User.name(), me)?;
            }
            Operation::Reload => {
                increment(&session)?;
                session.reload().await?;
            }
            Operation::Touch => session.touch().await?,
            Operation::Fail => {
                increment(&session)?;
                return Ok(500);
            }
        }
        Ok(200)
    }

    /// Saves. A save that fails because of the store is left to the commit.
    async fn save(&self, session: &Session) -> Result<(), SessionError> {
        self.turn().await;
        match session.save().await {
            Ok(()) => self.answer.borrow_mut().saved = true,
            Err(error) if error.status() == 503 => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Lets others go first, where the order in which requests begin to write matters.
    async fn turn(&self) {
        if self.takes_turns {
            self.gate.turn().await;
        }
    }
}

fn increment(session: &Session) -> Result<(), SessionError> {
    session.update(Key::Number.name(), |number: Option<i8>| number.unwrap_or(0) + 1).map(drop)
}

fn cookie_of(commit: &Commit) -> Cookie {
    match header_of(commit) {
        None => Cookie::None,
        Some(header) if header.contains("Max-Age=0") => Cookie::Removal,
        Some(header) => Cookie::Session(key_of(&header).into()),
    }
}

fn header_of(commit: &Commit) -> Option<String> {
    commit.set_cookie.as_ref().map(|cookie| cookie.as_str().to_owned())
}

/// Returns the store key of the session that a cookie names.
fn key_of(cookie: &str) -> String {
    format!("session:{}", id_of(cookie))
}

fn id_of(cookie: &str) -> String {
    let (_, value) = cookie.split_once('=').expect("a cookie has a name");
    let (payload, _) = value.split_once('.').expect("a token has three parts");
    let json = STANDARD.decode(payload).expect("a payload is in base64");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("a payload is JSON");
    json["_cssid"].as_str().expect("a payload has an id").to_owned()
}
