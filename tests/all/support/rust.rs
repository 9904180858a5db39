//! As much of Rust's grammar as is needed to find imports: words and marks without comments and strings, and the paths
//! they form.

use std::collections::BTreeSet;

/// A word or a mark of the language, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path in the source, made absolute (it begins with `crate::…` or the name of an external crate), with its line.
///
/// A glob import ends in `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub segments: Vec<String>,
    pub line: usize,
}

/// Words and marks of a source text. `::` is one mark; comments, strings, characters and lifetimes are left out.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut rest = source;
    let mut line = 1;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let length = match first {
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            let text = rest[..length].to_owned();
            found.push(Token { text, line });
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of the white space, comment, string, character or lifetime at the beginning of the text, if there is one.
fn skipped(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    // `r#word` is a word. Only the prefix is left out.
    if text.starts_with("r#") && text[2..].starts_with(is_word) {
        return Some(2);
    }
    let prefix = text.find(|c: char| !c.is_ascii_lowercase()).filter(|&n| n <= 2)?;
    match (&text[..prefix], &text[prefix..]) {
        ("r" | "br" | "cr", body) if body.starts_with(['"', '#']) => raw_string(body).map(|n| prefix + n),
        ("" | "b" | "c", body) if body.starts_with('"') => Some(prefix + quoted(body, '"')),
        ("" | "b", body) if body.starts_with('\'') => Some(prefix + character_or_lifetime(body)),
        _ => None,
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let here = &text[at..];
        at += if here.starts_with("/*") {
            depth += 1;
            2
        } else if here.starts_with("*/") {
            depth -= 1;
            2
        } else {
            here.chars().next().map_or(1, char::len_utf8)
        };
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(body: &str) -> Option<usize> {
    let hashes = body.find(|c| c != '#')?;
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 1 + inner.find(&end)? + end.len())
}

fn quoted(body: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

fn character_or_lifetime(body: &str) -> usize {
    let mut inner = body.chars().skip(1);
    match (inner.next(), inner.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(body, '\''),
        _ => 1 + body[1..].find(|c| !is_word(c)).unwrap_or(body.len() - 1),
    }
}

/// Every path of two segments or more and every imported path in the file of module `module` of the crate (`["domain",
/// "transfer"]`).
pub fn paths(source: &str, module: &[String]) -> Vec<Path> {
    let mut reader = Reader {
        tokens: tokens(source),
        at: 0,
        depth: 0,
        file: module.to_vec(),
        inline: Vec::new(),
        found: BTreeSet::new(),
    };
    reader.read();
    reader.found.into_iter().collect()
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// The module that the file defines.
    file: Vec<String>,
    /// The modules around the current place in the file, each with the depth of the braces outside it.
    inline: Vec<(String, usize)>,
    found: BTreeSet<Path>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            match (self.peek(0), self.peek(2)) {
                ("{", _) => self.depth += 1,
                ("}", _) => self.leave_block(),
                ("mod", "{") => self.inline.push((self.peek(1).to_owned(), self.depth)),
                ("use", _) => {
                    self.at += 1;
                    self.read_use(&[]);
                    continue;
                }
                ("extern", _) if self.peek(1) == "crate" => {
                    self.at += 2;
                    self.read_use(&[]);
                    continue;
                }
                (word, _) if word.starts_with(is_word) => {
                    self.read_inline();
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn leave_block(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.inline.last().is_some_and(|(_, outside)| *outside == self.depth) {
            self.inline.pop();
        }
    }

    /// Reads a path such as `a::b` at the current place. A single word is not a path.
    fn read_inline(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && self.peek(1).starts_with(is_word) {
            segments.push(self.peek(1).to_owned());
            self.at += 2;
        }
        if segments.len() > 1 {
            self.add(segments, line);
        }
    }

    /// Reads one tree of a `use` declaration, after `prefix`.
    fn read_use(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.peek(0).to_owned().as_str() {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !matches!(self.peek(0), "}" | "") {
                        self.read_use(&path);
                        // The comma, or a token that only a macro can put here.
                        if self.peek(0) != "}" {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "as" => self.at += 2,
                "self" if !path.is_empty() => self.at += 1,
                word if word == "*" || word.starts_with(is_word) => {
                    path.push(word.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        if path.len() > prefix.len() || !prefix.is_empty() {
            self.add(path, line);
        }
    }

    fn add(&mut self, segments: Vec<String>, line: usize) {
        let inline = self.inline.iter().map(|(name, _)| name);
        let mut module: Vec<&String> = self.file.iter().chain(inline).collect();
        let mut rest = segments.as_slice();
        let is_relative = matches!(rest[0].as_str(), "self" | "super");
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "super" => {
                    module.pop();
                }
                "self" => {}
                _ => break,
            }
            rest = after;
        }
        let segments = if is_relative {
            let root = "crate".to_owned();
            [&root].into_iter().chain(module).chain(rest).cloned().collect()
        } else {
            segments
        };
        self.found.insert(Path { segments, line });
    }
}
