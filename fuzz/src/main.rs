//! A small driver for a stable toolchain: mutates a corpus with a deterministic generator.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml -- manifest --seconds 120 [--seed N] [CORPUS…]`
//!
//! The corpus of `manifest` is the repository's examples, the blocks of its documents, and the files that are named; the other targets take random bytes. The input that is tried stands
//! in `fuzz/artifacts/TARGET.last`: after a crash or a hang, it is the find. Inputs that take longer than a second are kept beside it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use h5mason_fuzz::TARGETS;

/// Longer inputs find nothing more, and slowly.
const MOST_BYTES: usize = 16 << 10;
const SLOW: Duration = Duration::from_secs(1);

fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let Some((name, target)) = TARGETS.iter().find(|(n, _)| *n == name) else {
        let names: Vec<_> = TARGETS.iter().map(|(n, _)| *n).collect();
        eprintln!("usage: h5mason-fuzz TARGET [--seconds N] [--seed N] [CORPUS…]; targets: {}", names.join(", "));
        std::process::exit(2);
    };
    let (mut seconds, mut seed, mut given) = (60, 1, Vec::new());
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).expect("a number");
        match arg.as_str() {
            "--seconds" => seconds = number(),
            "--seed" => seed = number(),
            _ => given.push(PathBuf::from(arg)),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut corpus = Vec::new();
    for folder in [root.join("examples"), root.join("docs"), root.join("tests/interop")].into_iter().chain(given) {
        collect(&folder, &mut corpus);
    }
    corpus.sort();
    let words = words(&corpus);
    let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    std::fs::create_dir_all(&artifacts).expect("a folder for finds");
    let last = artifacts.join(format!("{name}.last"));
    let mut random = Random(seed);
    let (start, mut runs, mut slow) = (Instant::now(), 0u64, 0);
    println!("{name}: {} seeds, {} words, seed {seed}", corpus.len(), words.len());
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = match corpus.get(runs as usize) {
            _ if *name != "manifest" => random.bytes(),
            Some(one) => one.clone(),
            None => mutated(&corpus, &words, &mut random),
        };
        std::fs::write(&last, &input).expect("a file for the input");
        let before = Instant::now();
        target(&input);
        if before.elapsed() > SLOW {
            slow += 1;
            std::fs::write(artifacts.join(format!("{name}.slow-{slow}")), &input).expect("a file for a find");
            println!("slow: {:?}", before.elapsed());
        }
        runs += 1;
    }
    println!("{runs} runs in {:?}, {slow} slow", start.elapsed());
}

/// Manifests, and the TOML blocks of documents.
fn collect(path: &Path, out: &mut Vec<Vec<u8>>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), out);
        }
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else { return };
    match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => out.push(text.into_bytes()),
        Some("md") => {
            for block in text.split("```toml").skip(1) {
                let body = block.split_once('\n').map_or("", |(_, body)| body).split("```").next().unwrap_or_default();
                let head = if body.contains("version = 1") { "" } else { "version = 1\n" };
                out.push(format!("{head}{body}").into_bytes());
            }
        }
        _ => {}
    }
}

/// Words and lines of the corpus, and values at the limits.
fn words(corpus: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let special: &[&str] = &[
        "0",
        "-1",
        "1e308",
        "nan",
        "inf",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "4294967296",
        "[]",
        "{}",
        "\"\"",
        "\"${x}\"",
        "\"$\"",
        "\"/\"",
        "\"..\"",
        "[[]]",
        "[0, 0]",
        "\"unlimited\"",
        "null",
        "true",
        "\\u0000",
        "\\u202e",
        "\u{202e}",
        "\"\\\\xFF\"",
        "1_000_000",
        "for = { i = 1000000 }\n",
        "[1, 2, 3]",
        "\"::\"",
        "\"-1\"",
        "{ path = \"/\", select = \"0\" }",
    ];
    let mut out: Vec<Vec<u8>> = special.iter().map(|w| w.as_bytes().to_vec()).collect();
    for text in corpus {
        let text = String::from_utf8_lossy(text);
        out.extend(text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(|w| w.as_bytes().to_vec()));
        out.extend(text.lines().map(|l| format!("{l}\n").into_bytes()));
        out.extend(text.lines().filter_map(|l| l.split_once(" = ")).map(|(_, value)| value.as_bytes().to_vec()));
    }
    out.sort();
    out.dedup();
    out
}

fn mutated(corpus: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut out = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(out.len() + 1);
        let longest = 1 << random.below(8);
        let end = (at + 1 + random.below(longest)).min(out.len());
        match random.below(10) {
            0 if at < out.len() => out[at] ^= 1 << random.below(8),
            1 => drop(out.drain(at..end)),
            2 => drop(out.splice(at..at, words[random.below(words.len())].clone())),
            3 => drop(out.splice(at..end, words[random.below(words.len())].clone())),
            // A word for a word, a value for a value, a line for a line.
            4 | 5 => replace_word(&mut out, at, words, random),
            6 | 7 => replace_value(&mut out, at, words, random),
            8 => {
                let copy = out[at..end].to_vec();
                let to = random.below(out.len() + 1);
                drop(out.splice(to..to, copy));
            }
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let until = (from + random.below(400)).min(other.len());
                drop(out.splice(at..at, other[from..until].to_vec()));
            }
        }
    }
    out.truncate(MOST_BYTES);
    out
}

fn replace_word(out: &mut Vec<u8>, at: usize, words: &[Vec<u8>], random: &mut Random) {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let start = out[..at].iter().rposition(|b| !inside(b)).map_or(0, |n| n + 1);
    let end = at + out[at..].iter().position(|b| !inside(b)).unwrap_or(out.len() - at);
    out.splice(start..end, words[random.below(words.len())].clone());
}

fn replace_value(out: &mut Vec<u8>, at: usize, words: &[Vec<u8>], random: &mut Random) {
    let Some(start) = out[at..].windows(3).position(|w| w == b" = ").map(|n| at + n + 3) else { return };
    let end = start + out[start..].iter().position(|b| *b == b'\n').unwrap_or(out.len() - start);
    out.splice(start..end, words[random.below(words.len())].clone());
}

/// SplitMix64.
struct Random(u64);

impl Random {
    /// Up to 300 bytes.
    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(300)).map(|_| self.below(256) as u8).collect()
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}
