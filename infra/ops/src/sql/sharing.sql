-- sharing: who else has a customer's telephone.
SELECT other.id
FROM customers AS customer JOIN customers AS other ON other.phone = customer.phone AND other.id <> customer.id
WHERE customer.id = $1
ORDER BY other.id
LIMIT 20
