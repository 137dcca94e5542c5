//! Golden bytes of both formats, the way back, and what damage does.

use super::*;
use std::fs::File;
use std::io::Write;

/// 2023-11-14T22:13:20.12Z
const AT: i64 = 1_700_000_000_120_000_000;

fn write(
    format: LogFormat,
    attributes: Option<&str>,
    lines: &[(Stream, &[u8], Ending)],
) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(format, attributes), Vec::new());
    for (stream, text, ends) in lines {
        encoder.append(*stream, AT, text, *ends, &mut out);
    }
    out
}

fn text(line: &Line<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    line.append_text(&mut out);
    out
}

#[test]
fn golden_json_file() {
    let tricky = b"a \"b\" \\ <&> \t\r\x1b\x7f \xff\xc3 \xc3\xa4 \xe2\x80\xa8";
    let out = write(LogFormat::JsonFile, None, &[(Stream::Stdout, tricky, Ending::Line)]);
    let expected = concat!(
        r#"{"log":"a \"b\" \\ \u003c\u0026\u003e \u0009\r\u001b"#,
        "\x7f",
        r#" \ufffd\ufffd ä \u2028\n","stream":"stdout","time":"2023-11-14T22:13:20.12Z"}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let lines: &[(_, &[u8], _)] = &[(Stream::Stderr, b"half", Ending::Piece)];
    let out = write(LogFormat::JsonFile, Some(r#"{"a":"b"}"#), lines);
    let expected = concat!(
        r#"{"log":"half","stream":"stderr","attrs":{"a":"b"},"time":"2023-11-14T22:13:20.12Z"}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn golden_local() {
    let lines: &[(_, &[u8], _)] = &[(Stream::Stderr, b"hi", Ending::Piece)];
    let out = write(LogFormat::Local, None, lines);
    let mut expected = vec![11, 0, 0, 0, 0xa3];
    expected.extend_from_slice(&AT.to_le_bytes());
    expected.extend_from_slice(b"hi\x0b\0\0\0");
    assert_eq!(out, expected);
}

#[test]
fn every_byte_comes_back() {
    let texts: Vec<Vec<u8>> = vec![
        (0..128).filter(|b| *b != b'\n').collect(),
        "ä€😀\u{2028}\u{2029}".repeat(50).into_bytes(),
        vec![b'x'; PIECE_BYTES],
        br"ends with a backslash and an n \n".to_vec(),
        br"\".to_vec(),
        Vec::new(),
    ];
    for format in [LogFormat::JsonFile, LogFormat::Local] {
        for ends in [Ending::Line, Ending::Piece] {
            for original in &texts {
                let attributes = Some(r#"{"time":"x","k":"},\"time\":\""}"#);
                let out = write(format, attributes, &[(Stream::Stderr, original, ends)]);
                let Step::Line(line, used) = next(format, &out) else { panic!("{out:?}") };
                assert_eq!((used, line.stream, line.ends), (out.len(), Stream::Stderr, ends));
                assert_eq!(line.at_nanos(), Some(AT));
                let expected = match ends {
                    Ending::Line => [original.as_slice(), b"\n"].concat(),
                    Ending::Piece => original.clone(),
                };
                assert_eq!(text(&line), expected);
                if format == LogFormat::JsonFile {
                    assert_eq!(line.attributes.as_deref(), attributes);
                    let known: serde_json::Value = serde_json::from_slice(&out).unwrap();
                    assert_eq!(known["log"].as_str().unwrap().as_bytes(), expected);
                }
            }
        }
    }
}

#[test]
fn other_orders_of_keys_are_understood_and_garbage_is_skipped() {
    let bytes = b"{\"time\":\"2023-11-14T22:13:20.12Z\",\"log\":\"a\\u00e4\\n\",\"stream\":\"stderr\"}\nnot json\n{\"lo";
    let Step::Line(line, used) = next(LogFormat::JsonFile, bytes) else { panic!() };
    assert_eq!((text(&line), line.stream), ("aä\n".as_bytes().to_vec(), Stream::Stderr));
    assert!(matches!(next(LogFormat::JsonFile, &bytes[used..]), Step::Broken(9)));
    assert!(matches!(next(LogFormat::JsonFile, &bytes[used + 9..]), Step::Incomplete));
    assert!(matches!(next(LogFormat::Local, b"\xff\xff\xff\xff12345678"), Step::Broken(1)));
    assert!(matches!(next(LogFormat::Local, b"\x0b\0"), Step::Incomplete));
}

#[test]
fn the_last_lines_are_found_and_torn_ends_too() {
    for format in [LogFormat::JsonFile, LogFormat::Local] {
        let mut lengths = vec![0];
        let mut out = Vec::new();
        let mut encoder = Encoder::new(format, None);
        for number in 0..5000 {
            let text = format!("line {number} {}", "y".repeat(number % 97));
            encoder.append(Stream::Stdout, AT, text.as_bytes(), Ending::Line, &mut out);
            lengths.push(out.len() as u64);
        }
        let name = format!("coffer-logline-{}-{format:?}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let mut file = options.open(&path).unwrap();
        file.write_all(&out).unwrap();
        for lines in [0, 1, 2, 3000, 5000, 6000] {
            let kept = lines.min(5000);
            let expected = Tail { offset: lengths[5000 - kept as usize], lines: kept };
            assert_eq!(tail(&file, format, out.len() as u64, lines).unwrap(), expected);
        }
        assert_eq!(torn(&file, format).unwrap(), out.len() as u64);
        file.set_len(out.len() as u64 - 3).unwrap();
        assert_eq!(torn(&file, format).unwrap(), lengths[4999]);
        file.set_len(0).unwrap();
        assert_eq!(torn(&file, format).unwrap(), 0);
        assert_eq!(tail(&file, format, 0, 3).unwrap(), Tail { offset: 0, lines: 0 });
        std::fs::remove_file(&path).unwrap();
    }
}
