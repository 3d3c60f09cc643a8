//! Decompresses gzip files.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::error::{FileError, MAX_FILE_BYTES};

/// Decompresses a gzip file; returns other files unchanged.
///
/// # Errors
/// If the data begins like gzip but is damaged, incomplete, or unpacks to more than [`MAX_FILE_BYTES`].
pub fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, FileError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.into());
    }
    let mut unpacked = vec![];
    // One byte more than the limit shows that the file is too large.
    let mut decoder = MultiGzDecoder::new(bytes).take(MAX_FILE_BYTES as u64 + 1);
    decoder.read_to_end(&mut unpacked).map_err(|_| FileError::Gzip)?;
    if unpacked.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge);
    }
    Ok(unpacked.into())
}
