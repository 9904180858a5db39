ALTER TABLE sessions DROP COLUMN replaced_address_digest;
ALTER TABLE sessions DROP COLUMN replaced_digest;
