//! The least rows: what a test needs to be there without caring what it says. They follow the schema by themselves.

use super::Engine;
use super::rust::tokens;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// An `INSERT` of a row with these columns as SQL, and ones and empty texts in what else is demanded: so what
/// refers to another row refers to the first. The id is the engine's to give.
pub fn least(engine: Engine, table: &str, values: &[(&str, &str)]) -> String {
    let mut row: BTreeMap<String, String> = declared()
        .into_iter()
        .filter_map(|(name, class)| {
            let column = name
                .strip_prefix(table)?
                .strip_prefix('.')
                .filter(|&column| column != "id")?;
            Some((column.to_owned(), filler(engine, &class)?.to_owned()))
        })
        .collect();
    row.extend(
        values
            .iter()
            .map(|(column, value)| ((*column).to_owned(), (*value).to_owned())),
    );
    let columns: Vec<String> = row.keys().cloned().collect();
    let values: Vec<String> = row.into_values().collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        columns.join(", "),
        values.join(", ")
    )
}

/// What stands in a column that must not be null, of which nothing else is known.
fn filler(engine: Engine, class: &str) -> Option<&'static str> {
    match class {
        "Text" => Some("''"),
        "BigInt" | "Integer" => Some("1"),
        "Bool" => Some("FALSE"),
        "Binary" if engine == Engine::Sqlite => Some("x''"),
        "Binary" => Some("''::bytea"),
        _ => None,
    }
}

/// diesel's types by table and column, from the text of `src/db/schema.rs`: its macro leaves nothing to ask at run time.
pub fn declared() -> BTreeMap<String, String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/db/schema.rs");
    let source = fs::read_to_string(file).expect("the schema");
    let words: Vec<String> = tokens(&source).into_iter().map(|token| token.text).collect();
    let mut found = BTreeMap::new();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| *word == "table") {
        // table ! { name ( keys ) { column -> Type , … } }
        let Some(name) = words.get(at + 3).filter(|_| words[at + 1] == "!") else {
            continue;
        };
        let body = words[at..].iter().skip_while(|word| *word != ")").skip(2);
        let body: Vec<&str> = body.take_while(|word| *word != "}").map(String::as_str).collect();
        for column in body.split(|word| *word == ",").filter(|words| !words.is_empty()) {
            let [column, "-", ">", class @ ..] = column else {
                panic!("{name}: {column:?} is no column");
            };
            found.insert(format!("{name}.{column}"), class.concat());
        }
    }
    found
}
