//! What of a member is masked, and how somebody came to see it (S-05; our decision, the manual does not speak of it). Who
//! may is in [`super::authority`]: those who have to do with his papers, as with one-time codes (O5).

use super::core::vocabulary::vocabulary;

vocabulary! {
    /// What of a member is masked unless somebody asks for it.
    DisclosedField {
        IdNumber = "id_number", "身份证号", "the ID number";
        Phone = "phone", "手机号码", "the telephone number";
    }

    /// How somebody learned something of a member.
    DisclosureKind {
        LookedUp = "look_up", "按姓名和身份证号查询", "looked up by name and ID number";
        Revealed = "reveal", "查看完整信息", "seen in full";
    }
}

/// The shortest purpose that can be one.
pub const SHORTEST_PURPOSE: usize = 4;

/// A telephone number with everything hidden but three places in front and two at the end; a short one is hidden whole.
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
