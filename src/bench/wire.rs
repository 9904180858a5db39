//! HTTP/1.1 at low cost: on a shared machine, the client takes processor time from the service it measures. A request
//! is sent in one write and its answer usually read in one read. A connection is reused and serves one request at a
//! time.

use actix_web::rt::net::TcpStream;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

/// The initial buffer for an answer.
const ROOM: usize = 4 * 1024;

/// An answer.
pub struct Reply {
    pub status: u16,
    /// Whether it has a `Retry-After` header.
    pub has_retry_after: bool,
    pub body: Vec<u8>,
}

/// The connections to one server.
pub struct Wire {
    authority: String,
    idle: RefCell<Vec<TcpStream>>,
    places: Semaphore,
}

impl Wire {
    /// A limited number of connections to a server at `http://host:port`. A request that finds none free waits for its
    /// turn.
    ///
    /// # Errors
    /// When the address has another form.
    pub fn new(url: &str, most: usize) -> io::Result<Self> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority = authority.filter(|rest| rest.contains(':') && !rest.contains('/'));
        let authority = authority.ok_or_else(|| broken(&format!("{url:?} is not like http://127.0.0.1:8080")))?;
        Ok(Self {
            authority: authority.to_owned(),
            idle: RefCell::default(),
            places: Semaphore::new(most),
        })
    }

    /// Host and port, as a request names them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request, head and body, and reads its answer.
    ///
    /// # Errors
    /// When there is no connection, when it ends early, or when the answer is malformed.
    pub async fn ask(&self, request: &[u8]) -> io::Result<Reply> {
        let _place = self.places.acquire().await.map_err(io::Error::other)?;
        let mut stream = match self.recall() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(request).await?;
        let (reply, is_reusable) = read(&mut stream).await?;
        if is_reusable {
            self.idle.borrow_mut().push(stream);
        }
        Ok(reply)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The most recently used connection that the server has not closed.
    fn recall(&self) -> Option<TcpStream> {
        loop {
            let stream = self.idle.borrow_mut().pop()?;
            let is_quiet = matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
            if is_quiet {
                return Some(stream);
            }
        }
    }
}

/// Reads an answer, and tells whether its connection can be reused.
async fn read(stream: &mut TcpStream) -> io::Result<(Reply, bool)> {
    let mut text = Vec::with_capacity(ROOM);
    let head = loop {
        more(stream, &mut text).await?;
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break Head::of(&text[..end], end + 4)?;
        }
    };
    while text.len() < head.end + head.length {
        more(stream, &mut text).await?;
    }
    let reply = Reply {
        status: head.status,
        has_retry_after: head.has_retry_after,
        body: text.split_off(head.end),
    };
    Ok((reply, !head.closes))
}

async fn more(stream: &mut TcpStream, text: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(text).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// What the client needs from the head of an answer.
struct Head {
    status: u16,
    end: usize,
    length: usize,
    closes: bool,
    has_retry_after: bool,
}

impl Head {
    fn of(text: &[u8], end: usize) -> io::Result<Self> {
        let text = std::str::from_utf8(text).map_err(io::Error::other)?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let mut head = Self {
            status: status.ok_or_else(|| broken("no status"))?,
            end,
            length: 0,
            closes: false,
            has_retry_after: false,
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.trim().eq_ignore_ascii_case("close");
            } else if name.eq_ignore_ascii_case("retry-after") {
                head.has_retry_after = true;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(broken("an answer in pieces"));
            }
        }
        Ok(head)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_what_follows_it() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\nRetry-After: 1\r\nconnection: close";
        let head = Head::of(text, text.len() + 4).unwrap();
        assert_eq!((head.status, head.length), (503, 12));
        assert!(head.closes && head.has_retry_after);
        let head = Head::of(b"HTTP/1.1 204 No Content", 27).unwrap();
        assert!(head.length == 0 && !head.closes && !head.has_retry_after);
        for text in [
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"[..],
            b"SSH-2.0",
            b"HTTP/1.1 200 OK\r\ncontent-length: many",
        ] {
            assert!(Head::of(text, 0).is_err());
        }
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (url, is_good) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.0.0.1:8080/", true),
            ("http://127.0.0.1", false),
            ("https://127.0.0.1:8443", false),
            ("http://127.0.0.1:8080/v1", false),
        ] {
            assert_eq!(Wire::new(url, 1).is_ok(), is_good, "{url}");
        }
    }
}
