//! Questions to a server.

use std::collections::BTreeMap;

use super::Server;

/// The options of a server that remembers each command.
pub(crate) const REMEMBER: &[&str] = &["--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000"];

/// Creates a user whose password is its name, with the permissions of the crate's documentation, and more.
pub(crate) fn allow_user(server: &Server, user: &str, more: &[&str]) {
    let rules = ["~session:*", "~gone:{session:*", "resetchannels", "-@all", "+get", "+set", "+del", "+expire"];
    let password = format!(">{user}");
    let rest = ["+eval", "+evalsha", "+ping", "on", &password];
    server.ask(&[&["ACL", "SETUSER", user][..], &rules, &rest, more].concat());
}

/// Returns how often clients sent each command since the last [`forget_calls`], the tests' own questions left out. The
/// server has to be started with [`REMEMBER`].
pub(crate) fn sent(server: &Server) -> BTreeMap<String, u64> {
    let log = server.ask(&["SLOWLOG", "GET", "-1"]);
    let mut calls = BTreeMap::new();
    // An entry is its number, the time, the duration, the words of the command, the address and the client's name.
    for (end, address) in log.iter().enumerate().filter(|(_, word)| is_address(word)) {
        let start = log[..end].iter().rposition(|word| is_address(word)).map_or(0, |last| last + 2);
        let name = log[start + 3].to_ascii_lowercase();
        // A command of a script has no address.
        if address != "?:0" && !matches!(&*name, "info" | "config" | "slowlog") {
            *calls.entry(name).or_insert(0) += 1;
        }
    }
    calls
}

/// Forgets the commands that [`sent`] and [`Server::calls`] return.
pub(crate) fn forget_calls(server: &Server) {
    server.ask(&["SLOWLOG", "RESET"]);
    server.forget_calls();
}

fn is_address(word: &str) -> bool {
    word == "?:0" || word.strip_prefix("127.0.0.1:").is_some_and(|port| port.parse::<u16>().is_ok())
}
