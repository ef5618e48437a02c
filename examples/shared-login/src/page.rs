//! The page of each server: the user's name, and links to the other servers.

use std::fmt;

/// The names of the servers, and their addresses.
#[derive(Clone, Default)]
pub(crate) struct Links(Vec<(&'static str, String)>);

impl Links {
    pub(crate) fn add(&mut self, server: &'static str, url: String) {
        self.0.push((server, url));
    }

    /// Returns the page of one of the servers. The Python server makes it from the same file.
    pub(crate) fn page(&self, server: &str, user: Option<String>) -> String {
        let greeting = user.map_or("You are not logged in.".to_owned(), |user| format!("You are {}.", escape(&user)));
        let links = self.0.iter().map(|(server, url)| format!("<a href=\"{url}\">{server}</a> "));
        include_str!("page.html")
            .replace("{server}", server)
            .replace("{links}", &links.collect::<String>())
            .replace("{greeting}", &greeting)
    }

    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, url)| url.as_str())
    }
}

/// Prints a line for each.
impl fmt::Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(server, url)| writeln!(f, "{server:9} {url}"))
    }
}

/// Escapes markup, because a visitor may put markup into a name.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
