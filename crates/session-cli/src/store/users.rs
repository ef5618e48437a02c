//! `session user list` and `session user revoke`.

use std::time::SystemTime;

use anyhow::Result;
use serde_json::json;
use session_core::UserSession;

use super::open::open;
use crate::args::{Revoked, UserCommand};
use crate::{Answer, say};

pub(super) async fn run(command: &UserCommand) -> Result<Answer> {
    match command {
        UserCommand::List { user, store, json } => {
            for session in open(store)?.manager.sessions_of(user).await? {
                print(&session, *json)?;
            }
            Ok(Answer::Yes)
        }
        UserCommand::Revoke { user, store, revoked: Revoked { reference: Some(reference), .. } } => {
            let revoked = open(store)?.manager.revoke(user, *reference).await?;
            say!("{}", if revoked { "Revoked." } else { "The user has no session with this reference." })?;
            Ok(if revoked { Answer::Yes } else { Answer::No })
        }
        UserCommand::Revoke { user, store, .. } => {
            match open(store)?.manager.revoke_all(user).await? {
                Some(count) => say!("Sessions revoked: {count}.")?,
                None => say!("Revoked all sessions. The store does not tell how many.")?,
            }
            Ok(Answer::Yes)
        }
    }
}

fn print(session: &UserSession, as_json: bool) -> std::io::Result<()> {
    let time = |time: SystemTime| humantime::format_rfc3339_seconds(time).to_string();
    let signed_in = time(session.signed_in_at());
    let last_seen = session.last_seen().map(time);
    if as_json {
        let labels: serde_json::Map<_, _> =
            session.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let reference = session.reference();
        return say!(
            "{}",
            json!({"reference": reference, "signed_in": signed_in, "last_seen": last_seen, "labels": labels})
        );
    }
    let labels: Vec<_> = session.labels().map(|(name, value)| format!("{name}={value:?}")).collect();
    let last_seen = last_seen.as_deref().unwrap_or("?");
    say!("{}  signed in {signed_in}  last seen {last_seen}  {}", session.reference(), labels.join(" "))
}
