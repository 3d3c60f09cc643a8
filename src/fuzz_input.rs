//! Input of fuzz targets that is similar to valid input. Random bytes rarely get past the first check.

use bolero::TypeGenerator;

/// Random changes to a sample text.
#[derive(Debug, TypeGenerator)]
pub struct MutatedText {
    which: u8,
    /// Positions of changed bytes, and their new values.
    changes: Vec<(u16, u8)>,
    /// Bytes that are appended.
    more: Vec<u8>,
    /// The length at which the result is cut off.
    cut: Option<u16>,
}

impl MutatedText {
    /// The bytes of one of these samples with the changes.
    pub fn mutate(&self, samples: &[&str]) -> Vec<u8> {
        let mut bytes = samples[usize::from(self.which) % samples.len()].as_bytes().to_vec();
        for (at, byte) in &self.changes {
            let at = usize::from(*at) % (bytes.len() + 1);
            if at == bytes.len() { bytes.push(*byte) } else { bytes[at] = *byte }
        }
        bytes.extend(&self.more);
        bytes.truncate(self.cut.map_or(bytes.len(), usize::from));
        bytes
    }
}
