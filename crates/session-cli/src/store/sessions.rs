//! `session count`, `ls`, `show` and `rm`.

use std::io::{self, IsTerminal, Write};
use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use session_core::{ScannedSession, SessionManager};

use super::open::open;
use crate::args::{ListArgs, OneArgs, ShowArgs, StoreArgs};
use crate::duration::short;
use crate::{Answer, say};

/// The numbers of a fingerprint's digits that can name a session.
const DIGITS: RangeInclusive<usize> = 4..=8;

pub(super) async fn count(args: &StoreArgs) -> Result<Answer> {
    let count = open(args)?.manager.count().await.context("can't count the sessions")?;
    say!("{count}")?;
    Ok(Answer::Yes)
}

pub(super) async fn list(args: &ListArgs) -> Result<Answer> {
    let manager = open(&args.store)?.manager;
    let mut left = args.limit;
    each(&manager, |session| {
        if args.user.as_deref().is_some_and(|user| session.user() != Some(user)) {
            return Ok(true);
        }
        if args.json {
            say!("{}", described(session, args.show_ids))?;
        } else {
            print_line(session, args.show_ids)?;
        }
        left -= 1;
        Ok(left > 0)
    })
    .await?;
    Ok(Answer::Yes)
}

pub(super) async fn show(args: &ShowArgs) -> Result<Answer> {
    let manager = open(&args.session.store)?.manager;
    let Some(session) = find(&manager, &args.session.fingerprint).await? else { return Ok(Answer::No) };
    if args.json {
        say!("{}", described(&session, args.show_ids))?;
        return Ok(Answer::Yes);
    }
    print_line(&session, args.show_ids)?;
    match session.data() {
        None => say!("The stored value can't be read: another codec or another program wrote it.")?,
        Some(data) => {
            for key in data.keys() {
                say!("  {}: {}", Value::from(&*key), data.raw_json(&key).unwrap_or_default())?;
            }
        }
    }
    Ok(Answer::Yes)
}

pub(super) async fn remove(args: &OneArgs) -> Result<Answer> {
    let manager = open(&args.store)?.manager;
    let Some(session) = find(&manager, &args.fingerprint).await? else { return Ok(Answer::No) };
    let removed = manager.destroy(session.id()).await?;
    say!("{}", if removed { "Removed." } else { "The session had already ended." })?;
    Ok(if removed { Answer::Yes } else { Answer::No })
}

/// Finds the one session whose fingerprint begins with these digits. If there is none, says so.
async fn find(manager: &SessionManager, digits: &str) -> Result<Option<ScannedSession>> {
    let digits = digits.to_ascii_lowercase();
    if !DIGITS.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        // The text is not repeated, because it may be an id.
        bail!("a fingerprint has 8 hexadecimal digits, as `ls` prints it; give at least the first 4 of them");
    }
    let mut found: Vec<ScannedSession> = Vec::new();
    each(manager, |session| {
        let is_new = found.iter().all(|other| other.id() != session.id());
        if is_new && session.id().fingerprint().starts_with(&digits) {
            found.push(session.clone());
        }
        Ok(true)
    })
    .await?;
    match found.len() {
        0 => eprintln!("The store has no session with the fingerprint {digits}."),
        1 => return Ok(found.pop()),
        several => bail!("{several} sessions have a fingerprint that begins with {digits}: give more digits"),
    }
    Ok(None)
}

/// Calls `handle` with each session until it returns `false`. Shows the progress on a terminal.
async fn each(manager: &SessionManager, mut handle: impl FnMut(&ScannedSession) -> Result<bool>) -> Result<()> {
    let mut seen = 0;
    let shows_progress = io::stderr().is_terminal();
    let mut page = manager.scan(None).await?;
    loop {
        for session in &page.sessions {
            if !handle(session)? {
                return Ok(());
            }
        }
        seen += page.sessions.len();
        let Some(next) = page.next else { break };
        if shows_progress {
            eprint!("\r{seen} sessions read …");
            io::stderr().flush()?;
        }
        page = manager.scan(Some(&next)).await?;
    }
    if shows_progress {
        eprint!("\r\x1b[K");
    }
    Ok(())
}

fn print_line(session: &ScannedSession, show_ids: bool) -> io::Result<()> {
    let id = if show_ids { session.id().as_str().to_owned() } else { session.id().fingerprint() };
    let user = session.user().map_or("–".to_owned(), |user| format!("user {}", Value::from(user)));
    let keys = session.data().map_or("unreadable".to_owned(), |data| format!("keys: {}", data.len()));
    let end = session.expires_in().map_or("?".to_owned(), |left| short(left.as_secs()));
    say!("{id}  {user}  {keys}  expires in {end}")
}

fn described(session: &ScannedSession, show_ids: bool) -> Value {
    json!({
        "session": session.id().fingerprint(),
        "id": show_ids.then(|| session.id().as_str()),
        "user": session.user(),
        "expires_in": session.expires_in().map(|left| left.as_secs()),
        "data": session.data().map(|data| data.as_json()),
    })
}
