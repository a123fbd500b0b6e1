//! Test kit: fake servers, gates, and the product driven as a user would.
