//! How each operation is called, one line each. A new operation of the document without a line here fails the test.
//!
//! A permitted call is stopped after the check of authority: by a stale version, a dry run, or a value that no rule
//! accepts. So every call can be tried from every position, and nothing changes.

use super::country::{About, Country, marked, pdf};
use crate::external::{going_to, number};
use serde_json::{Value, json};
use zhuanjie::domain::authority::Action;
use zhuanjie::domain::core::ids::OrganizationId;

/// What is sent in addition to the address.
pub enum Body {
    None,
    Json(fn(&str, &Country) -> Value),
    /// A form without files.
    Form(&'static str),
    Pdf,
}

pub struct Recipe {
    /// The operation's id.
    pub operation: &'static str,
    /// What it acts on.
    pub about: About,
    /// The permission for this use of it, where the handler demands less.
    pub action: Option<Action>,
    /// Only the objects with this name: their state lets the check of authority decide. With the others, only positions
    /// that may not see them are tried.
    pub only: Option<&'static str>,
    /// The query string. `{id}` stands for the object's id.
    pub query: &'static str,
    pub body: Body,
}

impl Recipe {
    const fn needs(self, action: Action) -> Self {
        Self {
            action: Some(action),
            ..self
        }
    }

    const fn only(self, name: &'static str) -> Self {
        Self {
            only: Some(name),
            ..self
        }
    }
}

const fn get(operation: &'static str, about: About) -> Recipe {
    list(operation, about, "")
}

const fn list(operation: &'static str, about: About, query: &'static str) -> Recipe {
    Recipe {
        operation,
        about,
        action: None,
        only: None,
        query,
        body: Body::None,
    }
}

const fn send(operation: &'static str, about: About, body: fn(&str, &Country) -> Value) -> Recipe {
    Recipe {
        body: Body::Json(body),
        ..get(operation, about)
    }
}

fn nothing(_: &str, _: &Country) -> Value {
    json!({})
}

fn reason(_: &str, _: &Country) -> Value {
    json!({"reason": "no"})
}

fn one(item: Value) -> Value {
    json!({"mode": "all_or_nothing", "dry_run": true, "items": [item]})
}

/// The current policy.
fn policy(_: &str, country: &Country) -> Value {
    country
        .world
        .admin("nation")
        .get("/v1/policies/2026")
        .expect(200)
        .json()
}

/// A proposal from another province, for a person whose ID number has a wrong check digit.
fn inbound(_: &str, country: &Country) -> Value {
    going_to(&country.world, "village", "张三", "110108200503040012")
}

/// A person to register, who joined before they were old enough. Each organization is sent another person, since look-ups
/// for one person are limited.
fn newcomer(id: &str, _: &Country) -> Value {
    let serial = id
        .bytes()
        .fold(7_u16, |serial, byte| (serial % 1000 * 31 + u16::from(byte)) % 1000);
    json!({"name": "张三", "id_number": number(serial), "joined_month": "2006-01"})
}

/// A proposal that lacks the fields of its reason.
fn proposal(member: &str) -> Value {
    json!({"reason": "unsettled", "details": {}, "member": {"id": member}})
}

pub const RECIPES: &[Recipe] = &[
    get("healthz", About::Public),
    get("readyz", About::Public),
    get("openapi_document", About::Public),
    get("list_errors", About::Public),
    get("get_error", About::Public),
    get("list_rules", About::Public),
    get("list_transfer_reasons", About::Public),
    send(
        "sign_in",
        About::Public,
        |_, _| json!({"id_number": "11010519491231002X", "password": "x"}),
    ),
    send(
        "reset_password",
        About::Public,
        |_, _| json!({"id_number": "11010519491231002X", "code": "x", "new_password": "12345678"}),
    ),
    Recipe {
        body: Body::Form("grant_type=client_credentials&client_id=x&client_secret=x"),
        ..get("get_token", About::Public)
    },
    get("jwks", About::Public),
    send("refresh", About::Public, |_, _| json!({"refresh_token": "x"})),
    send("wechat_login", About::Public, |_, _| json!({"code": "x"})),
    send(
        "wechat_bind",
        About::Public,
        |_, _| json!({"code": "x", "id_number": "11010519491231002X", "password": "x"}),
    ),
    get("me", About::Oneself),
    get("list_sessions", About::Oneself),
    get("my_disclosures", About::Oneself),
    get("list_audit", About::Oneself),
    send(
        "change_password",
        About::Oneself,
        |_, _| json!({"current_password": "x", "new_password": "x"}),
    ),
    send("wechat_unbind", About::Oneself, nothing),
    get("inbox_counts", About::Oneself),
    list("list_inbox", About::Oneself, "?kind=approval_in"),
    list("list_inbox", About::Oneself, "?kind=external_answer"),
    list("list_inbox", About::Oneself, "?kind=appointment"),
    get("list_month_changes", About::Oneself),
    get("get_policy", About::Nation),
    get("policy_history", About::Nation),
    send("change_policy", About::Nation, policy),
    get("list_jobs", About::Nation),
    get("list_integrators", About::Nation),
    send(
        "issue_integrator",
        About::Nation,
        |_, _| json!({"name": "a system", "organization": OrganizationId(9_999_999)}),
    ),
    send("revoke_integrator", About::Integrator, nothing),
    send("add_integrator_secret", About::Integrator, nothing),
    send("retire_integrator_secret", About::Integrator, nothing),
    get("get_organization", About::Organization),
    get("get_organization", About::Holding).needs(Action::ReadHolding),
    list("find_targets", About::Oneself, "?q=class"),
    list("find_targets", About::Organization, "?q=class&under={id}"),
    list("find_targets", About::Holding, "?q=class&under={id}").needs(Action::ReadHolding),
    list("list_organizations", About::Organization, "?under={id}&subtree=true"),
    send(
        "create_organization",
        About::Organization,
        |id, _| json!({"parent": id, "kind": "branch", "sector": "school", "stage": "regular_university", "name": "x"}),
    ),
    send(
        "rename_organization",
        About::Organization,
        |_, _| json!({"name": "another name"}),
    ),
    send("close_organization", About::Organization, nothing),
    send(
        "change_contact",
        About::Organization,
        |_, _| json!({"name": "somebody"}),
    ),
    list("list_members", About::Subtree, "?subtree=true&limit=200"),
    list(
        "list_organizations",
        About::Subtree,
        "?under={id}&subtree=true&limit=200",
    ),
    list("list_transfers", About::Subtree, "?under={id}&limit=200").needs(Action::ListTransfersBelow),
    list("list_members", About::Organization, "?subtree=true"),
    list("list_members", About::Organization, "?subtree=true&identity=delayed"),
    get("list_appointments", About::Organization),
    send("register_member", About::Organization, newcomer),
    send("preview_registration", About::Organization, newcomer),
    send(
        "appoint",
        About::Organization,
        |_, country| json!({"member": country.world.mem("class_1/2")}),
    ),
    send("mark_graduation", About::Organization, |id, _| {
        one(json!({"branch": id, "month": "2026-10"}))
    }),
    get("graduation_history", About::Organization),
    send(
        "propose_month_change",
        About::Organization,
        |id, _| json!({"branch": id, "month": "2026-10", "reason": "x"}),
    ),
    get("get_month_change", About::MonthChange),
    send("approve_month_change", About::MonthChange, nothing),
    send("refuse_month_change", About::MonthChange, reason),
    send("end_appointment", About::EndedOffice, nothing),
    send("issue_office_code", About::Office, nothing),
    // Without a reason nobody is blocked.
    send("block_officer", About::Office, nothing),
    send("unblock_officer", About::Office, nothing),
    get("get_appointment_request", About::OfficeRequest),
    send("approve_appointment_request", About::OfficeRequest, nothing),
    send("refuse_appointment_request", About::OfficeRequest, reason),
    send("consent_to_appointment", About::OwnRequest, nothing),
    send("decline_appointment", About::OwnRequest, nothing),
    get("get_member", About::Member),
    get("mark_history", About::Member),
    get("list_member_changes", About::Member),
    send("change_member", About::Member, |_, _| json!({"phone": "13800000001"})),
    send("mark_members", About::Member, |id, _| {
        one(json!({"member": id, "identity": "teacher"}))
    }),
    send(
        "undo_marks",
        About::Member,
        |id, _| json!({"mode": "all_or_nothing", "dry_run": true, "items": [{"member": id}]}),
    ),
    send("issue_member_code", About::Member, nothing),
    send("block_member", About::Member, nothing),
    send("unblock_member", About::Member, nothing),
    send("issue_member_codes", About::Member, |id, _| json!({"items": [id]})),
    send(
        "reveal_member",
        About::Member,
        |_, _| json!({"fields": ["id_number"], "purpose": "核对入团志愿书"}),
    ),
    get("get_certification", About::Member),
    Recipe {
        body: Body::Pdf,
        ..get("upload_form", About::Uploading)
    },
    get("download_form", About::Form),
    send("approve_certification", About::Form, nothing),
    send("refuse_certification", About::Form, reason),
    send(
        "look_up_member",
        About::Person,
        |_, country| json!({"name": marked("class_2/1"), "id_number": country.world.id_number("class_2/1")}),
    ),
    send("propose_inbound_transfer", About::Person, inbound),
    send("preview_inbound_transfer", About::Person, inbound),
    send(
        "propose_transfer",
        About::Oneself,
        |_, _| json!({"reason": "unsettled", "details": {}}),
    )
    .needs(Action::ProposeForOneself),
    send(
        "preview_transfer",
        About::Oneself,
        |_, _| json!({"reason": "unsettled", "details": {}}),
    )
    .needs(Action::ProposeForOneself),
    send("propose_transfer", About::Member, |id, _| proposal(id)).needs(Action::ProposeAsSource),
    send("preview_transfer", About::Member, |id, _| proposal(id)).needs(Action::ProposeAsSource),
    list("list_transfers", About::Oneself, "?side=out&limit=200"),
    list("list_transfers", About::Oneself, "?side=in&limit=200"),
    list("list_transfers", About::Organization, "?under={id}").needs(Action::ListTransfersBelow),
    get("get_transfer", About::Transfer),
    get("transfer_history", About::Transfer),
    send("approve_transfer", About::Transfer, nothing).only("approval_in"),
    send("refuse_transfer", About::Transfer, reason).only("approval_in"),
    send(
        "assign_transfer",
        About::Transfer,
        |_, country| json!({"branch": country.world.org("village")}),
    )
    .only("assignment"),
    send("withdraw_transfer", About::Transfer, nothing),
    send("accept_external_transfer", About::Transfer, nothing).only("external_answer"),
    send("refuse_external_transfer", About::Transfer, reason).only("external_answer"),
    send("decide_transfers", About::Transfer, |id, _| {
        one(json!({"transfer": id, "action": "approve"}))
    })
    .only("approval_in"),
    // The last one, because it ends the sessions that all others use.
    send("sign_out", About::Oneself, nothing),
];

impl Recipe {
    /// The body for an object, with its media type.
    pub fn content(&self, id: &str, country: &Country) -> Option<(&'static str, Vec<u8>)> {
        match self.body {
            Body::None => None,
            Body::Json(body) => Some(("application/json", body(id, country).to_string().into_bytes())),
            Body::Form(form) => Some(("application/x-www-form-urlencoded", form.as_bytes().to_vec())),
            Body::Pdf => Some(("application/pdf", pdf())),
        }
    }
}
