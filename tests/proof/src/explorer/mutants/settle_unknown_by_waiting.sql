-- settle_unknown: tries again in a minute.
SELECT state FROM jobs WHERE id = $1
