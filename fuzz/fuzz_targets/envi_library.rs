#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| alunite::fuzzing::envi_library(data));
