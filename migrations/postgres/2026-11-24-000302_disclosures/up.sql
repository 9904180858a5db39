-- In addition to look-ups: who saw a member's ID number or telephone in full, which of them, and for what purpose.
ALTER TABLE look_ups ADD COLUMN kind TEXT NOT NULL DEFAULT 'look_up';
ALTER TABLE look_ups ADD COLUMN fields TEXT;
ALTER TABLE look_ups ADD COLUMN purpose TEXT;
CREATE INDEX look_ups_age ON look_ups (at);
