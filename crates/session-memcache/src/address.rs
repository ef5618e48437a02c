//! The address of a node.

use std::fmt;
use std::str::FromStr;

/// The port of a node whose address names none.
const DEFAULT_PORT: u16 = 11211;

/// The configured address of a node. A host name is resolved for every new connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp { host: Box<str>, port: u16 },
    Unix(Box<str>),
}

/// A reason why an address can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressProblem {
    #[error("it has no host")]
    NoHost,
    #[error("its port is not a number from 1 to 65535")]
    Port,
    #[error("IPv6 is not supported, use an IPv4 address or a Unix socket")]
    Ipv6,
    #[error("a host may have only letters, digits, `.`, `-` and `_`")]
    Host,
    #[error("a socket path must be absolute, have only letters, digits and `/._-@+=,`, and no `.` or `..` segments")]
    Path,
}

impl Address {
    /// Returns the name that the ring hashes. libmemcached leaves the default port out.
    pub(crate) fn ring_name(&self) -> String {
        match self {
            Self::Tcp { host, port: DEFAULT_PORT } => host.to_string(),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(path) => format!("{path}:0"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

impl FromStr for Address {
    type Err = AddressProblem;

    fn from_str(text: &str) -> Result<Self, AddressProblem> {
        if let Some(path) = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")) {
            return unix(path);
        }
        if text.starts_with('/') {
            return unix(text);
        }
        tcp(text.strip_prefix("tcp://").unwrap_or(text))
    }
}

fn tcp(text: &str) -> Result<Address, AddressProblem> {
    if text.starts_with('[') || text.matches(':').count() > 1 {
        return Err(AddressProblem::Ipv6);
    }
    let (host, port) = match text.split_once(':') {
        None => (text, DEFAULT_PORT),
        Some((host, port)) => (host, port.parse().ok().filter(|&port| port > 0).ok_or(AddressProblem::Port)?),
    };
    if host.is_empty() {
        return Err(AddressProblem::NoHost);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if !host.bytes().all(allowed) {
        return Err(AddressProblem::Host);
    }
    Ok(Address::Tcp { host: host.into(), port })
}

/// Accepts only paths that the client library reads unchanged from a URL.
fn unix(path: &str) -> Result<Address, AddressProblem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@+=,".contains(&byte);
    let plain = path.starts_with('/') && path.len() > 1 && path.bytes().all(allowed);
    if !plain || path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(AddressProblem::Path);
    }
    Ok(Address::Unix(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let address: Address = text.parse().unwrap();
        (address.to_string(), address.ring_name())
    }

    #[test]
    fn hosts_ports_and_socket_paths_are_understood() {
        for (text, address, ring_name) in [
            ("localhost", "localhost:11211", "localhost"),
            ("10.0.0.1:11211", "10.0.0.1:11211", "10.0.0.1"),
            ("tcp://cache-1.example:11212", "cache-1.example:11212", "cache-1.example:11212"),
            ("/run/memcached.sock", "/run/memcached.sock", "/run/memcached.sock:0"),
            ("unix:/run/m@1.sock", "/run/m@1.sock", "/run/m@1.sock:0"),
            ("unix:///run/m.sock", "/run/m.sock", "/run/m.sock:0"),
        ] {
            assert_eq!(parsed(text), (address.to_owned(), ring_name.to_owned()));
        }
    }

    #[test]
    fn addresses_that_cannot_be_connected_to_are_refused() {
        for (text, problem) in [
            ("", AddressProblem::NoHost),
            (":11211", AddressProblem::NoHost),
            ("host:", AddressProblem::Port),
            ("host:0", AddressProblem::Port),
            ("host:65536", AddressProblem::Port),
            ("host:port", AddressProblem::Port),
            ("[::1]:11211", AddressProblem::Ipv6),
            ("::1", AddressProblem::Ipv6),
            ("tcp://[2001:db8::1]", AddressProblem::Ipv6),
            ("fe80::1%eth0", AddressProblem::Ipv6),
            ("a host", AddressProblem::Host),
            ("host/path", AddressProblem::Host),
            ("unix:relative.sock", AddressProblem::Path),
            ("/run/a b.sock", AddressProblem::Path),
            ("/run/../m.sock", AddressProblem::Path),
            ("/run/%41.sock", AddressProblem::Path),
            ("/", AddressProblem::Path),
        ] {
            assert_eq!(text.parse::<Address>(), Err(problem), "{text:?}");
        }
    }
}
