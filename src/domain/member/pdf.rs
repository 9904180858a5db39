//! What a file's content says about it as an application form: whether it is a PDF, locked, or without a page (ISO 32000-2,
//! 7.5). The file is read in pieces, and nothing of it is kept.

use memchr::memmem;

const HEADER: &[u8] = b"%PDF-";
const END: &[u8] = b"%%EOF";
const BOM: &[u8] = "\u{feff}".as_bytes();
/// How far from its ends a file is looked at for its header and its end.
const EDGE: usize = 1024;
/// The longest text that is searched for, with the blanks in it.
const LONGEST: usize = 64;

/// What was found in a file so far.
#[derive(Debug, Default)]
pub struct PdfScan {
    /// The first bytes.
    head: Vec<u8>,
    /// The last bytes that are no padding.
    tail: Vec<u8>,
    /// How many blanks have followed them.
    padding: usize,
    /// The end of the previous piece, in which a text may begin.
    carry: Vec<u8>,
    is_locked: bool,
    has_page: bool,
}

impl PdfScan {
    /// Reads the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let missing = EDGE.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        match piece.iter().rposition(|&byte| !is_blank(byte)) {
            None => self.padding += piece.len(),
            Some(last) => {
                self.tail.resize(self.tail.len() + self.padding.min(EDGE), b' ');
                self.tail
                    .extend_from_slice(&piece[(last + 1).saturating_sub(EDGE)..=last]);
                self.tail.drain(..self.tail.len().saturating_sub(EDGE));
                self.padding = piece.len() - last - 1;
            }
        }
        let window = [&self.carry, piece].concat();
        self.is_locked = self.is_locked || is_locked(&window);
        self.has_page = self.has_page || has_page(&window);
        self.carry = window[window.len().saturating_sub(LONGEST)..].to_vec();
    }

    /// Whether the file is a PDF. Some programs write a byte order mark or blanks before it, and pad it with blanks.
    pub fn is_pdf(&self) -> bool {
        let head = self.head.strip_prefix(BOM).unwrap_or(&self.head);
        head.trim_ascii_start().starts_with(HEADER) && memmem::find(&self.tail, END).is_some()
    }

    /// Whether it opens with a password only (7.6).
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Whether it may have a page (7.7.3.3). Pages may be packed into an object stream (7.5.7), which is not opened.
    pub fn has_page(&self) -> bool {
        self.has_page
    }
}

/// White space in a PDF (7.2.3).
fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn without_blanks(bytes: &[u8]) -> &[u8] {
    let begin = bytes.iter().position(|&byte| !is_blank(byte)).unwrap_or(bytes.len());
    &bytes[begin..]
}

/// What follows each occurrence of a text, without blanks before it.
fn after<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    memmem::find_iter(bytes, text).map(|at| without_blanks(&bytes[at + text.len()..]))
}

/// Whether a trailer has the entry Encrypt: a dictionary, or a reference such as `12 0 R`.
fn is_locked(bytes: &[u8]) -> bool {
    let number = |bytes: &[u8]| -> Option<usize> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0).then_some(digits)
    };
    let is_reference = |bytes: &[u8]| {
        let rest = number(bytes).map(|digits| without_blanks(&bytes[digits..]))?;
        let rest = number(rest).map(|digits| without_blanks(&rest[digits..]))?;
        rest.starts_with(b"R").then_some(())
    };
    after(bytes, b"/Encrypt").any(|entry| entry.starts_with(b"<<") || is_reference(entry).is_some())
}

/// Whether there is an object of the type Page, or an object stream.
fn has_page(bytes: &[u8]) -> bool {
    let is_page = |kind: &[u8]| {
        let rest = kind.strip_prefix(b"/Page");
        rest.is_some_and(|rest| rest.first().is_some_and(|byte| !byte.is_ascii_alphanumeric()))
    };
    memmem::find(bytes, b"/ObjStm").is_some() || after(bytes, b"/Type").any(is_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file read in pieces of a length.
    fn scan(file: &[u8], length: usize) -> PdfScan {
        let mut scan = PdfScan::default();
        file.chunks(length).for_each(|piece| scan.update(piece));
        scan
    }

    const BODY: &str = "1 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\ntrailer\n<< /Root 3 0 R >>\nstartxref\n9\n";

    #[test]
    fn o7_what_stands_before_and_behind_a_pdf_does_not_matter() {
        for (before, behind) in [
            ("", "\n"),
            ("\u{feff}", ""),
            ("\r\n", "\r\n"),
            ("\u{feff}\n  ", &*" ".repeat(5_000)),
            ("", &*"\0".repeat(3_000)),
        ] {
            let file = format!("{before}%PDF-1.7\n{BODY}%%EOF{behind}");
            for length in [1, 7, 64, 1_000, 100_000] {
                let scan = scan(file.as_bytes(), length);
                assert!(
                    scan.is_pdf() && !scan.is_locked() && scan.has_page(),
                    "{before:?} {length}"
                );
            }
        }
        for no_pdf in [
            "",
            "PK\u{3}\u{4} %PDF-1.7 %%EOF",
            "%PDF-1.7 cut off",
            "x%PDF-1.7\n%%EOF",
        ] {
            assert!(!scan(no_pdf.as_bytes(), 5).is_pdf(), "{no_pdf}");
        }
        let buried = format!("%PDF-1.7\n%%EOF{}", "x".repeat(2_000));
        assert!(!scan(buried.as_bytes(), 100).is_pdf());
    }

    #[test]
    fn o7_a_locked_pdf_says_so_in_its_trailer() {
        for entry in [
            "/Encrypt 12 0 R",
            "/Encrypt\n12\n0\nR",
            "/Encrypt<</Filter/Standard>>",
            "/Encrypt << >>",
        ] {
            let file = format!("%PDF-1.7\n{BODY}{entry}\n%%EOF");
            for length in [1, 9, 100_000] {
                assert!(scan(file.as_bytes(), length).is_locked(), "{entry}");
            }
        }
        for other in ["/EncryptMetadata true", "/Encrypt", "(/Encrypt this)", "/Encrypt 1 x R"] {
            assert!(
                !scan(format!("%PDF-1.7\n{other} %%EOF").as_bytes(), 10).is_locked(),
                "{other}"
            );
        }
    }

    #[test]
    fn o7_a_pdf_without_a_page_is_empty() {
        for (body, has_page) in [
            ("<</Type/Page/Parent 2 0 R>>", true),
            ("<</Type /Page>>", true),
            ("<</Type/ObjStm/N 7>>", true),
            ("<</Type/Pages/Kids[]/Count 0>>", false),
            ("<</Type/PageLabel>>", false),
            ("", false),
        ] {
            let file = format!("%PDF-1.7\n{body}\n%%EOF");
            assert_eq!(scan(file.as_bytes(), 3).has_page(), has_page, "{body}");
        }
    }
}
