//! A user's sessions: listed, revoked and limited.

mod epochs;
mod limits;
mod listings;
mod revocations;
mod under_way;

use session_core::{Session, SessionRef};

use crate::support::{App, Browser};

const USER: &str = "ann";

async fn sign_in(app: &App, browser: &mut Browser, device: &str) {
    let handler = |session: &Session| {
        session.sign_in(USER).expect("a request of a test succeeds");
        session.set_label("device", device).expect("a request of a test succeeds");
    };
    app.visit(browser, handler).await;
}

/// Browsers on these devices whose user signed in, one a second.
async fn signed_in<const N: usize>(app: &App, devices: [&str; N]) -> [Browser; N] {
    let mut browsers = std::array::from_fn(|_| Browser::default());
    for (browser, device) in browsers.iter_mut().zip(devices) {
        sign_in(app, browser, device).await;
        app.advance(1);
    }
    browsers
}

async fn devices(app: &App) -> Vec<String> {
    let sessions = app.manager.sessions_of(USER).await.expect("a request of a test succeeds");
    sessions.iter().map(|session| session.label("device").unwrap_or("none").to_owned()).collect()
}

async fn is_signed_in(app: &App, browser: &Browser) -> bool {
    app.open(browser).await.is_signed_in()
}

async fn reference(app: &App, browser: &Browser) -> SessionRef {
    app.open(browser).await.reference().expect("a request of a test succeeds")
}
