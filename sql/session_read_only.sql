-- For statements of a user's own: whatever they call, nothing can be written. No statement may change this meanwhile.
SET SESSION TRANSACTION READ ONLY
