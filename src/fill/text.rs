//! Random texts and UUIDs.

use std::fmt::Write;

use rand::Rng;

use super::stream::{Stream, pieces};
use super::words::{Spare, below};
use crate::model::{Elements, Padding, StringLength, StringType};

/// The rules that write text.
pub(super) enum Texts {
    /// Characters of an alphabet, all equally likely; `shortest <= longest`.
    Random { shortest: u64, longest: u64, alphabet: Vec<char> },
    /// Version 4 of RFC 9562: 122 random bits.
    Uuid,
}

impl Texts {
    /// Words of one element. A text of any length comes from one, which begins a generator of its own.
    fn words(&self) -> u64 {
        match self {
            Texts::Random { .. } => 1,
            Texts::Uuid => 2,
        }
    }

    /// The text that the next words give.
    fn text(&self, rng: &mut impl Rng) -> String {
        match self {
            Texts::Random { shortest, longest, alphabet } => random(rng.next_u64(), *shortest, *longest, alphabet),
            Texts::Uuid => {
                let first = rng.next_u64();
                uuid(first, rng.next_u64())
            }
        }
    }

    /// Elements `start .. start + count`; all of them fit the type.
    pub(super) fn run(&self, stream: &Stream, t: &StringType, start: u64, count: usize) -> Elements {
        let texts = pieces(start, count).flat_map(|(first, count)| {
            let mut rng = stream.at(first, self.words());
            (0..count).map(move |_| self.text(&mut rng).into_bytes())
        });
        match t.length {
            StringLength::Variable => Elements::Strings(texts.map(Some).collect()),
            StringLength::Fixed(size) => {
                let pad = if t.padding == Padding::SpacePad { b' ' } else { 0 };
                let mut out = Vec::with_capacity(count * size);
                for mut text in texts {
                    text.resize(size, pad);
                    out.append(&mut text);
                }
                Elements::Fixed(out)
            }
        }
    }
}

fn random(word: u64, shortest: u64, longest: u64, alphabet: &[char]) -> String {
    let mut spare = Spare(word);
    let length = shortest + below(spare.word(), longest - shortest + 1);
    (0..length).map(|_| alphabet[below(spare.word(), alphabet.len() as u64) as usize]).collect()
}

fn uuid(first: u64, second: u64) -> String {
    let first = first & !0xF000 | 0x4000;
    let second = second & !(3 << 62) | 1 << 63;
    let mut out = String::with_capacity(36);
    let (low, mid, high) = (first >> 32, first >> 16 & 0xFFFF, first & 0xFFFF);
    // Writing to a String does not fail.
    let _ = write!(out, "{low:08x}-{mid:04x}-{high:04x}-{:04x}-{:012x}", second >> 48, second & ((1 << 48) - 1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::stream::Purpose;
    use crate::model::{Charset, Dtype};

    fn strings(texts: &Texts, start: u64, count: usize) -> Vec<String> {
        let stream = Stream::new(Purpose::Values, 1, b"/x");
        let Dtype::String(t) = Dtype::str() else { panic!() };
        match texts.run(&stream, &t, start, count) {
            Elements::Strings(list) => list.into_iter().map(|s| String::from_utf8(s.unwrap()).unwrap()).collect(),
            Elements::Fixed(_) | Elements::Nested(_) => panic!("no texts"),
        }
    }

    fn texts(shortest: u64, longest: u64, alphabet: &str) -> Texts {
        Texts::Random { shortest, longest, alphabet: alphabet.chars().collect() }
    }

    #[test]
    fn the_layout_of_rfc_9562() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        // Appendix A.3 of the RFC.
        assert_eq!(uuid(0x9191_08f7_52d1_1320, 0x1bac_f847_db41_48a8), "919108f7-52d1-4320-9bac-f847db4148a8");
    }

    #[test]
    fn uuids_differ() {
        let mut all = strings(&Texts::Uuid, 65_000, 5_000);
        assert!(all.iter().all(|u| u.len() == 36 && &u[14..15] == "4" && "89ab".contains(&u[19..20])));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5_000);
    }

    #[test]
    fn a_text_is_made_as_documented() {
        // The outputs of SplitMix64 begun at 1234567, divided by 2^64: 0.3501 0.1736 0.5322 0.2490 0.8895.
        assert_eq!(random(1_234_567, 2, 5, &['a', 'b', 'c', 'd']), "aca");
        assert_eq!(random(1_234_567, 4, 4, &['a', 'b', 'c', 'd']), "acad");
        assert_eq!(random(1_234_567, 0, 0, &['a']), "");
    }

    #[test]
    fn lengths_and_characters_are_uniform() {
        let all = strings(&texts(3, 12, "abcdé"), 0, 50_000);
        let mut lengths = [0usize; 13];
        let mut characters = [0usize; 5];
        for text in &all {
            lengths[text.chars().count()] += 1;
            text.chars().for_each(|c| characters["abcdé".chars().position(|a| a == c).unwrap()] += 1);
        }
        assert!(lengths[..3] == [0; 3] && lengths[3..].iter().all(|n| n.abs_diff(5_000) < 350), "{lengths:?}");
        let share = characters.iter().sum::<usize>() / 5;
        assert!(characters.iter().all(|n| n.abs_diff(share) < 1_500), "{characters:?}");
    }

    #[test]
    fn long_texts_are_reached_directly() {
        let long = texts(1 << 20, 1 << 20, "xyz");
        let last = strings(&long, u64::MAX - 1, 1);
        assert_eq!(last[0].len(), 1 << 20);
    }

    #[test]
    fn fixed_strings_are_padded() {
        let stream = Stream::new(Purpose::Values, 1, b"/x");
        for (padding, pad) in [(Padding::NullPad, 0), (Padding::NullTerm, 0), (Padding::SpacePad, b' ')] {
            let t = StringType { length: StringLength::Fixed(6), charset: Charset::Utf8, padding };
            let made = texts(0, 3, "aß").run(&stream, &t, 3, 100);
            let expected = strings(&texts(0, 3, "aß"), 3, 100).into_iter().flat_map(|s| {
                let mut bytes = s.into_bytes();
                bytes.resize(6, pad);
                bytes
            });
            assert_eq!(made, Elements::Fixed(expected.collect()));
        }
    }
}
