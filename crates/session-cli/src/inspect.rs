//! `session inspect`: shows the content of a cookie and explains why a service refuses it.

#[cfg(feature = "compat")]
mod foreign;
mod report;
mod shape;
mod starlette;
#[cfg(feature = "store")]
mod stored;
mod text;

use std::io::Read;

use anyhow::{Context, Result};

use self::report::{Cause, Content, Refusal, Report};
use self::text::Cookie;
#[cfg(feature = "store")]
use crate::args::StoreArgs;
use crate::args::{InspectArgs, ModeArg};
use crate::formats::STARLETTE;
#[cfg(feature = "compat")]
use crate::formats::{DJANGO_ROW, FORMATS};
use crate::secrets::{self, Secret};
use crate::signing::Scheme;
use crate::{Answer, say};

const UNKNOWN: &str = "unknown";
const DAY: u64 = 24 * 3600;

pub(crate) fn run(args: &InspectArgs) -> Result<Answer> {
    let mut text = args.cookie.clone();
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text).context("can't read standard input")?;
    }
    let keys = secrets::read(&args.keys)?;
    let now = args.signing.now();
    let report = match text::cookie(&text, args.cookie_name.as_deref()) {
        Err(refusal) => Report::refused(UNKNOWN, refusal),
        Ok(cookie) => {
            let inspection = Inspection { args, keys: &keys, now, scheme: Scheme::new(&args.signing), cookie: &cookie };
            let report = inspection.report();
            Report { notes: cookie.notes.clone(), ..report }
        }
    };
    #[cfg(feature = "store")]
    let report = asked_of_store(report, args)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        report.print(now)?;
    }
    Ok(if report.accepted { Answer::Yes } else { Answer::No })
}

/// Asks the store for the session of an accepted cookie that holds an id.
#[cfg(feature = "store")]
fn asked_of_store(mut report: Report, args: &InspectArgs) -> Result<Report> {
    if let (true, Some(store), Some(id)) =
        (report.accepted && report.format == STARLETTE, &args.store, &report.id_in_token)
    {
        let store = StoreArgs { store: store.clone(), key_prefix: args.key_prefix.clone() };
        report.refusal = stored::refusal(&store, id)?;
        report.accepted = report.refusal.is_none();
        if report.accepted {
            report.notes.push("The store has the session.");
        }
    }
    Ok(report)
}

struct Inspection<'a> {
    args: &'a InspectArgs,
    keys: &'a [Secret],
    now: u64,
    scheme: Scheme,
    cookie: &'a Cookie,
}

/// A cookie that one of the keys has signed.
struct Verified {
    format: &'static str,
    key: usize,
    issued: Option<u64>,
    content: Result<Content, Refusal>,
}

impl Inspection<'_> {
    /// Reads the cookie as the service does. If that fails, tries other readings, the likeliest first.
    fn report(&self) -> Report {
        let value = &self.cookie.value;
        if self.keys.is_empty() {
            return self.without_key(value);
        }
        if let Some(verified) = self.verify(value, &self.cookie.raw) {
            return self.judged(verified, None);
        }
        for (value, cause, why) in text::repaired(value) {
            if let Some(verified) = self.verify(&value, &value) {
                let advice = "find the proxy, client or script that changes the value.";
                return self.judged(verified, Some(Refusal::new(cause, why.to_owned()).advise(advice)));
            }
        }
        if let Some((verified, difference)) = self.signed_otherwise(value) {
            return self.judged(verified, Some(difference));
        }
        self.not_verified(value)
    }

    /// Verifies in the configured format first, and then in all others.
    fn verify(&self, value: &str, raw: &str) -> Option<Verified> {
        let starlette = || starlette::verify(value, self.keys, &self.scheme).map(|found| self.of_starlette(found));
        let own = if self.args.format == STARLETTE { starlette() } else { self.verify_foreign(raw, true) };
        own.or_else(|| self.verify_foreign(raw, false)).or_else(starlette)
    }

    #[cfg(feature = "compat")]
    fn verify_foreign(&self, raw: &str, only_own: bool) -> Option<Verified> {
        let verified = |format, found: foreign::Verified| Verified {
            format,
            key: found.key,
            issued: found.issued,
            content: Ok(found.content),
        };
        let mut formats = FORMATS.iter().filter(|format| !only_own || format.name == self.args.format);
        let cookie = formats.find_map(|format| {
            let found = foreign::verify(format, &self.cookie.name, raw, self.keys, self.now)?;
            Some(verified(format.name, found))
        });
        cookie.or_else(|| Some(verified(DJANGO_ROW, foreign::verify_row(raw, self.keys)?)))
    }

    #[cfg(not(feature = "compat"))]
    fn verify_foreign(&self, _: &str, _: bool) -> Option<Verified> {
        None
    }

    fn of_starlette(&self, found: starlette::Verified) -> Verified {
        let (issued, content) = match found.signed {
            Ok(signed) => (Some(signed.issued), starlette::content(&signed.payload)),
            Err(session_core::signer::SignatureError::MissingTimestamp) => {
                let why = "the cookie was signed without a time, by `Signer` instead of `TimestampSigner`";
                (None, Err(Refusal::new(Cause::NoTimestamp, why.to_owned())))
            }
            Err(_) => {
                let why = "the time is not a number in base64url".to_owned();
                (None, Err(Refusal::new(Cause::MalformedTimestamp, why)))
            }
        };
        Verified { format: STARLETTE, key: found.key, issued, content }
    }

    /// Looks for another way of signing, or another form of a key, that fits the signature.
    fn signed_otherwise(&self, value: &str) -> Option<(Verified, Refusal)> {
        let schemes = starlette::other_schemes(&self.scheme, &self.cookie.name);
        for scheme in &schemes {
            if let Some(found) = starlette::verify(value, self.keys, scheme) {
                return Some((self.of_starlette(found), starlette::difference(&self.scheme, scheme)));
            }
        }
        for (key, secret) in self.keys.iter().enumerate() {
            for (form, secret) in starlette::other_forms(secret) {
                if let Some(found) = starlette::verify(value, &[secret], &self.scheme) {
                    let why = format!("the cookie was signed with key {} {form}", key + 1);
                    let refusal = Refusal::new(Cause::OtherFormOfKey, why).advise("give both services the same bytes.");
                    return Some((self.of_starlette(starlette::Verified { key, ..found }), refusal));
                }
            }
        }
        None
    }

    /// Reports on a cookie whose signature is valid. The first cause that applies is reported.
    fn judged(&self, verified: Verified, deviation: Option<Refusal>) -> Report {
        let Verified { format, key, issued, content } = verified;
        let mut report = Report { verified_by_key: Some(key + 1), ..Report::new(format) };
        let max_age = self.max_age(format);
        report.issued = issued;
        report.expires = issued.map(|issued| issued.saturating_add(max_age));
        let (content, unreadable) = match content {
            Ok(content) => (Some(content), None),
            Err(refusal) => (None, Some(refusal)),
        };
        if let Some(content) = &content {
            report.add_content(content, self.args.show_ids);
        }
        let skew = self.args.clock_skew.as_secs();
        report.refusal = deviation
            .or_else(|| self.other_format(format))
            .or_else(|| issued.and_then(|issued| starlette::age(issued, self.now, max_age, skew)))
            .or(unreadable)
            .or_else(|| content.and_then(|content| self.other_mode(&content)));
        report.accepted = report.refusal.is_none();
        report
    }

    fn max_age(&self, format: &str) -> u64 {
        let default = if format.starts_with("flask") { 31 * DAY } else { 14 * DAY };
        self.args.max_age.map_or(default, |max_age| max_age.as_secs())
    }

    fn other_format(&self, format: &str) -> Option<Refusal> {
        let wanted = &self.args.format;
        if format == wanted {
            return None;
        }
        #[cfg(feature = "compat")]
        if format == DJANGO_ROW {
            let why = "the text is `session_data` of Django's table, which is not a cookie".to_owned();
            let advice = "look at the cookie, which holds the `session_key` of the row.";
            return Some(Refusal::new(Cause::OtherFormat, why).advise(advice));
        }
        let why = format!("the cookie has the format {format}, and the service is configured for {wanted}");
        #[cfg(feature = "compat")]
        if let Some(known) = FORMATS.iter().find(|known| known.name == format) {
            let advice = format!("pass `.format({})` of session-compat to the configuration.", known.code);
            return Some(Refusal::new(Cause::OtherFormat, why).advise(advice));
        }
        Some(Refusal::new(Cause::OtherFormat, why))
    }

    fn other_mode(&self, content: &Content) -> Option<Refusal> {
        let (holds, wanted) = match (content, self.args.mode?) {
            (Content::Id(_), ModeArg::Cookie) => ("the id of a stored session", "sessions in the cookie"),
            (Content::Session(_), ModeArg::Store) => ("a whole session", "sessions in a store"),
            _ => return None,
        };
        let why = format!("the cookie holds {holds}, and the service keeps {wanted}");
        Some(Refusal::new(Cause::OtherMode, why).advise("give the two services different cookie names."))
    }

    fn without_key(&self, value: &str) -> Report {
        if let Some(report) = self.of_shape(value) {
            return report;
        }
        let refusal = Refusal::new(Cause::NoKey, "no key was given".to_owned())
            .advise("use --secret-file, --secret-env or --prompt, or set SESSION_SECRET.");
        self.unverified(value, refusal)
    }

    /// Reports on a cookie that no key has signed in any known way.
    fn not_verified(&self, value: &str) -> Report {
        if let Some(report) = self.of_shape(value) {
            return report;
        }
        let refusal = match starlette::unverified(value) {
            Some(_) => {
                let signature = value.rsplit('.').next().unwrap_or_default();
                if text::SIGNATURE_LENGTHS.contains(&signature.len()) {
                    let why = "none of the keys made the signature, in any known way".to_owned();
                    Refusal::new(Cause::WrongKey, why)
                        .advise("compare the secrets of the two services; the cookie may also have been changed.")
                } else {
                    let why = format!(
                        "its signature has {} characters, and a whole one has 27, 43, 64 or 86",
                        signature.len()
                    );
                    Refusal::new(Cause::Cut, format!("the end of the cookie is missing: {why}"))
                }
            }
            None if starlette::content(value.split('.').next().unwrap_or(value)).is_ok() => {
                Refusal::new(Cause::Cut, "the cookie ends before its signature".to_owned())
            }
            None => Refusal::new(Cause::UnknownFormat, "the text is not a cookie of a known format".to_owned()),
        };
        self.unverified(value, refusal)
    }

    /// Reports on a cookie of another framework whose signature no key verifies.
    fn of_shape(&self, value: &str) -> Option<Report> {
        let payload = starlette::unverified(value).map(|signed| signed.payload);
        let found = shape::recognise(value).or_else(|| {
            let is_flask = payload.is_some_and(|payload| shape::is_flask_payload(&payload));
            is_flask.then_some(shape::Shape { format: "flask", is: "a cookie of Flask" })
        })?;
        if found.format == self.args.format {
            return None;
        }
        let refusal = Refusal::new(Cause::OtherFormat, format!("the text is {}", found.is))
            .advise("give the two services different cookie names, or share sessions with session-compat.");
        Some(Report::refused(found.format, refusal))
    }

    fn unverified(&self, value: &str, refusal: Refusal) -> Report {
        let Some(signed) = starlette::unverified(value) else {
            return Report::refused(UNKNOWN, refusal);
        };
        let mut report = Report::refused(STARLETTE, refusal);
        report.issued = Some(signed.issued);
        report.expires = Some(signed.issued.saturating_add(self.max_age(STARLETTE)));
        if let Ok(content) = starlette::content(&signed.payload) {
            report.add_content(&content, self.args.show_ids);
        }
        report
    }
}
