#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ai_sdlc_fuzz::story(data);
});
