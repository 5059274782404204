-- set_zones: gives customers the clocks that what they told us means, unless they have told us something else since.
--   $1 customers  $2 what each told us  $3 the place that it means, of each
UPDATE customers
SET timezone = meant.zone, updated_at = switchboard_now()
FROM unnest($1::text[], $2::text[], $3::text[]) AS meant (id, given, zone)
WHERE customers.id = meant.id AND customers.timezone IS NULL AND customers.timezone_given = meant.given
RETURNING customers.id
