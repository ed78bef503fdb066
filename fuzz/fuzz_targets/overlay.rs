//! `cargo +nightly fuzz run --features libfuzzer overlay`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h5mason_fuzz::overlay::overlay(data));
