-- unprojected: nobody looks whether a call stands in its customer's row.
SELECT id FROM jobs WHERE false LIMIT $1
