//! Minimal rows for tests that need a row but not its contents. They follow the schema.

use super::Engine;
use super::rust::tokens;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// An `INSERT` of a row with these columns, given as SQL. Other columns that must not be null get ones and empty texts,
/// so a reference points to the first row. The engine chooses the id.
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

/// The value for a column that must not be null and has no other value.
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

/// diesel's types by table and column, read from the text of `src/db/schema.rs`, because its macro offers nothing at
/// run time.
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
                panic!("{name}: {column:?} is not a column");
            };
            found.insert(format!("{name}.{column}"), class.concat());
        }
    }
    found
}
