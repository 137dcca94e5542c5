//! What an archive may come wrapped in: gzip or zstd, known by its first bytes.

use shared::error::{Context, Result};
use std::io::Read;

/// The plain archive, whatever it is wrapped in.
pub fn plain<'a>(mut tar: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let mut magic = [0; 4];
    let mut length = 0;
    while length < magic.len() {
        match tar.read(&mut magic[length..]).context("read an archive")? {
            0 => break,
            got => length += got,
        }
    }
    let all = std::io::Cursor::new(magic[..length].to_vec()).chain(tar);
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(all)),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            Box::new(zstd::stream::read::Decoder::new(all).context("read a zstd archive")?)
        }
        _ => Box::new(all),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_wrapping_is_taken_off() {
        let text = b"plain text that is long enough";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        let zstd = zstd::stream::encode_all(&text[..], 1).unwrap();
        for wrapped in [text.to_vec(), gzip.finish().unwrap(), zstd, b"ab".to_vec(), Vec::new()] {
            let mut out = Vec::new();
            plain(wrapped.as_slice()).unwrap().read_to_end(&mut out).unwrap();
            assert!(out == text || out == wrapped);
        }
    }
}
