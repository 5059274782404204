-- expire: never.
SELECT id FROM jobs WHERE false LIMIT $1
