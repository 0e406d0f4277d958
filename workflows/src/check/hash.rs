//! Hashes of worlds and questions: fast, and the same on every machine.
//!
//! What is hashed is the explorer's own, so nobody can choose it to collide.

use std::hash::{BuildHasherDefault, Hasher};

pub(super) type Hashes = BuildHasherDefault<Fast>;

/// Turns and multiplies, word by word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fast(u64);

/// Two to the 64 by the golden ratio, made odd: its bits look like chance.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Fast {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.add(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.add(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.add(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        // Tables take the lowest bits and the highest; a product is best in its highest.
        self.0 ^ self.0 >> 32
    }
}
