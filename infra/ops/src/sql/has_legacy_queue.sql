-- has_legacy_queue: whether the system before us left its queue.
SELECT to_regclass('legacy_call_queue') IS NOT NULL AS is_there
