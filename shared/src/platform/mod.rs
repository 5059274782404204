//! What carries the domains: database, queue, HTTP, secrets, logs. Knows no domain.
pub mod http_client;
