//! What a database is sent: every statement of every connection to it, whoever opens it.

use super::{Engine, TestDb};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// By the last part of its address, which no two databases share.
static HEARD: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Runs a body with a database of its own that is listened to from its first connection on.
pub fn overheard(engine: Engine, body: impl FnOnce(TestDb)) {
    set_default_instrumentation(ear).expect("nobody panics with it");
    engine.with_database(body);
}

/// An ear for each connection that is opened from now on; only what a test asked for is kept.
fn ear() -> Option<Box<dyn Instrumentation>> {
    let mut name = String::new();
    Some(Box::new(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartEstablishConnection { url, .. } => name = name_of(url).to_owned(),
        InstrumentationEvent::StartQuery { query, .. } => {
            if let Some(heard) = HEARD.lock().expect("nobody panics with it").get_mut(&name) {
                let text = query.to_string();
                let text = text.split(" -- binds").next().unwrap_or_default();
                // A question's snapshot is ended after its answer was given: who listens may be gone by then.
                if text != "ROLLBACK" {
                    heard.push(text.to_owned());
                }
            }
        }
        _ => {}
    }))
}

fn name_of(address: &str) -> &str {
    let path = address.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// The statements that a database is sent by what a body does.
pub fn sent(db: &TestDb, body: impl FnOnce()) -> Vec<String> {
    let address = db.address();
    let name = name_of(&address);
    let keep = |value: Option<Vec<String>>| {
        let mut heard = HEARD.lock().expect("nobody panics with it");
        match value {
            Some(empty) => heard.insert(name.to_owned(), empty),
            None => heard.remove(name),
        }
    };
    keep(Some(Vec::new()));
    body();
    keep(None).unwrap_or_default()
}
