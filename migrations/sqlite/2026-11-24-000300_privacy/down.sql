ALTER TABLE appointments DROP COLUMN role;
