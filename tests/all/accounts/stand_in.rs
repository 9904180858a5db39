//! A stand-in for WeChat on this machine. It answers with the JSON of `jscode2session`, errors included. Like the real
//! one, it sends errors with status 200 and declares its JSON as `text/plain`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Secrets that no answer may contain.
pub const SESSION_KEY: &str = "dG9wc2VjcmV0c2Vzc2lvbg==";
pub const SECRET: &str = "geheim-app-secret";

pub struct StandIn {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// Serves until the test process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                std::thread::spawn(move || answer(&stream, &seen));
            }
        });
        Self { url, asked }
    }

    /// The request lines so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

fn answer(stream: &TcpStream, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let line = lines.next().unwrap_or_default();
    let headers = lines.take_while(|line| !line.is_empty()).count();
    assert!(headers > 0, "the request has header fields");
    seen.lock().expect("not poisoned").push(line.clone());
    let code = line
        .split("js_code=")
        .nth(1)
        .and_then(|rest| rest.split(['&', ' ']).next())
        .unwrap_or_default();
    let error = |number: i64, text: &str| Some(format!(r#"{{"errcode":{number},"errmsg":"{text}, rid: 65f0-1"}}"#));
    let body = match code {
        "invalid" => error(40029, "invalid code"),
        "used" => error(40163, "code been used"),
        "blocked" => error(40226, "code blocked"),
        "too-often" => error(45011, "api minute-quota reach limit"),
        "busy" => error(-1, "system error"),
        "bad-appid" => error(40013, "invalid appid"),
        "bad-secret" => error(40125, "invalid appsecret"),
        "new-number" => error(99999, "something new"),
        "malformed" => Some("{\"openid\": ".into()),
        "html" => Some("<html>login to the wifi</html>".into()),
        "empty" => Some(String::new()),
        "no-openid" => Some(format!(r#"{{"session_key":"{SESSION_KEY}"}}"#)),
        "huge" => Some(format!(r#"{{"openid":"{}"}}"#, "o".repeat(1 << 20))),
        "silent" | "broken-off" | "redirect" | "fault" => None,
        user => Some(format!(
            r#"{{"session_key":"{SESSION_KEY}","openid":"o-{user}","unionid":"u-{user}"}}"#
        )),
    };
    let mut stream = stream;
    let reply = match (code, body) {
        (_, Some(body)) => format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        ("redirect", _) => {
            "HTTP/1.1 302 Found\r\nlocation: /sns/jscode2session?js_code=mallory\r\ncontent-length: 0\r\n\r\n".into()
        }
        ("fault", _) => "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".into(),
        ("broken-off", _) => "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"openid\":\"o-mallory\"}".into(),
        // Longer than a caller waits.
        _ => return std::thread::sleep(Duration::from_secs(5)),
    };
    // A caller that finds the answer too long disconnects.
    let _ = stream.write_all(reply.as_bytes());
}
