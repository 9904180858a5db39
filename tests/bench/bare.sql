-- Tables for the bare work, as simple as possible.
CREATE TABLE bare_members (id BIGINT PRIMARY KEY, name TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE bare_cases (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, member_id BIGINT NOT NULL, state TEXT NOT NULL, proposed_at BIGINT NOT NULL);
CREATE TABLE bare_events (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, member_id BIGINT NOT NULL, number BIGINT NOT NULL, facts TEXT NOT NULL);
INSERT INTO bare_members SELECT n, 'member ' || n, 1 FROM generate_series(1, :members) n;
VACUUM ANALYZE bare_members;
