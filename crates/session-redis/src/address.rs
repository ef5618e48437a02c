//! The address of a server.

/// The host and the port on which a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads `host:port`. An IPv6 address has no brackets.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self::new(host, port.parse().ok()?)).filter(|address| !address.host.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_redirections() {
        assert_eq!(Address::parse("127.0.0.1:7000"), Some(Address::new("127.0.0.1", 7000)));
        assert_eq!(Address::parse("::1:7000"), Some(Address::new("::1", 7000)));
        assert_eq!(Address::parse(":7000"), None);
        assert_eq!(Address::parse("host"), None);
    }
}
