//! Keeps `docs/walkthrough.md` true: runs its commands in one bash, in order, against a served demo, and compares their
//! answers with what the page shows.

use crate::support::process::{Process, run, zhuanjie};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// How the page starts the program, and the address it uses.
const PROGRAM: &str = "cargo run --release --";
const ADDRESS: &str = "127.0.0.1:8080";
/// Printed after each command's answer. No answer contains it.
const END: &str = "-- end of answer --";

/// A command, with the answer that the page shows, if it shows one.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    answer: Option<String>,
}

/// The page's steps, and the command of the server's terminal.
fn steps(page: &str) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut server): (Vec<Step>, Vec<String>) = (Vec::new(), Vec::new());
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let content: Vec<&str> = lines
            .by_ref()
            .map(|(line, _)| line)
            .take_while(|line| *line != "```")
            .collect();
        let content = content.join("\n");
        match language {
            "sh" => server.push(content),
            "bash" => steps.push(Step {
                line: number,
                command: content,
                answer: None,
            }),
            "text" => {
                let step = steps.last_mut().expect("an answer follows a command");
                assert!(step.answer.replace(content).is_none(), "line {number}: a second answer");
            }
            other => panic!("line {number}: a block of {other:?}, which this test does not check"),
        }
    }
    (steps, server)
}

/// A part of what the page shows.
#[derive(Debug)]
enum Part {
    /// The text as the page has it.
    Text(String),
    /// `…`: anything.
    Gap,
    /// Text that differs each time: one or more characters of a kind.
    Volatile(fn(char) -> bool),
}

/// A text without white space, since the page breaks lines where the service does not.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

fn parts(shown: &str) -> Vec<Part> {
    const HOLES: [&str; 4] = ["…", "<time>", "<token>", "<id>"];
    let shown = dense(shown);
    let (mut rest, mut parts) = (shown.as_str(), Vec::new());
    while let Some((at, hole)) = HOLES.iter().filter_map(|hole| Some((rest.find(hole)?, *hole))).min() {
        parts.push(Part::Text(rest[..at].to_owned()));
        parts.push(match hole {
            "…" => Part::Gap,
            "<time>" => Part::Volatile(|c| c.is_ascii_digit() || "TZ:.-".contains(c)),
            _ => Part::Volatile(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
        });
        rest = &rest[at + hole.len()..];
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

/// Whether an answer without white space is what the page shows.
fn fits(parts: &[Part], answer: &str) -> bool {
    match parts.split_first() {
        None => answer.is_empty(),
        Some((Part::Text(text), rest)) => answer
            .strip_prefix(text.as_str())
            .is_some_and(|answer| fits(rest, answer)),
        Some((Part::Volatile(kind), rest)) => {
            let after = answer.trim_start_matches(kind);
            after.len() < answer.len() && fits(rest, after)
        }
        Some((Part::Gap, rest)) => {
            let mut ends = answer.char_indices().map(|(at, _)| at).chain([answer.len()]);
            ends.any(|at| fits(rest, &answer[at..]))
        }
    }
}

/// One script of all commands, so that a command can use what an earlier one sets.
fn script(steps: &[Step], host: &str) -> String {
    let program = format!("'{}'", env!("CARGO_BIN_EXE_zhuanjie"));
    let command = |step: &Step| step.command.replace(PROGRAM, &program).replace(ADDRESS, host);
    let block = |step: &Step| format!("{}\necho '{END}'\n", command(step));
    steps.iter().map(block).collect()
}

/// A directory for this test alone. It is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("zhuanjie-walkthrough-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes to the stream itself, because the test harness captures what a passing test prints.
fn tools_are_there() -> bool {
    let there = |name: &str| Command::new(name).arg("--version").output().is_ok();
    let missing: Vec<&str> = ["bash", "curl"].into_iter().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    let text = format!(
        "\n*** docs/walkthrough.md was NOT tested: not found: {} ***\n\n",
        missing.join(", ")
    );
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    let required = ["ZHUANJIE_REQUIRE_POSTGRES", "CI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    assert!(!required, "{text}");
    false
}

#[test]
fn the_walkthrough_gives_what_it_says() {
    if !tools_are_there() {
        return;
    }
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/walkthrough.md");
    let (steps, server) = steps(&fs::read_to_string(page).expect("the page"));
    assert_eq!(server, [format!("{PROGRAM} demo")]);
    assert!(steps.len() > 30, "too few commands were found");
    let directory = Directory::new();
    let mut demo = zhuanjie(["demo", "--listen", "127.0.0.1:0"]);
    demo.current_dir(&directory.0);
    let (demo, base) = Process::serve(demo);
    let host = base.trim_start_matches("http://");

    let file = directory.0.join("commands.sh");
    fs::write(&file, script(&steps, host)).expect("the script");
    let mut bash = Command::new("bash");
    bash.arg(&file).current_dir(&directory.0).env("RUST_LOG", "off");
    let (_, lines) = run(bash);
    let mut answers = lines.split(|line| line == END);
    let mut wrong = Vec::new();
    for step in &steps {
        let answer = answers.next().unwrap_or_default().join("\n");
        let shown = step.answer.as_deref().unwrap_or_default();
        if !fits(&parts(shown), &dense(&answer)) {
            let Step { line, command, .. } = step;
            wrong.push(format!(
                "line {line}:\n{command}\n-- the page shows:\n{shown}\n-- it answers:\n{answer}\n"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/walkthrough.md is not true any more\n\n{}",
        wrong.join("\n")
    );
    assert!(demo.terminate().0.success());
}

#[test]
fn what_is_shown_is_compared_to_the_letter_but_for_its_holes() {
    let fits = |shown: &str, answer: &str| fits(&parts(shown), &dense(answer));
    assert!(fits("{\"a\": 1,\n \"b\": 2}", "{\"a\":1,\"b\":2}"));
    assert!(fits("{\"a\": 1, …}\nHTTP 200", "{\"a\":1,\"b\":2}\nHTTP 200"));
    assert!(fits("{… \"b\": 2}", "{\"a\":1,\"b\":3,\"b\":2}"));
    assert!(fits("\"at\": \"<time>\"", "\"at\":\"2026-06-20T01:00:00.123456Z\""));
    assert!(!fits("{\"a\": 1}", "{\"a\":1,\"b\":2}"));
    assert!(!fits("{\"a\": 1, …}\nHTTP 200", "{\"a\":1,\"b\":2}\nHTTP 201"));
    assert!(!fits("\"at\": \"<time>\"", "\"at\":\"\""));
    assert!(!fits("\"at\": \"<time>\"", "\"at\":\"soon\""));
    assert!(!fits("", "an unexpected error"));
}

#[test]
fn a_page_is_read_as_its_reader_pastes_it() {
    let (steps, server) =
        steps("x\n```sh\nserve\n```\n```bash\na=1\n```\ntext\n```bash\necho $a\n```\n\n```text\n1\n```\n");
    let step = |line, command: &str, answer: Option<&str>| Step {
        line,
        command: command.to_owned(),
        answer: answer.map(str::to_owned),
    };
    assert_eq!(steps, [step(5, "a=1", None), step(9, "echo $a", Some("1"))]);
    assert_eq!(server, ["serve"]);
}
