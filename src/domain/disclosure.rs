//! Which data of a member is masked, and how somebody came to see it (S-05; our decision, since the manual is silent).
//! [`super::authority`] decides who may: those who handle the member's records, as with one-time codes (O5).

use super::core::vocabulary::vocabulary;

vocabulary! {
    /// Data of a member that is masked unless somebody requests it.
    DisclosedField {
        IdNumber = "id_number", "身份证号", "the ID number";
        Phone = "phone", "手机号码", "the telephone number";
    }

    /// How somebody learned a member's data.
    DisclosureKind {
        LookedUp = "look_up", "按姓名和身份证号查询", "looked up by name and ID number";
        Revealed = "reveal", "查看完整信息", "seen in full";
    }
}

/// The fewest characters a stated purpose must have.
pub const SHORTEST_PURPOSE: usize = 4;

/// A telephone number with only its first three and last two characters shown. A number of at most six is hidden
/// entirely.
pub fn masked_phone(phone: &str) -> String {
    let places: Vec<char> = phone.chars().collect();
    let is_long = places.len() > 6;
    let shown = |at: usize| is_long && (at < 3 || at + 2 >= places.len());
    let mask = |(at, &place): (usize, &char)| if shown(at) { place } else { '*' };
    places.iter().enumerate().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s05_a_masked_telephone_number_shows_five_places() {
        assert_eq!(masked_phone("13812345678"), "138******78");
        assert_eq!(masked_phone("+8613812345678"), "+86*********78");
        assert_eq!(masked_phone("123456"), "******");
    }
}
