DROP TABLE reset_code_requests;
DROP INDEX appointment_requests_consent;
DROP INDEX appointment_requests_one_open;
UPDATE appointment_requests SET state = 'lapsed' WHERE state IN ('awaiting_consent', 'declined');
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id) WHERE state = 'open';
ALTER TABLE appointment_requests DROP COLUMN answered_at;
ALTER TABLE appointment_requests DROP COLUMN role;
