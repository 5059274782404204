//! The HTTP clients for providers.
