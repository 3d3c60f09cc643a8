//! Bytes for fuzz targets that are nearly right: random ones rarely get past the first check.

use bolero::TypeGenerator;

/// A text of a list, and what is done to it.
#[derive(Debug, TypeGenerator)]
pub struct Nearly {
    which: u8,
    /// Where bytes are changed, and to what.
    changes: Vec<(u16, u8)>,
    more: Vec<u8>,
    cut: Option<u16>,
}

impl Nearly {
    /// The bytes that are nearly one of these texts.
    pub fn of(&self, texts: &[&str]) -> Vec<u8> {
        let mut bytes = texts[usize::from(self.which) % texts.len()].as_bytes().to_vec();
        for (at, byte) in &self.changes {
            let at = usize::from(*at) % (bytes.len() + 1);
            if at == bytes.len() { bytes.push(*byte) } else { bytes[at] = *byte }
        }
        bytes.extend(&self.more);
        bytes.truncate(self.cut.map_or(bytes.len(), usize::from));
        bytes
    }
}
