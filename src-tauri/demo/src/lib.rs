//! An MCP server with its own authorization server on loopback, to try the product and to test against.
