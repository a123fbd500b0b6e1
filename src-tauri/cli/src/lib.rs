//! The `omlx` command line over the core.
