-- The database's own id. Copies of the database have it too, and the folder of uploaded files belongs to it.
CREATE TABLE database_identity (
    id TEXT PRIMARY KEY
);
INSERT INTO database_identity (id) SELECT replace(gen_random_uuid()::text, '-', '');
