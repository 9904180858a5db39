-- Siblings are told apart by the form in which names are compared (P7), so that none has the name of another in another
-- width, with other brackets or with blanks.
ALTER TABLE organizations ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE organizations SET name_key = name;
DROP INDEX organizations_sibling_name;
CREATE UNIQUE INDEX organizations_sibling_name ON organizations (parent_id, name_key) WHERE closed_at IS NULL;
