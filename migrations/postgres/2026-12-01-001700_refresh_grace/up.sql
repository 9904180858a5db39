-- The refresh token that was replaced last, and the address from which it was: whoever lost the answer may ask once more
-- within a few seconds. Both are null once that has happened.
ALTER TABLE sessions ADD COLUMN replaced_digest BYTEA;
ALTER TABLE sessions ADD COLUMN replaced_address_digest BYTEA;
