//! The fields of settings, taken one by one into their types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::SettingsError;
use super::value::Value;
use crate::config::BackendType;
use crate::config::policy::{OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite};
use crate::names::UnknownName;
use crate::signer::{Digest, Key, KeyDerivation};

/// A secret. It has no `Debug`, and is overwritten when it is dropped.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// The digest and the key derivation of secrets.
#[derive(Clone, Copy, Default)]
pub(super) struct KeyOptions {
    digest: Option<Digest>,
    derivation: Option<KeyDerivation>,
}

impl KeyOptions {
    pub(super) fn key(self, secret: &Secret) -> Key {
        let mut key = Key::new(secret.as_slice());
        if let Some(digest) = self.digest {
            key = key.digest(digest);
        }
        if let Some(derivation) = self.derivation {
            key = key.derivation(derivation);
        }
        key
    }
}

/// The fields that nothing has taken yet, by name.
#[derive(Clone, Default)]
pub(super) struct Fields(BTreeMap<String, Field>);

#[derive(Clone)]
struct Field {
    /// The name for errors: the variable in the environment, or the place within a list.
    label: String,
    value: Value,
}

/// A value whose form is that of a setting.
pub(super) trait Setting: Sized {
    /// Returns the value, or the rule that it breaks.
    fn read(value: Value) -> Result<Self, String>;
}

impl Fields {
    /// Returns the fields of a table. The place is the start of their names in errors.
    pub(super) fn of_table(table: Vec<(String, Value)>, place: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in table {
            let label = [place, &*name].concat();
            fields.set(name, label, value);
        }
        fields
    }

    pub(super) fn set(&mut self, name: String, label: String, value: Value) {
        self.0.insert(name, Field { label, value });
    }

    /// Adds other fields, which replace those of the same name.
    pub(super) fn replace(&mut self, others: Self) {
        // A secret takes the place of one from another source.
        const SECRETS: [&str; 2] = ["secret", "secret_file"];
        if SECRETS.iter().any(|name| others.0.contains_key(*name)) {
            SECRETS.iter().for_each(|name| drop(self.0.remove(*name)));
        }
        self.0.extend(others.0);
    }

    /// Refuses the fields that are not known.
    pub(super) fn refuse_unknown(&self, known: &[&'static str]) -> Result<(), SettingsError> {
        let Some((name, field)) = self.0.iter().find(|(name, _)| !known.contains(&&***name)) else { return Ok(()) };
        let similar = known.iter().map(|known| (distance(known, name), *known)).min();
        let similar = similar.filter(|(distance, _)| *distance <= 2).map(|(_, known)| known);
        Err(SettingsError::UnknownSetting { name: field.label.clone(), similar })
    }

    /// Takes a field, if it is set.
    pub(super) fn take<T: Setting>(&mut self, name: &str) -> Result<Option<T>, SettingsError> {
        self.take_shown(name, Value::shown)
    }

    /// Takes a field. `show` returns the value as errors print it.
    fn take_shown<T: Setting>(&mut self, name: &str, show: fn(&Value) -> String) -> Result<Option<T>, SettingsError> {
        let Some(Field { label, value }) = self.0.remove(name) else { return Ok(None) };
        if matches!(value, Value::Nothing) {
            return Ok(None);
        }
        let given = show(&value);
        T::read(value).map(Some).map_err(|rule| SettingsError::Value { name: label, given, rule })
    }

    /// Takes digest and key derivation. `otherwise` has the values of those that are not set.
    pub(super) fn take_key_options(&mut self, otherwise: KeyOptions) -> Result<KeyOptions, SettingsError> {
        let KeyOptions { digest, derivation } = otherwise;
        Ok(KeyOptions {
            digest: self.take("digest")?.or(digest),
            derivation: self.take("key_derivation")?.or(derivation),
        })
    }

    /// Takes `secret`, or reads the file that `secret_file` names. The first one is meant to sign.
    pub(super) fn take_secrets(&mut self) -> Result<Vec<Secret>, SettingsError> {
        let name = self.0.get("secret_file").map(|field| field.label.clone()).unwrap_or_default();
        let secret = self.take_shown::<Zeroizing<String>>("secret", |value| value.form().to_owned())?;
        match (secret, self.take::<PathBuf>("secret_file")?) {
            (Some(_), Some(_)) => Err(SettingsError::Together { one: "secret", other: "secret_file" }),
            (Some(secret), None) => Ok(vec![Zeroizing::new(secret.as_bytes().to_vec())]),
            (None, Some(file)) => read_secrets(name, file),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// Takes a list of keys, each a table or the text of a secret.
    pub(super) fn take_entries(&mut self, name: &str) -> Result<Vec<Fields>, SettingsError> {
        let Some(Field { label, value }) = self.0.remove(name) else { return Ok(Vec::new()) };
        let wrong = |name: String, value: &Value, rule: &str| SettingsError::Value {
            name,
            given: value.form().to_owned(),
            rule: rule.to_owned(),
        };
        let entries = match value {
            Value::List(entries) => entries,
            Value::Nothing => return Ok(Vec::new()),
            other => return Err(wrong(label, &other, "a list of secrets")),
        };
        let entry = |(number, entry)| {
            let place = format!("{label}[{number}]");
            match entry {
                Value::Table(table) => Ok(Self::of_table(table, &[&*place, "."].concat())),
                secret @ Value::Text(_) => {
                    let mut fields = Self::default();
                    fields.set("secret".to_owned(), place, secret);
                    Ok(fields)
                }
                other => Err(wrong(place, &other, "a secret as text, or a table with `secret` or `secret_file`")),
            }
        };
        entries.into_iter().enumerate().map(entry).collect()
    }
}

/// Prints the names only.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads a file of secrets, one per line, as the `session` command does. Empty lines are left out.
fn read_secrets(name: String, file: PathBuf) -> Result<Vec<Secret>, SettingsError> {
    let content = match std::fs::read(&file) {
        Ok(content) => Zeroizing::new(content),
        Err(source) => return Err(SettingsError::SecretFile { name, file, source }),
    };
    let lines = content.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let secrets: Vec<Secret> =
        lines.filter(|line| !line.is_empty()).map(|line| Zeroizing::new(line.to_vec())).collect();
    if secrets.is_empty() { Err(SettingsError::EmptySecretFile { name, file }) } else { Ok(secrets) }
}

/// Returns the edit distance of two texts, in bytes.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, byte) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// The presets of the builder.
#[derive(Clone, Copy)]
pub(super) enum Preset {
    Development,
    Hardened,
}

impl Setting for Preset {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) if *text == "development" => Ok(Self::Development),
            Value::Text(text) if *text == "hardened" => Ok(Self::Hardened),
            _ => Err("one of: development, hardened".to_owned()),
        }
    }
}

/// The place that the cookie once had, written as one text: the domain, which may be empty, and the path.
pub(super) struct FormerPlace {
    pub(super) domain: Option<String>,
    pub(super) path: String,
}

impl Setting for FormerPlace {
    fn read(value: Value) -> Result<Self, String> {
        const RULE: &str = "a path, after a domain or alone, such as `example.com/` or `/app`";
        let Value::Text(text) = value else { return Err(RULE.to_owned()) };
        let at = text.find('/').ok_or(RULE)?;
        let (domain, path) = text.split_at(at);
        Ok(Self { domain: (!domain.is_empty()).then(|| domain.to_owned()), path: path.to_owned() })
    }
}

impl Setting for Zeroizing<String> {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            _ => Err("text, in quotes".to_owned()),
        }
    }
}

impl Setting for String {
    fn read(value: Value) -> Result<Self, String> {
        Zeroizing::read(value).map(|text| text.as_str().to_owned())
    }
}

impl Setting for PathBuf {
    fn read(value: Value) -> Result<Self, String> {
        String::read(value).map(Self::from)
    }
}

/// Takes texts too, because the environment has no other values.
impl Setting for bool {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(flag) => Some(flag),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| "true or false".to_owned())
    }
}

/// Takes texts too, because the environment has no other values.
impl Setting for usize {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Integer(number) => number.try_into().ok(),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| "a whole number".to_owned())
    }
}

impl Setting for Duration {
    fn read(value: Value) -> Result<Self, String> {
        let Value::Text(text) = value else { return Err(DURATION.to_owned()) };
        humantime::parse_duration(&text).map_err(|_| DURATION.to_owned())
    }
}

const DURATION: &str = "a time with its unit, such as \"14d\", \"30m\" or \"250ms\"";

/// Implements [`Setting`] for the choices that have names.
macro_rules! settings_by_name {
    ($($choice:ty),+) => {
        $(impl Setting for $choice {
            fn read(value: Value) -> Result<Self, String> {
                let text = if let Value::Text(text) = value { text } else { Zeroizing::default() };
                text.parse().map_err(|error: UnknownName| format!("one of: {}", error.known().join(", ")))
            }
        })+
    };
}

settings_by_name!(Digest, KeyDerivation, OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite);

impl Setting for BackendType {
    fn read(value: Value) -> Result<Self, String> {
        let text = if let Value::Text(text) = value { text } else { Zeroizing::default() };
        text.parse().map_err(|_| format!("one of: {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::List(entries) => entries.into_iter().map(T::read).collect(),
            _ => Err("a list".to_owned()),
        }
    }
}
