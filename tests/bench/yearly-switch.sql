-- The bare work of a yearly switch: turn the branches, add the cohort of the season, and add a history row and an audit row
-- for each branch.
BEGIN;
CREATE TEMP TABLE due AS SELECT id, graduation_month FROM organizations WHERE graduated_season IS NULL
    AND graduation_month <= :season * 100 + 12 AND kind = 'branch' AND sector = 'school' AND status = 'active';
-- Otherwise PostgreSQL expects only a few rows, and reads all members for each.
ANALYZE due;
UPDATE organizations SET graduated_season = :season, version = version + 1 WHERE id IN (SELECT id FROM due);
INSERT INTO cohort_members (season, member_id, branch_id, branch_path)
    SELECT :season, m.id, m.branch_id, m.branch_path FROM members m
    WHERE m.branch_id IN (SELECT id FROM due) AND m.mark IS NULL AND m.standing IN ('good', 'party_member')
    ON CONFLICT DO NOTHING;
INSERT INTO graduation_history (branch_id, at, event, automatic, old_month, new_month)
    SELECT id, :now, 'turned', TRUE, graduation_month, graduation_month FROM due ORDER BY id;
INSERT INTO audit_log (at, capacity, action, subject, subject_key, request_id)
    SELECT :now, 'service', 'branch.turned', 'org_' || (1000000000000 + id * 2654435761 % 4294967296), id, 'yearly-switch/1' FROM due ORDER BY id;
COMMIT;
