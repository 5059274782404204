#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| claims::timed_signature(input));
