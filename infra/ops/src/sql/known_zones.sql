-- known_zones: of these places, the ones that this server knows too.
SELECT zone FROM unnest($1::text[]) AS zone WHERE is_time_zone(zone)
