//! `cargo +nightly fuzz run --features libfuzzer journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h5mason_fuzz::journal::journal(data));
