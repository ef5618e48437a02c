//! Messages for the next page.

use session_core::{Flash, FlashLevel, Session};

use crate::support::{App, Browser, assert_succeeded, defaults, respond_together};

fn texts(session: &Session) -> Vec<String> {
    let messages = session.take_flashes().expect("the messages are this library's");
    messages.into_iter().map(|Flash { text, .. }| text).collect()
}

#[tokio::test]
async fn a_message_is_shown_once_with_its_level() {
    let app = App::in_cookie(defaults);
    let mut browser = Browser::default();
    app.visit(&mut browser, |session| {
        session.flash(FlashLevel::Success, "saved").unwrap();
        session.flash(FlashLevel::Warning, "<b>nearly full</b>").unwrap();
    })
    .await;
    app.visit(&mut browser, |session| {
        let messages = session.take_flashes().unwrap();
        let shown: Vec<_> = messages.iter().map(|message| (message.level, message.text.as_str())).collect();
        assert_eq!(shown, [(FlashLevel::Success, "saved"), (FlashLevel::Warning, "<b>nearly full</b>")]);
    })
    .await;
    app.visit(&mut browser, |session| {
        assert_eq!(texts(session), Vec::<String>::new());
        assert!(!session.is_modified(), "a session without messages is not changed");
    })
    .await;
}

#[tokio::test]
async fn two_tabs_may_both_show_a_message_and_lose_none() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
        app.visit(&mut browser, |session| session.flash(FlashLevel::Info, "hello").unwrap()).await;

        let (first, second, form) = (app.open(&browser).await, app.open(&browser).await, app.open(&browser).await);
        assert_eq!(texts(&first), ["hello"]);
        assert_eq!(texts(&second), ["hello"]);
        // A new message, with the text of the one that both tabs remove.
        form.flash(FlashLevel::Info, "hello").unwrap();
        respond_together(vec![form, first, second]).await.iter().for_each(assert_succeeded);

        let next = app.open(&browser).await;
        assert_eq!(texts(&next), ["hello"]);
    }
}

#[tokio::test]
async fn the_oldest_message_makes_room() {
    let app = App::in_cookie(defaults);
    let session = app.open(&Browser::default()).await;
    for number in 0..20 {
        session.flash(FlashLevel::Error, number.to_string()).unwrap();
    }
    assert_eq!(texts(&session), (4..20).map(|number| number.to_string()).collect::<Vec<_>>());
}
