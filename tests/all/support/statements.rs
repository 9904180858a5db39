//! Records every statement that is sent to a database, over any connection.

use super::{Engine, TestDb};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// The statements by the last part of the database's address, which is different for every database.
static HEARD: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Runs a body with a database of its own whose connections are recorded from the first one on.
pub fn overheard(engine: Engine, body: impl FnOnce(TestDb)) {
    set_default_instrumentation(ear).expect("the default can be set");
    engine.with_database(body);
}

/// The recorder for each connection that is opened from now on. It keeps statements only while a test asks for them.
fn ear() -> Option<Box<dyn Instrumentation>> {
    let mut name = String::new();
    Some(Box::new(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartEstablishConnection { url, .. } => name = name_of(url).to_owned(),
        InstrumentationEvent::StartQuery { query, .. } => {
            if let Some(heard) = HEARD.lock().expect("not poisoned").get_mut(&name) {
                let text = query.to_string();
                let text = text.split(" -- binds").next().unwrap_or_default();
                // The snapshot of a read ends after its answer, perhaps after the recording.
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

/// The statements that a database receives while a body runs.
pub fn sent(db: &TestDb, body: impl FnOnce()) -> Vec<String> {
    let address = db.address();
    let name = name_of(&address);
    let keep = |value: Option<Vec<String>>| {
        let mut heard = HEARD.lock().expect("not poisoned");
        match value {
            Some(empty) => heard.insert(name.to_owned(), empty),
            None => heard.remove(name),
        }
    };
    keep(Some(Vec::new()));
    body();
    keep(None).unwrap_or_default()
}
