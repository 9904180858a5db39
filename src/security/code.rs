//! One-time codes that people read to each other: 80 random bits in Crockford's base 32, in four groups.

/// Crockford's digits. No two of them look alike.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 16;
const GROUP: usize = 4;

/// A new code, such as `7K2M-Q8ZD-0RVA-PX4T`.
///
/// # Panics
/// When the operating system gives no randomness.
pub fn generate() -> String {
    // 256 is a multiple of 32, so every digit is equally likely.
    let digits = super::random::<LENGTH>().map(|byte| char::from(DIGITS[usize::from(byte % 32)]));
    let groups: Vec<String> = digits.chunks(GROUP).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The form in which codes are compared: in capitals, without separators and spaces, with letters that look like digits
/// replaced by those.
pub fn normal(text: &str) -> String {
    let significant = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
    significant
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn o5_a_code_is_four_groups_of_four_and_never_the_same() {
        let codes: HashSet<String> = (0..200).map(|_| generate()).collect();
        assert_eq!(codes.len(), 200);
        for code in codes {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
            assert_eq!(normal(&code).len(), LENGTH);
        }
    }

    #[test]
    fn o5_a_code_may_be_typed_as_it_is_heard() {
        assert_eq!(normal(" 7k2m q8zd-ORVA-pxl1 "), "7K2MQ8ZD0RVAPX11");
    }
}
