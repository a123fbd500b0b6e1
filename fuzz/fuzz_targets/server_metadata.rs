#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omlx_mcp::fuzzing::server_metadata(bytes));
