//! What another system's credential may be used for: its scopes (RFC 6749, section 3.3), and how far they reach.

use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::Path;

vocabulary! {
    /// A kind of resource and what you may do with it.
    Scope {
        OrganizationsRead = "organizations:read", "查看组织", "read organizations and their lists";
        MembersRead = "members:read", "查看团员", "read members and their lists";
        TransfersRead = "transfers:read", "查看转接", "read transfers, their lists and histories";
        TransfersAnswer = "transfers:answer", "答复转往本省市的转接", "answer transfers into the province";
        InboundPropose = "inbound:propose", "发起、撤销转出本省市的转接", "propose transfers out of the province and withdraw them";
    }

    /// How far the scopes reach from the credential's organization.
    Reach {
        Own = "self", "本组织", "the organization itself";
        Below = "self_and_below", "本组织及下级", "the organization and everything below it";
    }
}

impl Scope {
    /// Whether the scope is only for the system of an external province (X1, X2).
    pub fn is_provincial(self) -> bool {
        matches!(self, Self::TransfersAnswer | Self::InboundPropose)
    }
}

/// What a credential grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The path of its organization.
    pub path: Path,
    /// How far it reaches from there.
    pub reach: Reach,
    /// The scopes, each once, in the order of [`Scope::ALL`].
    pub scopes: Vec<Scope>,
}

impl Grant {
    /// Every scope, for an organization at the root of its own tree. For tests of what follows the authority check.
    pub fn everything(organization: OrganizationId) -> Self {
        Self {
            path: Path::root(organization),
            reach: Reach::Below,
            scopes: Scope::ALL.to_vec(),
        }
    }

    /// Checks that the grant holds a scope.
    ///
    /// # Errors
    /// `integrator.scope_missing`.
    pub fn check_scope(&self, scope: Scope) -> Result<(), Code> {
        if self.scopes.contains(&scope) {
            Ok(())
        } else {
            Err(Code::IntegratorScopeMissing)
        }
    }

    /// Whether a path is within the grant's reach.
    pub fn reaches(&self, path: &Path) -> bool {
        match self.reach {
            Reach::Own => *path == self.path,
            Reach::Below => path.is_within(&self.path),
        }
    }
}

/// The scopes in the order of [`Scope::ALL`], each once.
pub fn ordered(scopes: &[Scope]) -> Vec<Scope> {
    let all = Scope::ALL.iter().copied();
    all.filter(|scope| scopes.contains(scope)).collect()
}

/// The stored form of scopes: their names separated by spaces, as in RFC 6749.
pub fn text(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

/// Reads the stored form of scopes. `None` if the text contains anything else.
pub fn parse(text: &str) -> Option<Vec<Scope>> {
    text.split_whitespace().map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_survive_being_stored_in_order_and_once() {
        let given = [Scope::InboundPropose, Scope::MembersRead, Scope::InboundPropose];
        let scopes = ordered(&given);
        assert_eq!(text(&scopes), "members:read inbound:propose");
        assert_eq!(parse(&text(&scopes)), Some(scopes));
        assert_eq!(parse("members:read everything"), None);
        assert_eq!(parse(""), Some(Vec::new()));
    }

    #[test]
    fn a_grant_reaches_as_far_as_it_says() {
        let path = Path::root(OrganizationId(1)).child(OrganizationId(2));
        let grant = |reach| Grant {
            path: path.clone(),
            reach,
            scopes: vec![Scope::MembersRead],
        };
        let below = path.child(OrganizationId(3));
        let above = Path::root(OrganizationId(1));
        for (place, own, reaches) in [(&path, true, true), (&below, false, true), (&above, false, false)] {
            assert_eq!(grant(Reach::Own).reaches(place), own);
            assert_eq!(grant(Reach::Below).reaches(place), reaches);
        }
        assert!(grant(Reach::Own).check_scope(Scope::MembersRead).is_ok());
        assert_eq!(
            grant(Reach::Own).check_scope(Scope::InboundPropose),
            Err(Code::IntegratorScopeMissing)
        );
    }
}
