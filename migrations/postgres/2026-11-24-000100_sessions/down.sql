ALTER TABLE reset_codes DROP COLUMN organization_id;
DROP TABLE wechat_bindings;
DROP TABLE attempts;
DROP TABLE sessions;
