//! Identity certification (§2.8, O7): a real PDF of at most 20 MB, decided by the committee above.

use crate::support::answers;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use crate::support::{TestDb, both_engines};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

const NOW: &str = "2026-06-15T00:00:00Z";
const MB: usize = 1 << 20;

/// A PDF of this length, to judge by its first and last bytes.
pub fn pdf(length: usize) -> Vec<u8> {
    let (head, tail) = (&b"%PDF-1.7\n<</Type/Page>>\n"[..], &b"\nstartxref\n9\n%%EOF\n"[..]);
    let mut file = head.to_vec();
    file.resize(length.max(head.len() + tail.len()) - tail.len(), b' ');
    file.extend_from_slice(tail);
    file
}

/// The country with its members joined in 2021, so that they need a certification.
fn world(db: TestDb) -> World {
    let world = World::new(db, NOW);
    world
        .db
        .execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded'");
    world
}

fn upload(world: &World, by: &str, member: &str, body: Vec<u8>) -> Answer {
    upload_with(
        world,
        by,
        member,
        body,
        &format!("key-{by}-{}", world.db.count("certifications")),
    )
}

fn upload_with(world: &World, by: &str, member: &str, body: Vec<u8>, key: &str) -> Answer {
    let path = format!("/v1/members/{}/certification", world.mem(member));
    let client = world.admin(by);
    let request = client.request("POST", &path).header("content-type", "application/pdf");
    request.header("idempotency-key", key).body(body).send()
}

fn standing(world: &World, member: &str) -> String {
    let path = format!("/v1/members/{}/certification", world.mem(member));
    let found = world.person(member).get(&path).expect(200).json();
    found["certification"].as_str().expect("a standing").to_owned()
}

fn waiting(client: &Client) -> usize {
    let page = client.get("/v1/inbox?kind=certification").expect(200).json();
    page["items"].as_array().expect("items").len()
}

/// How many files are in the folder, complete or not. Its mark does not count.
fn files(world: &World) -> usize {
    let entries = std::fs::read_dir(&world.files).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).count()
}

both_engines! {
    fn o7_the_branch_uploads_and_the_committee_above_decides(db: TestDb) {
        let world = world(db);
        upload(&world, "college", "class_1/1", pdf(100)).refused(403, "certification.not_uploader");
        upload(&world, "class_2", "class_1/1", pdf(100)).refused(404, "member.not_found");
        assert_eq!(files(&world), 0);
        let form = upload(&world, "class_1", "class_1/1", pdf(100)).expect(201).json();
        let id = form["id"].as_str().expect("an id").to_owned();
        assert_eq!((standing(&world, "class_1/1").as_str(), files(&world)), ("waiting", 1));
        upload(&world, "class_1", "class_1/1", pdf(100)).refused(409, "certification.waiting");
        assert_eq!(files(&world), 1);
        assert_eq!(["class_1", "college", "university"].map(|name| waiting(&world.admin(name))), [0, 1, 0]);
        let path = |verdict: &str| format!("/v1/certifications/{id}/{verdict}");
        world.admin("class_1").decide(&path("approve"), 1, &json!({})).refused(403, "certification.not_approver");
        world.admin("university").decide(&path("approve"), 1, &json!({})).refused(403, "certification.not_approver");
        world.admin("employer").decide(&path("approve"), 1, &json!({})).refused(404, "certification.not_found");
        world.admin("college").decide(&path("approve"), 9, &json!({})).refused(412, "request.stale");
        world.admin("college").decide(&path("approve"), 1, &json!({})).expect(200);
        assert_eq!((standing(&world, "class_1/1").as_str(), waiting(&world.admin("college"))), ("certified", 0));
        world.admin("college").decide(&path("refuse"), 2, &json!({"reason": "缺页"})).refused(409, "certification.not_waiting");
        upload(&world, "class_1", "class_1/1", pdf(100)).refused(409, "certification.already_certified");
    }

    fn o7_a_refused_form_is_replaced(db: TestDb) {
        let world = world(db);
        let form = upload(&world, "class_1", "class_1/1", pdf(100)).expect(201).json();
        let path = format!("/v1/certifications/{}/refuse", form["id"].as_str().expect("an id"));
        world.admin("college").decide(&path, 1, &json!({})).refused(422, "approval.reason_required");
        world.admin("college").decide(&path, 1, &json!({"reason": "缺页"})).expect(200);
        assert_eq!(standing(&world, "class_1/1"), "refused");
        upload(&world, "class_1", "class_1/1", pdf(101)).expect(201);
        assert_eq!((standing(&world, "class_1/1").as_str(), files(&world)), ("waiting", 2));
        let found = world.admin("college").get(&format!("/v1/members/{}/certification", world.mem("class_1/1")));
        let history = found.expect(200).json()["history"].clone();
        assert_eq!((&history[0]["state"], &history[1]["decision_reason"]), (&json!("waiting"), &json!("缺页")));
    }

    fn o7_only_a_pdf_that_is_needed_is_accepted(db: TestDb) {
        let world = world(db);
        for body in [b"PK\x03\x04 not a PDF %%EOF".to_vec(), b"%PDF-1.7 cut off".to_vec(), Vec::new()] {
            upload(&world, "class_1", "class_1/1", body).refused(422, "certification.not_a_pdf");
        }
        world.db.execute("UPDATE members SET joined_month = 201912, certification = 'not_required'");
        upload(&world, "class_1", "class_1/1", pdf(100)).refused(409, "certification.not_required");
        assert_eq!((files(&world), world.db.count("certifications")), (0, 0));
        let client = world.admin("class_1");
        let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        client.write(&path, &json!({})).refused(415, "request.media_type");
    }

    fn o7_a_locked_or_empty_pdf_is_no_form(db: TestDb) {
        let world = world(db);
        let upload = |body: &str| upload(&world, "class_1", "class_1/1", body.into());
        upload("%PDF-1.7\n<</Type/Page>>\ntrailer <</Encrypt 4 0 R>>\n%%EOF").refused(422, "certification.pdf_locked");
        upload("%PDF-1.7\n<</Type/Pages/Count 0>>\n%%EOF").refused(422, "certification.pdf_empty");
        assert_eq!((files(&world), world.db.count("certifications")), (0, 0));
        let padding = " ".repeat(4_000);
        upload(&format!("\u{feff}\r\n%PDF-1.7\n<</Type/Page>>\n%%EOF\r\n{padding}")).expect(201);
    }

    fn o7_form_data_with_one_file_is_a_form(db: TestDb) {
        let world = world(db);
        let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        let client = world.admin("class_1");
        let part = |disposition: &str, content: &[u8]| {
            let head = format!("--b7\r\ncontent-disposition: form-data; {disposition}\r\ncontent-type: application/octet-stream\r\n\r\n");
            [head.as_bytes(), content, b"\r\n"].concat()
        };
        let send = |parts: &[Vec<u8>], end: &str| {
            let body = [&parts.concat()[..], end.as_bytes()].concat();
            let request = client.request("POST", &path).header("content-type", "multipart/form-data; boundary=b7");
            request.header("idempotency-key", &fresh_key()).body(body).send()
        };
        let file = part("name=\"file\"; filename=\"志愿书.pdf\"", &pdf(3_000));
        let text = part("name=\"member\"", "张三".as_bytes());
        let end = "--b7--\r\n";
        send(&[], end).refused(422, "certification.form_missing");
        send(std::slice::from_ref(&text), end).refused(422, "certification.form_missing");
        send(&[file.clone(), file.clone()], end).refused(422, "certification.form_missing");
        send(&[part("name=\"x\"", &[b'x'; 70_000]), file.clone()], end).refused(422, "certification.form_missing");
        send(&[part("name=\"f\"; filename=\"x.docx\"", b"PK")], end).refused(422, "certification.not_a_pdf");
        send(std::slice::from_ref(&file), "").refused(400, "request.malformed");
        assert_eq!((files(&world), world.db.count("certifications")), (0, 0));
        let sent = send(&[text, file], end).expect(201).json();
        assert_eq!(sent["bytes"], 3_000);
        let stored = world.admin("college").get(&format!("/v1/certifications/{}/form", sent["id"].as_str().expect("an id")));
        assert_eq!(stored.expect(200).text.as_bytes(), pdf(3_000));
    }

    fn o7_an_encoded_body_is_refused_with_what_to_send(db: TestDb) {
        let world = world(db);
        let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        let client = world.admin("class_1");
        for (path, kind) in [(path.as_str(), "application/pdf"), ("/v1/transfers", "application/json")] {
            let request = client.request("POST", path).header("content-type", kind).header("content-encoding", "gzip");
            let answer = request.header("idempotency-key", &fresh_key()).body(pdf(100)).send();
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{path}");
            answer.refused(415, "request.media_type");
        }
    }

    fn o7_why_the_old_school_refused_a_form_is_not_for_the_new_organization(db: TestDb) {
        let world = world(db);
        let form = |body| upload(&world, "class_1", "class_1/1", body).expect(201).json()["id"].as_str().expect("an id").to_owned();
        let decide = |form: &str, action: &str, body| world.admin("college").decide(&format!("/v1/certifications/{form}/{action}"), 1, &body).expect(200);
        decide(&form(pdf(100)), "refuse", json!({"reason": "缺页"}));
        decide(&form(pdf(101)), "approve", json!({}));
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let body = json!({"reason": "unsettled", "details": details, "target": world.org("village")});
        let case = world.person("class_1/1").write("/v1/transfers", &body).expect(201);
        let case = case.header("location").expect("an address").to_owned();
        world.at("2026-06-16T00:00:00Z");
        world.admin("village").decide(&format!("{case}/approve"), 1, &json!({})).expect(200);
        let reason = |client: &Client| {
            let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
            client.get(&path).expect(200).json()["history"][1]["decision_reason"].clone()
        };
        assert_eq!(reason(&world.person("class_1/1")), "缺页");
        assert_eq!(reason(&world.admin("province")), "缺页");
        for new in ["village", "township", "county"] {
            assert_eq!(reason(&world.admin(new)), serde_json::Value::Null, "{new}");
        }
    }

    fn o7_a_form_may_have_20_megabytes_and_no_more(db: TestDb) {
        let world = world(db);
        upload(&world, "class_1", "class_1/1", pdf(20 * MB)).expect(201);
        // The announced length is too long: answered before the first byte is sent.
        let answer = half(&world, "class_1/2", Some(20 * MB + 1), &[]);
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("certification.too_large"), "{answer}");
        // No length is announced: answered once the body is too long, though the client would send more.
        let answer = half(&world, "class_1/2", None, &pdf(20 * MB + 1));
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert_eq!((files(&world), world.db.count("certifications")), (1, 1));
    }

    fn o7_a_body_that_breaks_off_leaves_nothing(db: TestDb) {
        let world = world(db);
        let body = pdf(MB);
        let answer = half(&world, "class_1/1", Some(body.len()), &body[..MB / 2]);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
        // The server may notice it a moment after the client has gone.
        let gone = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            files(&world) == 0
        });
        assert!(gone, "a partial file is left");
        assert_eq!((world.db.count("certifications"), standing(&world, "class_1/1").as_str()), (0, "not_uploaded"));
    }

    fn o7_a_repeated_upload_is_one_upload(db: TestDb) {
        let world = world(db);
        let first = upload_with(&world, "class_1", "class_1/1", pdf(100), "again").expect(201);
        let second = upload_with(&world, "class_1", "class_1/1", pdf(100), "again").expect(201);
        assert_eq!((first.text, second.header("idempotent-replayed")), (second.text.clone(), Some("true")));
        upload_with(&world, "class_1", "class_1/1", pdf(101), "again").refused(422, "request.idempotency_key_reused");
        assert_eq!(files(&world), 1);
    }

    fn o7_a_form_is_downloaded_within_scope_only_and_as_an_attachment(db: TestDb) {
        let world = world(db);
        let form = upload(&world, "class_1", "class_1/1", pdf(200_000)).expect(201).json();
        let path = format!("/v1/certifications/{}/form", form["id"].as_str().expect("an id"));
        for client in [world.person("class_1/1"), world.admin("college"), world.admin("nation")] {
            let file = client.get(&path).expect(200);
            assert!(file.text.as_bytes() == pdf(200_000), "the content differs");
            assert_eq!(file.header("content-type"), Some("application/pdf"));
            assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
            assert!(file.header("content-disposition").is_some_and(|value| value.starts_with("attachment;")));
        }
        for client in [world.person("class_1/2"), world.admin("class_2"), world.admin("employer")] {
            client.get(&path).refused(404, "certification.not_found");
        }
        assert_eq!(world.db.number("SELECT count(*) AS value FROM audit_log WHERE action = 'certification.read'"), 3);
    }

    fn o7_a_vacant_committees_turn_passes_on_and_comes_back(db: TestDb) {
        let world = world(db);
        let office = |by: &str, at: &str| {
            let page = world.admin(by).get(&format!("/v1/organizations/{}/appointments", world.org(at))).expect(200).json();
            format!("/v1/appointments/{}/end", page["items"][0]["id"].as_str().expect("an id"))
        };
        upload(&world, "class_1", "class_1/1", pdf(100)).expect(201);
        world.admin("university").write(&office("university", "college"), &json!({})).expect(200);
        assert_eq!(waiting(&world.admin("university")), 1);
        let path = format!("/v1/organizations/{}/appointments", world.org("college"));
        world.admin("university").write(&path, &json!({"member": world.mem("class_2/1")})).expect(201);
        assert_eq!(waiting(&world.admin("university")), 0);
        // Where the branch itself is vacant, its direct superior uploads.
        let mut world = world;
        world.dismiss("class_2");
        world.appoint("dean", "college");
        upload(&world, "dean", "class_2/2", pdf(100)).expect(201);
    }
}

/// Sends the head of an upload and this much of its body, reads the answer, and disconnects.
fn half(world: &World, member: &str, announced: Option<usize>, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address()).expect("the server");
    let length = announced.map_or("transfer-encoding: chunked".to_owned(), |length| {
        format!("content-length: {length}")
    });
    let head = format!(
        "POST /v1/members/{}/certification HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {}\r\n\
         idempotency-key: half-{}\r\ncontent-type: application/pdf\r\n{length}\r\n\r\n",
        world.mem(member),
        world.token("class_1"),
        announced.unwrap_or_default(),
    );
    stream.write_all(head.as_bytes()).expect("the server listens");
    for piece in body.chunks(MB) {
        let framed = match announced {
            Some(_) => piece.to_vec(),
            None => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
        };
        // A server that has answered already need not read on.
        if stream.write_all(&framed).is_err() {
            break;
        }
    }
    if announced.is_some_and(|length| length > body.len() && !body.is_empty()) {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // The loop ends with a whole problem, because the server may keep the connection open.
    while !String::from_utf8_lossy(&answer).contains("request_id") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answers::hold_raw(&head, &answer);
    answer
}
