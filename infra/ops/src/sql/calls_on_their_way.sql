-- calls_on_their_way: requests that a permit allowed and whose answer is not known yet.
SELECT count(*) AS number FROM attempts WHERE channel = 'call' AND state = 'sending'
