-- The bare query of a branch's member page.
\set b random(:first, :last)
SELECT id, branch_id, branch_path, name, standing, certification, mark, mark_month, mark_reason, version FROM members WHERE branch_id = :b ORDER BY id LIMIT 20;
