//! Gzip.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::{LARGEST_FILE, Unreadable};

/// The file itself, where it is packed by gzip; else what was given.
///
/// # Errors
/// When what begins like gzip is damaged, incomplete, or larger than [`LARGEST_FILE`] inside.
pub fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.into());
    }
    let mut unpacked = vec![];
    // One byte more tells a file that ends from one that goes on.
    let mut decoder = MultiGzDecoder::new(bytes).take(LARGEST_FILE as u64 + 1);
    decoder.read_to_end(&mut unpacked).map_err(|_| Unreadable::Gzip)?;
    if unpacked.len() > LARGEST_FILE {
        return Err(Unreadable::TooLarge);
    }
    Ok(unpacked.into())
}
