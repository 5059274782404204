-- A trigger function with its owner's rights is for the owner's triggers. Whoever may make a temporary table
-- could otherwise have it run on that. Triggers that exist need no right to their function.
REVOKE EXECUTE ON FUNCTION guard_attempt() FROM PUBLIC;
