//! Opens the server's socket, and prints its address.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Listens on the given address. Without one, listens on the default address or, if its port is taken, on a free port.
///
/// # Errors
///
/// If it can't listen on the address.
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

/// Prints the address. Programs wait for the first line and may not read the second, so both are written at once. A
/// closed stdout does not stop the server.
pub fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let lines = format!("listening on http://{address}\nOpen it in a browser. Ctrl-C ends it.\n");
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}
