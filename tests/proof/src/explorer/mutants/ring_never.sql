-- ring_due: a doorbell is rung once.
SELECT id, cause AS person, rings FROM jobs WHERE false LIMIT $1
