//! The page, which uses the JSON routes like any other client. The routes of its own files don't use the session.

use session_core::OnSessionLimit;
use session_core::starlette::BackendType;

/// Allows only the files below, no inline scripts or styles, and no way to turn text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The facts of the configuration that the page tells.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Where sessions are kept.
    pub backend: BackendType,
    /// The number of sessions that a user may have, and the outcome of a sign-in beyond it.
    pub session_limit: Option<(usize, OnSessionLimit)>,
}

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// The route.
    pub path: &'static str,
    /// The value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The body.
    pub text: String,
}

impl File {
    /// Returns all headers of the response.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &'static str); 4] {
        [
            ("content-type", self.content_type),
            ("content-security-policy", POLICY),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-cache"),
        ]
    }
}

/// Returns the page and the files that it refers to.
#[must_use]
pub fn files(facts: Facts) -> [File; 4] {
    [
        file("/", "text/html; charset=utf-8", &index(facts)),
        file("/app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
        file("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
        // The place where browsers look for an icon if the response is not a page.
        file("/favicon.ico", "image/svg+xml", include_str!("page/icon.svg")),
    ]
}

fn file(path: &'static str, content_type: &'static str, text: &str) -> File {
    File { path, content_type, text: text.to_owned() }
}

fn index(Facts { backend, session_limit }: Facts) -> String {
    let meaning = match backend {
        BackendType::Cookie => "The cookie holds the whole session, signed: you can read it, but not change it.",
        _ => "The server holds the session. The cookie holds its signed id only.",
    };
    // The page asks for a list only where the store can list the sessions of a user.
    let index = match backend {
        BackendType::Cookie => "nothing",
        BackendType::Memcache => "epochs",
        _ => "sessions",
    };
    let limit = match session_limit {
        None => String::new(),
        Some((limit, OnSessionLimit::Refuse)) => {
            format!("A user has at most {limit} at a time: a login beyond that is refused.")
        }
        Some((limit, _)) => format!("A user has at most {limit} at a time: a login beyond that ends the oldest."),
    };
    let page = include_str!("page/index.html").replace("{{backend}}", backend.name());
    page.replace("{{meaning}}", meaning).replace("{{index}}", index).replace("{{limit}}", &limit)
}
