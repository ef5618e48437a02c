//! Where the server is found.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Listens on the address that was asked for; without one on the default or, if that is taken, on a free port.
///
/// # Errors
///
/// If it can't listen there.
pub fn listen(wanted: Option<SocketAddr>) -> io::Result<TcpListener> {
    let address = wanted.unwrap_or(DEFAULT_ADDRESS);
    let listener = match TcpListener::bind(address) {
        Err(error) if wanted.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            eprintln!("note: {address} is taken, so a free port is used; --listen chooses one");
            TcpListener::bind((address.ip(), 0))
        }
        outcome => outcome
            .map_err(|error| io::Error::new(error.kind(), format!("can't listen on {address} (--listen): {error}"))),
    }?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Programs wait for the first line, and may not read the others: both are written at once, and a closed stdout is no
/// reason not to serve.
pub fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let lines = format!("listening on http://{address}\nOpen it in a browser. Ctrl-C ends it.\n");
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}
