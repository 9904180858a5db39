//! The form of the log: lines for people, or a JSON object on each line for programs that collect logs.

use anyhow::{Result, bail};
use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde_json::{Map, Value as Json};
use std::io::{self, Write};

/// The variable that names the form.
const LOG_FORMAT: &str = "ZHUANJIE_LOG_FORMAT";

/// Sets the form that the environment names: `text` (the default) or `json`.
///
/// # Errors
/// When it names another one.
pub fn set(builder: &mut Builder) -> Result<()> {
    match std::env::var(LOG_FORMAT).as_deref() {
        Err(_) | Ok("" | "text") => {}
        Ok("json") => {
            builder.format(|out, record| {
                let at = out.timestamp_millis().to_string();
                write(out, record, at)
            });
            // Else the one line that matters most would be no JSON.
            std::panic::set_hook(Box::new(|panic| log::error!(target: "panic", "{panic}")));
        }
        Ok(other) => bail!("{LOG_FORMAT}: {other:?} is neither text nor json"),
    }
    Ok(())
}

fn write(out: &mut Formatter, record: &Record<'_>, at: String) -> io::Result<()> {
    writeln!(out, "{}", json(record, at))
}

/// A record as an object. The fields of our own come first, and no key of the record replaces them.
fn json(record: &Record<'_>, at: String) -> Json {
    let mut fields = JsonFields(Map::new());
    for (name, text) in [
        ("at", at),
        ("level", record.level().as_str().to_lowercase()),
        ("target", record.target().to_owned()),
        ("message", record.args().to_string()),
    ] {
        fields.0.insert(name.to_owned(), text.into());
    }
    // Only a key that is no text could fail, and there is none.
    let _ = record.key_values().visit(&mut fields);
    Json::Object(fields.0)
}

struct JsonFields(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for JsonFields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = match (value.to_bool(), value.to_u64(), value.to_i64(), value.to_f64()) {
            (Some(flag), ..) => flag.into(),
            (_, Some(number), ..) => number.into(),
            (_, _, Some(number), _) => number.into(),
            (_, _, _, Some(number)) => number.into(),
            _ => value.to_string().into(),
        };
        self.0.entry(key.as_str()).or_insert(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_one_object_with_its_keys() {
        let pairs: &[(&str, Value<'_>)] = &[
            ("status", Value::from(200)),
            ("route", Value::from("/v1/\"x\"")),
            ("message", Value::from("another")),
        ];
        let record = Record::builder()
            .args(format_args!("request\nof two lines"))
            .level(log::Level::Info)
            .target("zhuanjie::access")
            .key_values(&pairs)
            .build();
        let wanted = json!({
            "at": "now", "level": "info", "target": "zhuanjie::access", "message": "request\nof two lines",
            "status": 200, "route": "/v1/\"x\"",
        });
        assert_eq!(super::json(&record, "now".into()), wanted);
        assert!(!wanted.to_string().contains('\n'));
    }
}
