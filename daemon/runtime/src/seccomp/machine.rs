//! The kernel's machine for filters, as far as filters use it: for tests.

/// What the filter sees of a call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub number: u32,
    pub audit: u32,
    pub arguments: [u64; 6],
}

/// Runs a filter on a call.
pub fn run(filter: &[u8], call: &Call) -> u32 {
    let word = |offset: u32| match offset {
        0 => call.number,
        4 => call.audit,
        16.. => (call.arguments[(offset as usize - 16) / 8] >> (8 * (offset % 8))) as u32,
        _ => 0,
    };
    let mut loaded = 0u32;
    let mut at = 0;
    loop {
        let bytes = &filter[at * 8..at * 8 + 8];
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        let value = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        let branch = |condition: bool| usize::from(if condition { bytes[2] } else { bytes[3] });
        at += 1;
        match code {
            0x20 => loaded = word(value),
            0x54 => loaded &= value,
            0x05 => at += value as usize,
            0x15 => at += branch(loaded == value),
            0x25 => at += branch(loaded > value),
            0x35 => at += branch(loaded >= value),
            0x06 => return value,
            other => panic!("instruction {other:#x}"),
        }
    }
}
