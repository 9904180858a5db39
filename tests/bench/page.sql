-- The bare query of a branch's member page, as the page itself asks it: one more than is shown tells whether more follow.
\set b random(:first, :last)
SELECT id, branch_id, branch_path, name, id_number_sealed, phone_sealed, ethnic_group, political_status, education, joined_month, development_number, standing, real_name_check, certification, mark, mark_month, mark_reason, version, created_at FROM members WHERE branch_id = :b ORDER BY id LIMIT 21;
