//! Programs as child processes, especially the compiled binary.

use super::scratch::Watched;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than anything takes here. It limits a wait that would not end, and measures nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The compiled `zhuanjie`, with none of the caller's configuration in its environment.
pub fn zhuanjie<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    program(env!("CARGO_BIN_EXE_zhuanjie"), args)
}

/// The compiled `zhuanjie-bench`, with the same environment.
pub fn zhuanjie_bench<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    program(env!("CARGO_BIN_EXE_zhuanjie-bench"), args)
}

fn program<'a>(path: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    // So that the log of a panic shows where it happened.
    // Nobody asks whether it is ready, so it need not drain.
    command.env("RUST_BACKTRACE", "1").env("ZHUANJIE_DRAIN", "0").args(args);
    command
}

/// A standard input with one line.
pub fn typed(line: &str) -> Stdio {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writeln!(writer, "{line}").expect("room in the pipe");
    reader.into()
}

/// A running child process. It is killed when this value is dropped. If the test run is killed, the watchdog kills it.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    readers: Vec<JoinHandle<()>>,
    _watched: Watched,
}

impl Process {
    /// Starts a program and reads both of its streams line by line.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
        let watched = Watched::new(child.id());
        let (sender, lines) = channel();
        let readers = vec![
            read_lines(child.stdout.take().expect("stdout is piped"), sender.clone()),
            read_lines(child.stderr.take().expect("stderr is piped"), sender),
        ];
        Self {
            child,
            lines,
            seen: Vec::new(),
            readers,
            _watched: watched,
        }
    }

    /// Starts a program that serves, and waits for a line with `listening` and `http://host:port`. Returns the address
    /// too.
    pub fn serve(command: Command) -> (Self, String) {
        let mut process = Self::start(command);
        let base = process.wait_for(listening_address);
        (process, base)
    }

    /// Waits for the first unseen line for which `find` returns a value.
    ///
    /// # Panics
    /// If the program ends, or prints nothing for a minute. The message contains what it wrote.
    pub fn wait_for<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = find(&line);
                    self.seen.push(line);
                    if let Some(found) = found {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("it printed nothing for too long:\n{}", self.seen.join("\n")),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended instead:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill` is on every machine. The program of that name is not.
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &self.child.id().to_string()])
            .status();
        assert!(status.is_ok_and(|s| s.success()), "the process had already ended");
    }

    /// Waits until the process ends. Returns its status and every line it wrote.
    pub fn wait(mut self) -> (ExitStatus, Vec<String>) {
        // Both streams end with the process, so no polling is needed.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.seen.join("\n")),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        (status, std::mem::take(&mut self.seen))
    }

    /// Asks the process to end (`TERM`) and waits until it has.
    pub fn terminate(self) -> (ExitStatus, Vec<String>) {
        self.signal("TERM");
        self.wait()
    }

    /// Kills the process without notice, as a power cut would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            self.seen.extend(self.lines.try_iter());
            // The macro's output is shown with the failed test.
            eprintln!("---- the program wrote:\n{}", self.seen.join("\n"));
        }
    }
}

/// Runs a program to its end. Returns its status and every line it wrote to either stream.
pub fn run(command: Command) -> (ExitStatus, Vec<String>) {
    Process::start(command).wait()
}

fn read_lines(stream: impl Read + Send + 'static, lines: Sender<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    })
}

fn listening_address(line: &str) -> Option<String> {
    let (_, after) = line.split_once("listening")?;
    let address = &after[after.find("http://")?..];
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | ')' | '"' | '\u{1b}');
    let address = address.split(is_end).next()?;
    Some(address.trim_end_matches(['/', '.']).to_owned())
}

mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_known_by_the_line_in_which_it_says_that_it_listens() {
        let (server, base) = Process::serve(sh(
            "echo starting; echo 'listening on http://127.0.0.1:9/' >&2; exec sleep 60",
        ));
        assert_eq!(base, "http://127.0.0.1:9");
        let (status, lines) = server.terminate();
        assert!(!status.success());
        assert_eq!(lines.len(), 2);
    }

    #[test]
    #[should_panic(expected = "it ended instead")]
    fn a_server_that_ends_is_not_waited_for() {
        Process::serve(sh("echo cannot listen; exit 3"));
    }

    #[test]
    fn a_dropped_or_killed_process_is_gone() {
        for end in [drop as fn(Process), Process::kill] {
            let process = Process::start(sh("exec sleep 60"));
            let pid = process.child.id().to_string();
            let is_there = || run(sh(&format!("kill -0 {pid}"))).0.success();
            assert!(is_there());
            end(process);
            assert!(!is_there());
        }
    }

    #[test]
    fn the_binary_runs_with_an_environment_of_its_own() {
        let command = zhuanjie(["--version"]);
        assert!(command.get_envs().all(|(name, _)| {
            ["PATH", "RUST_BACKTRACE", "ZHUANJIE_DRAIN"]
                .iter()
                .any(|own| name == *own)
        }));
        assert!(run(command).0.success());
    }
}
