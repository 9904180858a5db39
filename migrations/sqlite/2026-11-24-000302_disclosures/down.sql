DROP INDEX look_ups_age;
ALTER TABLE look_ups DROP COLUMN purpose;
ALTER TABLE look_ups DROP COLUMN fields;
ALTER TABLE look_ups DROP COLUMN kind;
