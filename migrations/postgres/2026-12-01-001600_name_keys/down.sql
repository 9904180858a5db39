DROP INDEX organizations_sibling_name;
CREATE UNIQUE INDEX organizations_sibling_name ON organizations (parent_id, name) WHERE closed_at IS NULL;
ALTER TABLE organizations DROP COLUMN name_key;
