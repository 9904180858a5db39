-- The query of a branch's member page, as the service sends it. One row more than is shown tells whether more follow.
\set b random(:first, :last)
SELECT id, branch_id, name, standing, certification, mark, mark_month, mark_reason, version FROM members WHERE branch_id = :b AND id > 0 ORDER BY id LIMIT 21;
