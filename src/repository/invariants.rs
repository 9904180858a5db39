//! The invariants of the stored data. Each is a query, for both engines, that finds the rows that break it.
//!
//! The queries are plain SQL, so that they share no mistake with the query-builder statements that they check. Their
//! results name rows by key and hold no personal data.

use super::transfers::Transfer;
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::{policies, transfer_events, transfers};
use crate::db::sql::maintenance;
use crate::domain::core::ids::{AccountId, OrganizationId, TransferId};
use crate::domain::transfer::events::Event;
use diesel::prelude::*;

/// The largest number of rows that are named for a broken invariant.
pub const NAMED: usize = 20;

/// An invariant that a single query checks.
#[derive(Debug, Clone, Copy)]
pub struct Invariant {
    /// Its number, such as `I-02`.
    pub number: &'static str,
    /// What holds, as a sentence.
    pub holds: &'static str,
    /// Finds the rows that break it: one text column, `value`.
    query: &'static str,
}

impl Invariant {
    /// The rows that break the invariant, at most [`NAMED`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn broken(&self, conn: &mut Conn) -> QueryResult<Vec<String>> {
        maintenance::query_texts(
            conn,
            &format!("SELECT value FROM ({}) AS found LIMIT {NAMED}", self.query),
        )
    }
}

/// The invariants that a single query checks, by number.
pub const ALL: &[Invariant] = &[
    Invariant {
        number: "I-01",
        holds: "A member is in the branch of their one current membership. Only a member who moved to another system is in none.",
        query: "SELECT 'member ' || m.id AS value FROM members m
            LEFT JOIN memberships s ON s.member_id = m.id AND s.until IS NULL
            WHERE m.branch_id IS DISTINCT FROM s.branch_id OR (m.branch_id IS NULL) <> (m.standing = 'moved_out')",
    },
    Invariant {
        number: "I-01",
        holds: "A member's memberships neither overlap nor leave gaps, except while the member was in another system.",
        query: "SELECT 'membership ' || s.id AS value FROM (
                SELECT id, since, until, transfer_id, LAG(until) OVER stays AS before, ROW_NUMBER() OVER stays AS number
                FROM memberships WINDOW stays AS (PARTITION BY member_id ORDER BY since, id)) s
            LEFT JOIN transfers t ON t.id = s.transfer_id
            WHERE s.until < s.since OR (s.number > 1 AND
                (s.before IS NULL OR s.before > s.since OR (s.before < s.since AND t.source_province IS NULL)))",
    },
    Invariant {
        number: "I-02",
        holds: "A member has at most one open case.",
        query: "SELECT 'member ' || member_id AS value FROM transfers
            WHERE closed_at IS NULL AND member_id IS NOT NULL GROUP BY member_id HAVING count(*) > 1",
    },
    Invariant {
        number: "I-02",
        holds: "A person from another province has at most one open case, and their record is open exactly as long as the case.",
        query: "SELECT 'case ' || min(transfer_id) AS value FROM inbound_persons
            WHERE open GROUP BY id_number_digest HAVING count(*) > 1
            UNION ALL SELECT 'case ' || t.id FROM inbound_persons p JOIN transfers t ON t.id = p.transfer_id
            WHERE p.open <> (t.closed_at IS NULL)
            UNION ALL SELECT 'case ' || t.id FROM inbound_persons p
            JOIN members m ON m.id_number_digest = p.id_number_digest
            JOIN transfers t ON t.member_id = m.id AND t.closed_at IS NULL AND t.id <> p.transfer_id WHERE p.open",
    },
    Invariant {
        number: "I-03",
        holds: "Each decision was made by an administrator who held that office at that time, or by another system.",
        query: "SELECT 'case ' || e.transfer_id || ', event ' || e.number AS value FROM transfer_events e
            WHERE e.event IN ('approved', 'assigned', 'refused')
            AND NOT EXISTS (SELECT 1 FROM appointments a
                WHERE a.account_id = e.account_id AND a.organization_id = e.organization_id AND a.role = 'administrator'
                AND a.started_at <= e.at AND (a.ended_at IS NULL OR a.ended_at >= e.at))
            AND NOT EXISTS (SELECT 1 FROM integrators i WHERE i.account_id = e.account_id)",
    },
    Invariant {
        number: "I-03",
        holds: "A completed case was approved.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t WHERE t.state = 'completed' AND NOT EXISTS
            (SELECT 1 FROM transfer_events e WHERE e.transfer_id = t.id AND e.event = 'approved')",
    },
    Invariant {
        number: "I-04",
        holds: "Nobody decides their own case, or a case that they proposed. They may only assign a branch to a case that they proposed.",
        query: "SELECT 'case ' || e.transfer_id || ', event ' || e.number AS value FROM transfer_events e
            JOIN transfers t ON t.id = e.transfer_id LEFT JOIN accounts a ON a.member_id = t.member_id
            WHERE e.event IN ('approved', 'assigned', 'refused')
            AND (e.account_id = a.id OR (e.event <> 'assigned' AND e.account_id = t.proposer_account_id))",
    },
    Invariant {
        number: "I-07",
        holds: "A case is closed exactly when its state is final, since the instant that state began.",
        query: "SELECT 'case ' || id AS value FROM transfers
            WHERE (closed_at IS NULL) = (state IN ('completed', 'refused', 'withdrawn', 'expired')) OR closed_at <> since",
    },
    Invariant {
        number: "I-08",
        holds: "A case was ended at most once.",
        query: "SELECT 'case ' || transfer_id AS value FROM transfer_events
            WHERE event IN ('assigned', 'refused', 'withdrawn', 'expired') GROUP BY transfer_id HAVING count(*) > 1",
    },
    Invariant {
        number: "I-09",
        holds: "A case has one event for each transition, numbered from 1 without gaps.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t
            WHERE t.version <> (SELECT count(*) FROM transfer_events e WHERE e.transfer_id = t.id)
            OR t.version IS DISTINCT FROM (SELECT max(e.number) FROM transfer_events e WHERE e.transfer_id = t.id)
            OR 1 <> (SELECT min(e.number) FROM transfer_events e WHERE e.transfer_id = t.id)",
    },
    Invariant {
        number: "I-11",
        holds: "Each membership after the first began with a case that completed at that instant and led to that branch.",
        query: "SELECT 'membership ' || s.id AS value FROM memberships s JOIN transfers t ON t.id = s.transfer_id
            WHERE t.state <> 'completed' OR t.member_id IS DISTINCT FROM s.member_id OR t.closed_at <> s.since
            OR (NOT t.holding AND t.organization_id IS DISTINCT FROM s.branch_id)
            OR (t.holding AND NOT EXISTS (SELECT 1 FROM organizations h
                WHERE h.id = s.branch_id AND h.parent_id = t.organization_id AND h.purpose = 'special_unit'))
            UNION ALL SELECT 'membership ' || s.id FROM memberships s WHERE s.transfer_id IS NULL AND EXISTS
            (SELECT 1 FROM memberships e WHERE e.member_id = s.member_id AND e.since <= s.since AND e.id < s.id)",
    },
    Invariant {
        number: "I-11",
        holds: "A completed case moved its member.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t WHERE t.state = 'completed'
            AND t.organization_id IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM memberships s WHERE s.member_id = t.member_id AND s.transfer_id = t.id)
            UNION ALL SELECT 'case ' || t.id FROM transfers t WHERE t.state = 'completed'
            AND t.organization_id IS NULL AND NOT EXISTS
            (SELECT 1 FROM memberships s WHERE s.member_id = t.member_id AND s.until = t.closed_at)",
    },
    Invariant {
        number: "I-12",
        holds: "The assigned organization is a branch, and it is in the subtree of the receiving organization.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t JOIN organizations b ON b.id = t.organization_id
            JOIN organizations g ON g.id = t.target_id WHERE t.state = 'completed' AND NOT t.holding
            AND (b.kind <> 'branch' OR substr(b.path, 1, length(g.path)) <> g.path)",
    },
    Invariant {
        number: "I-13",
        holds: "The path of an organization is the path of its direct superior, followed by its own id.",
        query: "SELECT 'organization ' || o.id AS value FROM organizations o
            LEFT JOIN organizations p ON p.id = o.parent_id WHERE o.path <> coalesce(p.path, '') || o.id || '/'",
    },
    Invariant {
        number: "I-13",
        holds: "The province, school and leading organ stored with an organization are its nearest ones.",
        query: "SELECT 'organization ' || o.id AS value FROM organizations o
            LEFT JOIN organizations p ON p.id = o.parent_id WHERE
            o.province_id IS DISTINCT FROM
                CASE WHEN o.kind = 'leading_organ' AND o.level = 'province' THEN o.id ELSE p.province_id END
            OR o.school_id IS DISTINCT FROM CASE WHEN o.school_code IS NOT NULL
                OR (p.school_id IS NULL AND o.sector = 'school') THEN o.id ELSE p.school_id END
            OR o.leading_organ_id IS DISTINCT FROM
                CASE WHEN p.kind = 'leading_organ' THEN p.id ELSE p.leading_organ_id END",
    },
    Invariant {
        number: "I-13",
        holds: "Members and cases store the path of their branch.",
        query: "SELECT 'member ' || m.id AS value FROM members m JOIN organizations o ON o.id = m.branch_id
            WHERE o.path <> m.branch_path
            UNION ALL SELECT 'case ' || t.id FROM transfers t JOIN organizations o ON o.id = t.source_branch_id
            WHERE o.path <> t.source_path",
    },
    Invariant {
        number: "I-13",
        holds: "Open cases and requests store the names that their organizations have now.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t JOIN organizations o ON o.path = t.source_path
            WHERE t.closed_at IS NULL AND t.source_name <> o.name
            UNION ALL SELECT 'case ' || t.id FROM transfers t JOIN organizations o ON o.path = t.target_path
            WHERE t.closed_at IS NULL AND t.target_name <> o.name
            UNION ALL SELECT 'month change ' || c.id FROM month_changes c JOIN organizations o ON o.id = c.branch_id
            WHERE c.state = 'open' AND c.branch_name <> o.name",
    },
    Invariant {
        number: "I-14",
        holds: "A delayed graduate has a month and a reason. Other members have neither.",
        query: "SELECT 'member ' || id AS value FROM members
            WHERE (mark_month IS NOT NULL) <> (coalesce(mark, '') = 'delayed')
            OR (mark_reason IS NOT NULL) <> (coalesce(mark, '') = 'delayed')",
    },
    Invariant {
        number: "I-14",
        holds: "A delayed graduate's month is later than the branch's, unless the branch's was changed after it (M7).",
        query: "SELECT 'member ' || m.id AS value FROM members m JOIN organizations o ON o.id = m.branch_id
            WHERE m.mark = 'delayed' AND m.mark_month <= o.graduation_month AND NOT EXISTS
            (SELECT 1 FROM graduation_history g WHERE g.branch_id = o.id
                AND g.at >= (SELECT max(h.at) FROM mark_history h WHERE h.member_id = m.id))",
    },
    Invariant {
        number: "I-28",
        // Rows removed by retention were at least 180 days old (domain::retention::AUDIT_FLOOR).
        holds: "Every write has its audit entry, of the same account at the same instant.",
        query: "WITH effects (action, at, account, key) AS (
                SELECT CASE WHEN event IN ('proposed', 'assigned') THEN event ELSE 'decided' END,
                    at, account_id, transfer_id FROM transfer_events
                UNION ALL SELECT 'marked', at, account_id, member_id FROM mark_history
                UNION ALL SELECT 'graduation', at, account_id, branch_id FROM graduation_history
                UNION ALL SELECT CASE kind WHEN 'look_up' THEN 'looked_up' ELSE 'revealed' END, at, account_id, id FROM look_ups
                UNION ALL SELECT 'uploaded', uploaded_at, uploader_account_id, id FROM certifications
                UNION ALL SELECT 'certified', decided_at, decider_account_id, id FROM certifications
                    WHERE decided_at IS NOT NULL
                UNION ALL SELECT 'appointed', started_at, 0, id FROM appointments WHERE appointed_by IS NOT NULL
            ), wanted AS (
                SELECT action, at, coalesce(account, 0) AS account, count(*) AS rows, min(key) AS key FROM effects
                GROUP BY action, at, coalesce(account, 0)
            ), noted AS (
                SELECT action, at, account, count(*) AS rows FROM (SELECT at,
                    CASE action WHEN 'transfer.proposed' THEN 'proposed' WHEN 'transfer.assigned' THEN 'assigned'
                        WHEN 'mark.set' THEN 'marked' WHEN 'mark.undone' THEN 'marked'
                        WHEN 'graduation.marked' THEN 'graduation' WHEN 'branch.turned' THEN 'graduation'
                        WHEN 'month_change.proposed' THEN 'graduation' WHEN 'month_change.approved' THEN 'graduation'
                        WHEN 'month_change.refused' THEN 'graduation'
                        WHEN 'member.looked_up' THEN 'looked_up' WHEN 'member.revealed' THEN 'revealed'
                        WHEN 'certification.uploaded' THEN 'uploaded' WHEN 'certification.approved' THEN 'certified'
                        WHEN 'certification.refused' THEN 'certified' WHEN 'appointment.made' THEN 'appointed'
                        ELSE CASE WHEN action LIKE '%transfer.%' THEN 'decided' ELSE 'other' END END AS action,
                    CASE WHEN action = 'appointment.made' THEN 0 ELSE coalesce(account_id, 0) END AS account
                    FROM audit_log WHERE outcome = 'done') AS translated GROUP BY action, at, account
            ) SELECT 'what was ' || w.action || ' with key ' || w.key AS value FROM wanted w
            LEFT JOIN noted n ON n.action = w.action AND n.at = w.at AND n.account = w.account
            WHERE coalesce(n.rows, 0) < w.rows
            AND w.at >= coalesce((SELECT max(at) FROM audit_cuts), 0) - 180 * 86400000000",
    },
    Invariant {
        number: "I-31",
        holds: "An inbox entry of a case fits the state that the case is in.",
        query: "SELECT 'inbox entry ' || k.id AS value FROM inbox_entries k LEFT JOIN transfers t ON t.id = k.subject_id
            WHERE k.kind IN ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment')
            AND k.kind <> CASE coalesce(t.state, '') WHEN 'awaiting_leading_organ' THEN 'leading_organ'
                WHEN 'awaiting_province' THEN 'province' WHEN 'external_pending' THEN 'external_answer'
                WHEN 'awaiting_assignment' THEN 'assignment' WHEN 'awaiting_approval'
                THEN CASE t.side WHEN 'source' THEN 'approval_out' ELSE 'approval_in' END ELSE '' END",
    },
    Invariant {
        number: "I-31",
        holds: "An inbox with a case in it belongs to an organization where somebody may decide the case.",
        query: "SELECT 'inbox entry ' || k.id AS value FROM inbox_entries k JOIN transfers t ON t.id = k.subject_id
            LEFT JOIN inbound_persons own ON own.transfer_id = t.id AND own.open
            LEFT JOIN accounts own_account ON own_account.member_id = t.member_id
                OR t.member_id IS NULL AND own_account.id_number_digest = own.id_number_digest
            WHERE k.kind IN ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment')
            AND NOT EXISTS (SELECT 1 FROM appointments a JOIN accounts c ON c.id = a.account_id
                WHERE a.organization_id = k.organization_id AND a.ended_at IS NULL AND c.status = 'active'
                AND a.role = 'administrator'
                AND c.id IS DISTINCT FROM own_account.id
                AND (t.state = 'awaiting_assignment' OR c.id IS DISTINCT FROM t.proposer_account_id))",
    },
    Invariant {
        number: "I-31",
        holds: "An open case is in an inbox if anybody up to the root may decide it.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t JOIN organizations o ON o.id = t.organization_id
            LEFT JOIN inbound_persons own ON own.transfer_id = t.id AND own.open
            LEFT JOIN accounts own_account ON own_account.member_id = t.member_id
                OR t.member_id IS NULL AND own_account.id_number_digest = own.id_number_digest
            WHERE t.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM inbox_entries k WHERE k.subject_id = t.id AND k.kind IN
                ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment'))
            AND EXISTS (SELECT 1 FROM appointments a JOIN accounts c ON c.id = a.account_id
                JOIN organizations p ON p.id = a.organization_id AND substr(o.path, 1, length(p.path)) = p.path
                WHERE a.ended_at IS NULL AND c.status = 'active' AND c.id IS DISTINCT FROM own_account.id
                AND a.role = 'administrator'
                AND (t.state = 'awaiting_assignment' OR c.id IS DISTINCT FROM t.proposer_account_id))",
    },
    Invariant {
        number: "I-31",
        holds: "A case is listed as orphaned exactly when it is open and in no inbox.",
        query: "SELECT 'case ' || t.id AS value FROM transfers t WHERE (t.orphaned_at IS NOT NULL) <> (t.closed_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM inbox_entries k WHERE k.subject_id = t.id AND k.kind IN
                ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment')))",
    },
    Invariant {
        number: "I-33",
        holds: "A member has the same name and ID number in their account, and the same name in their cases.",
        query: "SELECT 'member ' || m.id AS value FROM members m JOIN accounts a ON a.member_id = m.id
            WHERE a.id_number_digest IS DISTINCT FROM m.id_number_digest OR a.name <> m.name
            UNION ALL SELECT 'case ' || t.id FROM transfers t JOIN members m ON m.id = t.member_id
            WHERE t.member_name <> m.name",
    },
    Invariant {
        number: "S-08",
        holds: "An account is blocked exactly when one of its blocks has no end.",
        query: "SELECT 'account ' || a.id AS value FROM accounts a WHERE (a.status = 'blocked') <> EXISTS
            (SELECT 1 FROM account_blocks b WHERE b.account_id = a.id AND b.unblocked_at IS NULL)",
    },
];

/// The damage that the engine finds in its own structures, at most [`NAMED`] lines (I-34).
///
/// # Errors
/// When the database fails.
pub fn unsound(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut found = maintenance::integrity_errors(conn)?;
    found.truncate(NAMED);
    Ok(found)
}

/// A case with its events in order. `None` stands for an event whose facts can't be read.
pub type History = (Transfer, Vec<Option<Event>>);

/// The next cases after an id, with their events.
///
/// # Errors
/// When the database fails.
pub fn histories(conn: &mut Conn, after: TransferId, limit: i64) -> QueryResult<Vec<History>> {
    type Row = (
        TransferId,
        i64,
        Micros,
        Option<AccountId>,
        Option<OrganizationId>,
        String,
    );
    use transfer_events::dsl;
    let cases: Vec<Transfer> = transfers::table
        .filter(transfers::id.gt(after))
        .order(transfers::id)
        .limit(limit)
        .select(Transfer::as_select())
        .load(conn)?;
    let last = cases.last().map_or(after, |case| case.id);
    let columns = (
        dsl::transfer_id,
        dsl::number,
        dsl::at,
        dsl::account_id,
        dsl::organization_id,
        dsl::facts,
    );
    let rows: Vec<Row> = dsl::transfer_events
        .filter(dsl::transfer_id.gt(after))
        .filter(dsl::transfer_id.le(last))
        .order((dsl::transfer_id, dsl::number))
        .select(columns)
        .load(conn)?;
    let mut rows = rows.into_iter().peekable();
    let with_events = |case: Transfer| {
        let mut events = Vec::new();
        while let Some((_, number, at, by, acting_for, facts)) = rows.next_if(|row| row.0 <= case.id) {
            let kind = serde_json::from_str(&facts).ok();
            events.push(kind.map(|kind| Event {
                number,
                at: at.into(),
                by,
                acting_for,
                kind,
            }));
        }
        (case, events)
    };
    Ok(cases.into_iter().map(with_events).collect())
}

/// Every stored policy, in every version. The default policies are not stored.
///
/// # Errors
/// When the database fails.
pub fn policies(conn: &mut Conn) -> QueryResult<Vec<String>> {
    policies::table.select(policies::body).load(conn)
}
