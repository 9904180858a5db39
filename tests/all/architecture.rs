//! Which module may import which: holds the source to the table of `docs/architecture.md`. Within one package Cargo
//! does not check this.

use crate::support::rust::{Path, paths, tokens};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path as FilePath, PathBuf};

/// A module of `src/`, with everything in it, and what it must not use.
struct Room {
    name: &'static str,
    /// The modules of this crate it may import, besides itself. `a::b` allows only that part of `a`.
    may: &'static [&'static str],
    /// What it must not name, in this crate or another. A crate name that ends in `*` stands for every crate that
    /// begins so.
    never: &'static [&'static str],
    /// Exceptions from `never`.
    except: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    // The rules as pure functions: `now`, ids and policy are arguments.
    Room {
        name: "domain",
        may: &[],
        never: &[
            "diesel*",
            "r2d2",
            "actix*",
            "utoipa_actix_web",
            "ureq",
            "tokio",
            "rand*",
            "log",
            "env_logger",
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::process",
            "std::thread",
            "std::time::SystemTime",
            "std::time::Instant",
            "SystemTime::now",
            "Instant::now",
            "Utc::now",
            "Local::now",
            "chrono::Utc::now",
            "chrono::Local",
        ],
        except: &[],
    },
    // Connections, transactions, migrations: no rules, no HTTP. Columns hold ids and instants.
    Room {
        name: "db",
        may: &["domain::core::ids", "domain::core::time", "on_each"],
        never: &["actix*", "utoipa*"],
        except: &[],
    },
    // How the domain's values are stored in columns.
    Room {
        name: "db::columns",
        may: &["db", "domain"],
        never: &["actix*", "utoipa*"],
        except: &[],
    },
    // Sealing, signing and hashing. It neither stores nor serves.
    Room {
        name: "security",
        may: &["domain", "clock"],
        never: &["diesel*", "actix*", "utoipa*"],
        except: &[],
    },
    Room {
        name: "repository",
        may: &["db", "domain", "security", "on_each", "insert_each", "row"],
        never: &["actix*", "utoipa*"],
        except: &[],
    },
    // The directory of uploaded files. It does not know what the files are or who owns them.
    Room {
        name: "files",
        may: &["security"],
        never: &["diesel*", "actix*", "utoipa*"],
        except: &[],
    },
    // Use cases: no SQL, no HTTP.
    Room {
        name: "service",
        may: &["repository", "db", "domain", "security", "clock"],
        never: &[
            "actix*",
            "utoipa_actix_web",
            "diesel*",
            "crate::db::schema",
            "crate::db::sql",
        ],
        except: &["diesel::result"],
    },
    // Typed configuration, keys and trusted proxies.
    Room {
        name: "config",
        may: &["db", "domain", "security"],
        never: &["diesel*", "actix*", "utoipa*"],
        except: &[],
    },
    // Calls to other services.
    Room {
        name: "outbound",
        may: &["config", "domain"],
        never: &["diesel*", "utoipa*"],
        except: &[],
    },
    Room {
        name: "api",
        may: &[
            "service", "db", "domain", "security", "files", "clock", "config", "outbound", "app",
        ],
        never: &["diesel*", "crate::db::schema", "crate::db::sql"],
        except: &[],
    },
    Room {
        name: "jobs",
        may: &[
            "service",
            "repository",
            "db",
            "domain",
            "security",
            "clock",
            "config",
            "files",
            "app",
        ],
        never: &["actix*", "utoipa*"],
        except: &[],
    },
];

/// The entry points and the wiring. They may import every module.
const WIRING: &[&str] = &["main", "lib", "cli", "app", "clock", "demo", "bench", "backup"];

impl Room {
    fn forbids(&self, path: &Path) -> bool {
        let written = path.segments.join("::");
        self.is_not_let_in(&path.segments)
            || (self.never.iter().any(|never| covers(never, &written))
                && !self.except.iter().any(|except| covers(except, &written)))
    }

    /// Whether a path leads to a part of this crate that is not in `may`. The crate as a whole counts as such a part,
    /// because a glob or an alias hides what is used.
    fn is_not_let_in(&self, segments: &[String]) -> bool {
        if segments[0] != "crate" {
            return false;
        }
        let inside = segments[1..].join("::");
        ![self.name].iter().chain(self.may).any(|may| covers(may, &inside))
    }
}

/// Whether `path` is `pattern` or lies in it. `name*` stands for every name that begins so.
fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

/// The room of a module. Of several, the narrowest.
fn room(module: &[&str]) -> Option<&'static Room> {
    let module = module.join("::");
    let around = ROOMS.iter().filter(|room| covers(room.name, &module));
    around.max_by_key(|room| room.name.len())
}

/// The paths in a file that break the rules of its module, as `line: path`.
fn broken(source: &str, module: &[&str]) -> Vec<String> {
    let Some(room) = room(module) else {
        return Vec::new();
    };
    let module: Vec<String> = module.iter().map(|&name| name.to_owned()).collect();
    let found = paths(source, &module).into_iter().filter(|path| room.forbids(path));
    found
        .map(|path| format!("{}: {}", path.line, path.segments.join("::")))
        .collect()
}

fn root() -> &'static FilePath {
    FilePath::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &FilePath) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the source").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The module that a file of `src/` defines: `domain/transfer/mod.rs` is `["domain", "transfer"]`.
fn module_of(file: &FilePath) -> Vec<String> {
    let inside = file
        .strip_prefix(root().join("src"))
        .expect("a file of src")
        .with_extension("");
    let mut module: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.len() > 1 && module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

#[test]
fn no_module_imports_what_it_must_not() {
    let mut found = Vec::new();
    for file in sources(&root().join("src")) {
        let source = fs::read_to_string(&file).expect("UTF-8");
        let module = module_of(&file);
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        found.extend(
            broken(&source, &module)
                .into_iter()
                .map(|what| format!("{}:{what}", file.display())),
        );
    }
    assert!(
        found.is_empty(),
        "imports that break the table in tests/all/architecture.rs:\n{}",
        found.join("\n")
    );
}

/// The cell of the page's table that lists what a module may import.
fn printed(room: &Room) -> String {
    let names: Vec<String> = room.may.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}

#[test]
fn the_page_has_the_exceptions() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
    for room in ROOMS {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", room.name)));
        let row = row.unwrap_or_else(|| panic!("{}: no row", room.name));
        for except in room.except {
            assert!(row.contains(&format!("except `{except}`")), "{}: {except}", room.name);
        }
        assert!(
            !room.except.is_empty() || !row.contains("except"),
            "{}: {row}",
            room.name
        );
    }
}

#[test]
fn the_page_has_the_table() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let found: BTreeSet<(String, String)> = rows.iter().map(|row| (row[1].to_owned(), row[3].to_owned())).collect();
    let wanted = ROOMS.iter().map(|room| (format!("`{}`", room.name), printed(room)));
    assert_eq!(found, wanted.collect());
}

#[test]
fn every_module_at_the_top_has_a_place_in_the_table() {
    for file in sources(&root().join("src")) {
        let top = &module_of(&file)[0];
        let is_known = room(&[top]).is_some() || WIRING.contains(&top.as_str());
        assert!(
            is_known,
            "{}: give `{top}` a room in tests/all/architecture.rs",
            file.display()
        );
    }
}

#[test]
fn the_crate_root_declares_modules_and_re_exports_nothing() {
    // A name re-exported at the root would bypass the table.
    let source = fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    assert_eq!(paths(&source, &[]), []);
}

#[test]
fn a_file_of_more_than_800_lines_is_two_rooms() {
    for folder in ["src", "tests"] {
        for file in sources(&root().join(folder)) {
            // A table with one row for each code has one subject, however long it grows.
            if file.ends_with("domain/catalogue/code/mod.rs") {
                continue;
            }
            let lines = fs::read_to_string(&file).expect("UTF-8").lines().count();
            assert!(lines <= 800, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn the_top_level_holds_what_it_should() {
    let wanted = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "diesel.toml",
        "docs",
        "migrations",
        "openapi",
        "src",
        "tests",
    ];
    let found: BTreeSet<String> = fs::read_dir(root())
        .expect("the project")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(found, wanted.map(str::to_owned).into());
    assert!(root().join(".ci/run").is_file());
}

/// The modules that may load rows in bulk: before the database is served, or in the load generator.
const BULK_LOADERS: &[&str] = &["demo", "bench"];

/// The names that open a connection outside of `db`, as `line: name`.
fn opened_connections(source: &str, module: &[&str]) -> Vec<String> {
    if module[0] == "db" {
        return Vec::new();
    }
    let found = tokens(source).into_iter().filter(|token| match token.text.as_str() {
        "establish" | "ConnectionManager" => true,
        "bulk_connection" => !BULK_LOADERS.contains(&module[0]),
        _ => false,
    });
    found.map(|token| format!("{}: {}", token.line, token.text)).collect()
}

#[test]
fn no_module_but_db_opens_a_connection() {
    let mut found = Vec::new();
    for file in sources(&root().join("src")) {
        let source = fs::read_to_string(&file).expect("UTF-8");
        let module = module_of(&file);
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        let opened = opened_connections(&source, &module).into_iter();
        found.extend(opened.map(|what| format!("{}:{what}", file.display())));
    }
    assert!(
        found.is_empty(),
        "use Db::read, Db::write or Db::survey:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_checker_finds_an_opened_connection() {
    let open = "fn f() { SqliteConnection::establish(url); }";
    assert_eq!(opened_connections(open, &["cli"]), ["1: establish"]);
    assert_eq!(opened_connections(open, &["demo", "file"]), ["1: establish"]);
    assert_eq!(opened_connections(open, &["db", "connection"]), [""; 0]);
    let bulk = "\nfn f(db: &Db) { db.bulk_connection() } // establish";
    assert_eq!(opened_connections(bulk, &["backup"]), ["2: bulk_connection"]);
    assert_eq!(opened_connections(bulk, &["demo", "load"]), [""; 0]);
}

/// Each breaks a rule of its room in a different way. The checker must find every one.
const BREACHES: &[(&[&str], &str, &str)] = &[
    (&["domain", "x"], "use diesel::prelude::*;", "diesel::prelude::*"),
    (&["domain", "x"], "use ::diesel::Queryable;", "diesel::Queryable"),
    (&["domain", "x"], "extern crate diesel;", "diesel"),
    (&["domain", "x"], "use diesel as d;", "diesel"),
    (
        &["domain", "x"],
        "fn f() -> diesel::QueryResult<()> { todo!() }",
        "diesel::QueryResult",
    ),
    (
        &["domain", "x"],
        "fn f(e: ::diesel::result::Error) {}",
        "diesel::result::Error",
    ),
    (
        &["domain", "x"],
        "use {std::fmt, actix_web::HttpRequest};",
        "actix_web::HttpRequest",
    ),
    (&["domain", "x"], "use std::{fmt, fs::{self}};", "std::fs"),
    (&["domain", "x"], "fn f() { std::env::var(\"X\"); }", "std::env::var"),
    (&["domain", "x"], "use crate::db::Conn;", "crate::db::Conn"),
    (
        &["domain", "x"],
        "use crate::{domain::core::ids, service};",
        "crate::service",
    ),
    (&["domain", "x"], "use crate::*;", "crate::*"),
    (&["domain", "x"], "use crate as root;", "crate"),
    (&["domain", "x"], "use super::super::db::Conn;", "crate::db::Conn"),
    (&["domain"], "use super::jobs;", "crate::jobs"),
    (
        &["domain", "x"],
        "mod inner { use super::super::super::db; }",
        "crate::db",
    ),
    (
        &["domain", "x"],
        "mod a { fn f() { if x { y } } } use super::super::cli;",
        "crate::cli",
    ),
    (
        &["domain", "x"],
        "fn f() { r#crate(); let c = '\"'; crate::api::f() } // '\"'",
        "crate::api::f",
    ),
    (&["domain", "x"], "use chrono::Utc; fn f() { Utc::now(); }", "Utc::now"),
    (&["domain", "x"], "fn f() { chrono::Utc::now(); }", "chrono::Utc::now"),
    (
        &["domain", "x"],
        "fn f<'a>(x: &'a str) { tokio::spawn(async {}); }",
        "tokio::spawn",
    ),
    (
        &["domain", "x"],
        "/* a /* nested */ comment */ use r2d2::Pool;",
        "r2d2::Pool",
    ),
    (
        &["db", "x"],
        "use crate::domain::transfer::propose;",
        "crate::domain::transfer::propose",
    ),
    (&["db", "x"], "use crate::domain;", "crate::domain"),
    (&["db", "columns"], "use crate::service;", "crate::service"),
    (&["db", "x"], "use crate::repository;", "crate::repository"),
    (
        &["repository", "x"],
        "use crate::service::transfers;",
        "crate::service::transfers",
    ),
    (&["repository", "x"], "use actix_web::web;", "actix_web::web"),
    (
        &["service", "x"],
        "use diesel::{QueryDsl, result::Error};",
        "diesel::QueryDsl",
    ),
    (
        &["service", "x"],
        "use crate::db::{Conn, schema::members};",
        "crate::db::schema::members",
    ),
    (
        &["service", "x"],
        "fn f() { crate::on_each!(c, |c| c) }",
        "crate::on_each",
    ),
    (&["service", "x"], "use crate::api::wire;", "crate::api::wire"),
    (
        &["api", "x"],
        "use crate::{repository as r, service};",
        "crate::repository",
    ),
    (
        &["api", "x"],
        "fn f(e: diesel::result::Error) {}",
        "diesel::result::Error",
    ),
    (&["api", "x"], "use crate::cli;", "crate::cli"),
    (&["jobs"], "use actix_web::HttpServer;", "actix_web::HttpServer"),
    (&["jobs", "x"], "use crate::api;", "crate::api"),
];

/// Each looks like a breach and is allowed.
const INNOCENT: &[(&[&str], &str)] = &[
    (
        &["domain", "x"],
        "// use diesel::prelude::*;\n/// See crate::db::Db.\nuse std::fmt;",
    ),
    (
        &["domain", "x"],
        "const A: &str = \"use crate::db;\"; const B: &str = r#\"x\" diesel::x\"#;",
    ),
    (
        &["domain", "x"],
        "use super::core::ids::MemberId; use self::inner::X; use crate::domain::core::time;",
    ),
    (&["domain", "x"], "mod tests { use super::*; use super::super::rule; }"),
    (
        &["domain", "x"],
        "fn f() -> impl Iterator<Item = u8> + use<> { 'l: loop { break 'l } }",
    ),
    (
        &["domain", "x"],
        "fn f(now: std::time::Duration) { core::time::Duration::now_ish() }",
    ),
    (&["domain"], "pub mod ids; mod dieselize;"),
    (
        &["db", "columns"],
        "use super::Conn; use crate::domain::{organization::Kind, time};",
    ),
    (
        &["repository", "x"],
        "use crate::{db::{Conn, schema::members}, domain, on_each}; use diesel::prelude::*;",
    ),
    (
        &["service", "x"],
        "use crate::db::{Conn, Db}; use diesel::result::Error;",
    ),
    (
        &["api", "x"],
        "use actix_web::web; use crate::service; mod tests { use crate::domain; }",
    ),
    (&["cli"], "use crate::{api, db, service}; use diesel::prelude::*;"),
];

#[test]
fn the_checker_finds_every_breach() {
    for (module, source, path) in BREACHES {
        assert_eq!(broken(source, module), [format!("1: {path}")], "{source}");
    }
}

#[test]
fn the_checker_accuses_nobody_innocent() {
    for (module, source) in INNOCENT {
        assert_eq!(broken(source, module), [""; 0], "{source}");
    }
}
