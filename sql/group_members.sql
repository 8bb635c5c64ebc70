-- The members of a replication group, and the part that this server has among them.
SELECT COUNT(*), MAX(IF(MEMBER_ID = @@server_uuid, MEMBER_STATE, NULL)), MAX(IF(MEMBER_ID = @@server_uuid, MEMBER_ROLE, NULL))
FROM performance_schema.replication_group_members
WHERE MEMBER_STATE <> 'OFFLINE'
