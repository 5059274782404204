#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| claims::chat_answer(input));
