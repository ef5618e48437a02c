//! The arguments of the commands on a store.

use clap::{Args as ClapArgs, Subcommand};
use session_core::SessionRef;

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Counts the sessions of a store.
    Count(StoreArgs),
    /// Lists the sessions of a store.
    Ls(ListArgs),
    /// Shows a session of a store.
    Show(ShowArgs),
    /// Removes a session of a store.
    Rm(OneArgs),
    /// Lists or revokes the sessions of a user.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Tests a store, and explains what is wrong with it and how to fix it.
    Doctor(DoctorArgs),
}

/// The store of the service.
#[derive(ClapArgs, Debug)]
pub(crate) struct StoreArgs {
    /// The store: `redis://…`, `redis-sentinel://…`, `redis-cluster://…`, `postgres://…`, `mysql://…`, `sqlite:FILE` or
    /// `memcache://HOST:PORT,…`. If the URL contains a password, set it in the environment.
    #[arg(long, value_name = "URL", env = "SESSION_STORE", hide_env_values = true)]
    pub(crate) store: String,
    /// The prefix of the service's keys.
    #[arg(long, value_name = "PREFIX", default_value = "session:")]
    pub(crate) key_prefix: String,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Lists the sessions of this user only.
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Stops after this many sessions.
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true, value_parser = limit)]
    pub(crate) limit: usize,
    /// Prints session ids. With an id and a key, anyone can use the session.
    #[arg(long)]
    pub(crate) show_ids: bool,
    /// Prints JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One session of a store.
#[derive(ClapArgs, Debug)]
pub(crate) struct OneArgs {
    /// The session's fingerprint, as `ls` and the log print it, or its first digits.
    pub(crate) fingerprint: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) session: OneArgs,
    /// Prints the session's id.
    #[arg(long)]
    pub(crate) show_ids: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Lists the sessions of a user.
    List {
        /// The user's id, as the service passes it to `sign_in`.
        user: String,
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON, one object per line.
        #[arg(long)]
        json: bool,
    },
    /// Ends one or all sessions of a user.
    Revoke {
        /// The user's id.
        user: String,
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        revoked: Revoked,
    },
}

/// The sessions to revoke: one or all.
#[derive(ClapArgs, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Revoked {
    /// The reference of the session, as `user list` prints it; it may begin with a hyphen.
    #[arg(long = "session", value_name = "REFERENCE", allow_hyphen_values = true)]
    pub(crate) reference: Option<SessionRef>,
    /// Ends all sessions of the user.
    #[arg(long)]
    pub(crate) all: bool,
}

fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&limit| limit > 0).ok_or("a whole number above 0 is required")
}
