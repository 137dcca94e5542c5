//! Texts that the kernel makes up when they are read: files below `/proc` and of control groups. They say
//! no size in advance, so none is asked for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Most of them fit.
const ROOM: usize = 4096;
/// No such text is longer; what is, is no text of the kernel's.
const LONGEST: u64 = 64 << 20;

/// The whole text.
pub fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let mut bytes = Vec::with_capacity(ROOM);
    // Read through `take`, because a file itself would be asked for its size and its position.
    let read = File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    if read as u64 == LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "longer than any text of the kernel's",
        ));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_short_and_long_texts() {
        assert!(super::read("/proc/self/stat").unwrap().contains(')'));
        let symbols = super::read("/proc/kallsyms").unwrap();
        assert!(symbols.len() > 4 * super::ROOM && symbols.ends_with('\n'));
        let missing = super::read("/proc/self/none").unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    }
}
