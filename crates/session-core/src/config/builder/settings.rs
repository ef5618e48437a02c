//! Settings that are read from files and the environment.

mod error;
mod fields;
mod value;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use super::SessionConfigBuilder;
use crate::config::policy::{OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite};
use crate::config::{BackendType, SessionConfig};
use fields::{Fields, FormerPlace, KeyOptions, Preset};
use value::Value;

pub use error::SettingsError;

/// The settings of a [`SessionConfig`], read from a file or the environment.
///
/// Any serde format will do. The [guide](crate::guide::settings) lists all names.
///
/// ```
/// use session_core::SessionSettings;
///
/// # let text = r#"secret = "7f0e1c93b5a24d68a1c2e3f405162738""#;
/// let settings: SessionSettings = toml::from_str(text)?;
/// let config = settings.into_builder()?.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Deserializing checks neither names nor values; [`into_builder`](Self::into_builder) does. Otherwise a parser's error
/// could quote the line with a secret. `Debug` prints names only.
#[derive(Clone, Default)]
pub struct SessionSettings {
    fields: Fields,
}

/// The lists, which are texts with commas in the environment.
const LISTS: &[&str] = &["former_cookies", "verify_keys"];

/// Lists the settings whose value goes unchanged to the builder's method of the same name.
macro_rules! settings_of_methods {
    ($($name:ident: $type:ty),+ $(,)?) => {
        const OF_METHODS: &[&str] = &[$(stringify!($name)),+];

        fn apply_methods(
            mut builder: SessionConfigBuilder,
            fields: &mut Fields,
        ) -> Result<SessionConfigBuilder, SettingsError> {
            $(if let Some(value) = fields.take::<$type>(stringify!($name))? {
                builder = builder.$name(value);
            })+
            Ok(builder)
        }
    };
}

settings_of_methods! {
    absolute_lifetime: Duration,
    backend_type: BackendType,
    browser_session: bool,
    clock_skew: Duration,
    commit_on_server_error: bool,
    danger_allow_script_access: bool,
    danger_allow_weak_secret: bool,
    domain: String,
    https_only: bool,
    key_prefix: String,
    longest_max_age: Duration,
    max_age: Duration,
    max_keys: usize,
    max_session_bytes: usize,
    on_corrupt: OnCorrupt,
    on_duplicate: OnDuplicate,
    on_gone: OnGone,
    partitioned: bool,
    path: String,
    refresh: Refresh,
    request_deadline: Duration,
    require_atomic: bool,
    require_user_index: bool,
    salt: String,
    same_site: SameSite,
}

/// The settings that are not the argument of one method.
const OF_THEIR_OWN: &[&str] = &[
    "cookie_name",
    "digest",
    "former_cookies",
    "key_derivation",
    "max_sessions_per_user",
    "on_session_limit",
    "preset",
    "secret",
    "secret_file",
    "verify_keys",
];

/// The fields of a key that only verifies.
const OF_KEYS: &[&str] = &["digest", "key_derivation", "secret", "secret_file"];

impl SessionSettings {
    /// Adds the settings of all environment variables with this prefix. They override those that were read from a file.
    ///
    /// The variable `APP_SESSION_MAX_AGE` sets `max_age` under the prefix `APP_SESSION_`. A comma separates the entries of a
    /// list.
    ///
    /// ```no_run
    /// use session_core::SessionSettings;
    ///
    /// let config = SessionSettings::default().with_env("APP_SESSION_").into_builder()?.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_env(self, prefix: &str) -> Self {
        self.with_variables(prefix, std::env::vars_os())
    }

    fn with_variables(mut self, prefix: &str, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut fields = Fields::default();
        for (variable, value) in variables {
            let Some((variable, name)) = variable.to_str().and_then(|all| Some((all, all.strip_prefix(prefix)?)))
            else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            let value = Value::of_variable(value, LISTS.contains(&&*name));
            fields.set(name, variable.to_owned(), value);
        }
        self.fields.replace(fields);
        self
    }

    /// Returns the `backend_type`, by which the application chooses the backend that it passes to the builder.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if no backend type has this name.
    pub fn backend_type(&self) -> Result<Option<BackendType>, SettingsError> {
        self.fields.clone().take("backend_type")
    }

    /// Reads the files of secrets, checks names and values, and passes them to a builder. The application then adds the
    /// settings that are code, such as the backend.
    ///
    /// # Errors
    ///
    /// The first [`SettingsError`] found: an unknown name, a value of another form, a file that can't be read, no
    /// secret, two settings that exclude each other, or one of two that belong together.
    /// [`build`](SessionConfigBuilder::build) checks the values against each other.
    pub fn into_builder(self) -> Result<SessionConfigBuilder, SettingsError> {
        let mut fields = self.fields;
        fields.refuse_unknown(&[OF_METHODS, OF_THEIR_OWN].concat())?;
        let cookie_name = fields.take("cookie_name")?.unwrap_or_else(|| "session".to_owned());
        let preset = fields.take::<Preset>("preset")?;
        let key_options = fields.take_key_options(KeyOptions::default())?;
        let secrets = fields.take_secrets()?;
        let mut keys = secrets.iter().map(|secret| key_options.key(secret));
        let mut builder = match (preset, keys.next()) {
            (Some(Preset::Development), None) => SessionConfigBuilder::development(cookie_name),
            (Some(Preset::Development), Some(_)) => {
                return Err(SettingsError::Together { one: "a secret", other: "the preset `development`" });
            }
            (_, None) => return Err(SettingsError::NoSecret),
            (Some(Preset::Hardened), Some(key)) => SessionConfigBuilder::hardened(key, &cookie_name),
            (None, Some(key)) => SessionConfig::builder(key, cookie_name),
        };
        builder = keys.fold(builder, SessionConfigBuilder::verify_key);
        for mut entry in fields.take_entries("verify_keys")? {
            entry.refuse_unknown(OF_KEYS)?;
            let key_options = entry.take_key_options(key_options)?;
            let secrets = entry.take_secrets()?;
            if secrets.is_empty() {
                return Err(SettingsError::NoSecret);
            }
            builder =
                secrets.iter().map(|secret| key_options.key(secret)).fold(builder, SessionConfigBuilder::verify_key);
        }
        for FormerPlace { domain, path } in fields.take::<Vec<_>>("former_cookies")?.unwrap_or_default() {
            builder = builder.former_cookie(domain.as_deref(), &path);
        }
        let most = fields.take("max_sessions_per_user")?;
        let on_limit = fields.take::<OnSessionLimit>("on_session_limit")?;
        match (most, on_limit) {
            (Some(most), Some(on_limit)) => builder = builder.max_sessions_per_user(most, on_limit),
            (None, None) => {}
            _ => return Err(SettingsError::Apart { one: "max_sessions_per_user", other: "on_session_limit" }),
        }
        apply_methods(builder, &mut fields)
    }
}

/// Prints the names only.
impl fmt::Debug for SessionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionSettings").field(&self.fields).finish()
    }
}

impl<'de> serde::Deserialize<'de> for SessionSettings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Table(table) => Ok(Self { fields: Fields::of_table(table, "") }),
            // YAML has no other way to write an empty table.
            Value::Nothing => Ok(Self::default()),
            _ => Err(serde::de::Error::custom("the settings of sessions are not a table of names and values")),
        }
    }
}

#[cfg(test)]
mod tests;
