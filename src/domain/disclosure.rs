//! Who may see a member's personal data in full, and what is told to him about it (S-05; our decision, the manual does not
//! speak of it).

use super::actor::Actor;
use super::codes::Code;
use super::organization::Path;
use super::refusal::Refusal;
use super::vocabulary::vocabulary;

vocabulary! {
    /// What of a member is masked unless somebody asks for it.
    Field {
        IdNumber = "id_number", "公民身份号码", "the ID number";
        Phone = "phone", "手机号码", "the telephone number";
    }

    /// How somebody learned something of a member.
    DisclosureKind {
        LookedUp = "look_up", "按姓名和身份号码查询", "looked for by name and ID number";
        Revealed = "reveal", "查看完整信息", "seen in full";
    }
}

/// The shortest purpose that can be one.
pub const SHORTEST_PURPOSE: usize = 4;

/// Those who have to do with a member's papers may see them in full: the administrators of his branch and of its direct
/// superior, as with one-time codes (O5). Everybody further up sees them masked.
///
/// # Errors
/// `member.reveal_not_allowed`.
pub fn may_reveal(actor: &Actor, branch: &Path) -> Result<(), Refusal> {
    let mut near = branch.ids().rev().take(2);
    if near.any(|organization| actor.administers(organization)) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::MemberRevealNotAllowed);
    Err(match branch.ids().next_back() {
        Some(branch) => refusal.ask(branch),
        None => refusal,
    })
}

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
    use crate::domain::testing::*;

    #[test]
    fn s05_the_branch_and_its_direct_superior_see_in_full_and_nobody_further_up() {
        let path = class().path;
        let may = |actor: &Actor| may_reveal(actor, &path).map_err(|refusal| refusal.code);
        assert_eq!(may(&administrator(&class())), Ok(()));
        assert_eq!(may(&administrator(&college())), Ok(()));
        assert_eq!(may(&administrator(&university())), Err(Code::MemberRevealNotAllowed));
        assert_eq!(may(&Actor::system()), Err(Code::MemberRevealNotAllowed));
    }

    #[test]
    fn s05_a_masked_telephone_number_shows_five_places() {
        assert_eq!(masked_phone("13812345678"), "138******78");
        assert_eq!(masked_phone("+8613812345678"), "+86*********78");
        assert_eq!(masked_phone("123456"), "******");
    }
}
