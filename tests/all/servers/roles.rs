//! The PostgreSQL roles as `docs/operations.md` makes them: one owns the tables, and the one that serves can't change them
//! (S-18).

use crate::support::cluster::OwnCluster;
use crate::support::http::Client;
use crate::support::process::{self, Process, typed, zhuanjie};
use crate::support::shared_keys::SharedKeys;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::service::jobs::JobName;

/// The statements of the page's two blocks: for a superuser, and in the new database.
fn blocks() -> [Vec<String>; 2] {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).expect("the page");
    let (_, section) = page.split_once("### The roles").expect("the page tells of the roles");
    let mut found = section.split("```sql\n").skip(1).map(|rest| {
        let block = rest.split("```").next().expect("the end of a block");
        let statements = block
            .split(";\n")
            .map(str::trim)
            .filter(|statement| !statement.is_empty());
        statements.map(|statement| statement.replace('…', "secret")).collect()
    });
    [found.next().expect("a block"), found.next().expect("a second block")]
}

/// The address of the database for a role.
fn address(cluster: &OwnCluster, role: &str) -> String {
    format!("postgres://{role}:secret@{}/zhuanjie", cluster.host())
}

fn conn(address: &str) -> PgConnection {
    PgConnection::establish(address).expect("the server runs")
}

#[test]
fn s18_the_role_that_serves_need_not_own_the_tables() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    cluster.start(&[]);
    let [for_all, within] = blocks();
    for_all.iter().for_each(|statement| cluster.execute(statement));
    let superuser = format!("postgres://postgres@{}/zhuanjie", cluster.host());
    for statement in within {
        conn(&superuser)
            .batch_execute(&statement)
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    let shared = SharedKeys::new();
    let command = |role: &str, args: &[&str]| -> Command {
        let mut command = zhuanjie(args.iter().copied());
        command
            .env("DATABASE_URL", address(&cluster, role))
            .envs(shared.variables());
        command
    };
    let run = |role: &str, args: &[&str]| {
        let (status, lines) = process::run(command(role, args));
        (status.success(), lines.join("\n"))
    };
    let (done, said) = run("zhuanjie", &["migrate"]);
    assert!(!done && said.contains("as the role that owns it"), "{said}");
    let (done, said) = run("zhuanjie_owner", &["migrate"]);
    assert!(done, "{said}");
    let (done, said) = run("zhuanjie", &["migrate"]);
    assert!(done && said.contains("up to date"), "{said}");

    // The service works: every kind of command, and requests that write.
    let number = IdNumber::compose(110105, "1980-02-03".parse().expect("a day"), 77).expect("a number");
    let mut bootstrap = command("zhuanjie", &["bootstrap", "--administrator", "某某"]);
    bootstrap.stdin(typed(number.reveal()));
    let (status, lines) = process::run(bootstrap);
    assert!(status.success(), "{lines:?}");
    let code = lines
        .iter()
        .find_map(|line| line.strip_prefix("one-time code: "))
        .expect("a code")
        .to_owned();
    let (server, base) = Process::serve(command("zhuanjie", &["serve", "--no-jobs", "--listen", "127.0.0.1:0"]));
    let client = Client::new(&base);
    let reset = json!({"id_number": number.reveal(), "code": code, "new_password": "a better password"});
    client.post("/v1/auth/reset", &reset).expect(204);
    let sign_in = json!({"id_number": number.reveal(), "password": "a better password"});
    client.post("/v1/auth/sign-in", &sign_in).expect(200);
    assert!(server.terminate().0.success());
    for job in JobName::ALL {
        let (done, said) = run("zhuanjie", &["jobs", "run", job.as_str()]);
        assert!(done && said.contains(" 0 failed"), "{said}");
    }
    for args in [&["verify"][..], &["audit", "verify"], &["reseal"]] {
        let (done, said) = run("zhuanjie", args);
        assert!(done, "{args:?}: {said}");
    }

    // It can not take away what protects the log.
    let mut serving = conn(&address(&cluster, "zhuanjie"));
    for statement in [
        "DROP TRIGGER audit_log_stands ON audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TABLE audit_log",
        "TRUNCATE audit_log",
        "CREATE TABLE more (id BIGINT)",
        "SET session_replication_role = replica",
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
    ] {
        let refused = serving.batch_execute(statement).expect_err(statement).to_string();
        let is_refused = ["must be owner", "permission denied", "only appended to"]
            .iter()
            .any(|why| refused.contains(why));
        assert!(is_refused, "{statement}: {refused}");
    }
    // The control: the owner of the tables can.
    conn(&address(&cluster, "zhuanjie_owner"))
        .batch_execute("DROP TRIGGER audit_log_stands ON audit_log")
        .expect("it is the owner");
}
