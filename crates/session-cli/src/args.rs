//! The arguments of the command.

#[cfg(feature = "store")]
mod store;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use session_core::{ConfigError, SessionConfigBuilder};

#[cfg(feature = "store")]
pub(crate) use store::{DoctorArgs, ListArgs, OneArgs, Revoked, ShowArgs, StoreArgs, StoreCommand, UserCommand};

const EXIT_CODES: &str = "Exit codes:
  0  the cookie is accepted; the rotation loses no session; the store is healthy; done
  1  the cookie is refused or was not verified; the rotation loses sessions; the store has a problem; no such session
  2  the arguments are wrong
  3  the command failed, for example because a file can't be read";

/// Explains session cookies, makes keys, checks their rotation, and inspects stores.
#[derive(Debug, Parser)]
#[command(name = "session", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the content of a cookie, and explains why a service refuses it.
    Inspect(InspectArgs),
    /// Signs a session or an id, and prints the value of the cookie.
    Sign(SignArgs),
    /// Makes keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Plans a change of keys.
    Rotate {
        #[command(subcommand)]
        command: RotateCommand,
    },
    #[cfg(feature = "store")]
    #[command(flatten)]
    Store(StoreCommand),
    /// Prints the completions for a shell, for its start-up file.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a random key of 256 bits.
    New(KeyNewArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RotateCommand {
    /// Shows which cookies stay valid with a new list of keys, and what to do next.
    Check(RotateArgs),
}

/// The keys of the service. They are never arguments, because other users of the machine can read arguments.
#[derive(ClapArgs, Debug)]
pub(crate) struct KeyArgs {
    /// A file of keys, one per line. The first one signs, and all verify.
    #[arg(long, value_name = "FILE", group = "keys")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The name of an environment variable that holds the key [default: SESSION_SECRET, if it is set].
    #[arg(long, value_name = "NAME", group = "keys")]
    pub(crate) secret_env: Option<String>,
    /// Asks for the key on the terminal, without showing it.
    #[arg(long, group = "keys")]
    pub(crate) prompt: bool,
}

/// The service's way of signing.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct SigningArgs {
    /// The salt of the signer.
    #[arg(long, default_value = session_core::signer::DEFAULT_SALT)]
    pub(crate) salt: String,
    /// The digest of the signature.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) digest: DigestArg,
    /// How the signing key is made from the secret and the salt.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) derivation: DerivationArg,
    /// The Unix time to use as the current time [default: now].
    #[arg(long, value_name = "SECONDS", value_parser = unix_time)]
    pub(crate) now: Option<u64>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct InspectArgs {
    /// The cookie: its value, `name=value`, or a whole `Cookie` or `Set-Cookie` header. `-` reads standard input.
    pub(crate) cookie: String,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    /// How long a cookie lasts, such as `14d` or `30m` [default: 14 days, in Flask 31 days].
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Option<Duration>,
    /// How far in the future a cookie may have been issued.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) clock_skew: Duration,
    /// The name of the service's cookie [default: the name in COOKIE, or `session`].
    #[arg(long, value_name = "NAME", value_parser = cookie_name)]
    pub(crate) cookie_name: Option<String>,
    /// Where the service keeps its sessions [default: accept both].
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeArg>,
    /// The format that the service uses.
    #[arg(long, default_value = "starlette", value_parser = crate::formats::names())]
    pub(crate) format: String,
    /// The service's store, as for `ls`. If it is given, the store is asked for the session of an id.
    #[cfg(feature = "store")]
    #[arg(long, value_name = "URL", env = "SESSION_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// The prefix of the service's keys in the store.
    #[cfg(feature = "store")]
    #[arg(long, value_name = "PREFIX", default_value = "session:")]
    pub(crate) key_prefix: String,
    /// Prints session ids. With an id and a key, anyone can use the session.
    #[arg(long)]
    pub(crate) show_ids: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SignArgs {
    /// A file with the JSON object to sign; `{"_cssid": "…"}` for the id of a stored session [default: standard input].
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct KeyNewArgs {
    /// Writes the key to this new file, which only its owner can read, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RotateArgs {
    /// The file of the service's current keys, one per line. The first one signs.
    #[arg(long, value_name = "FILE")]
    pub(crate) old_file: PathBuf,
    /// The file of the service's future keys.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_file: PathBuf,
    /// The digest of the future keys.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) digest: DigestArg,
    /// The derivation of the future keys.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) derivation: DerivationArg,
    /// The digest of the current keys, if it is another one.
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) old_digest: Option<DigestArg>,
    /// The derivation of the current keys, if it is another one.
    #[arg(long, value_enum, value_name = "DERIVATION")]
    pub(crate) old_derivation: Option<DerivationArg>,
    /// How long a cookie lasts, such as `14d` or `30m`.
    #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// The cookie holds the session.
    Cookie,
    /// A store holds the session, the cookie its id.
    Store,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DigestArg {
    #[default]
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DerivationArg {
    #[default]
    DjangoConcat,
    Concat,
    Hmac,
    None,
}

fn unix_time(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "a Unix time in whole seconds is required")
}

fn cookie_name(name: &str) -> Result<String, ConfigError> {
    SessionConfigBuilder::development(name).build().map(|_| name.to_owned())
}
