-- unknown_zones: customers without a clock who told us something.
SELECT id, timezone_given FROM customers WHERE timezone IS NULL AND timezone_given IS NOT NULL ORDER BY id
