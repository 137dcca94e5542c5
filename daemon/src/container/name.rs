//! Names of containers: what is allowed, and making one up.

use shared::error::{Error, Result};
use shared::id::random;

/// Qualities, put first. Our own list.
const FIRST: &[&str] = &[
    "agile", "amber", "ample", "arctic", "basic", "bold", "brave", "brisk", "bright", "calm",
    "candid", "careful", "cheerful", "civil", "clear", "clever", "cobalt", "copper", "cosy",
    "crisp", "curious", "daring", "deft", "early", "eager", "earnest", "easy", "fair", "famous",
    "fancy", "fine", "fluent", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand",
    "handy", "happy", "hardy", "honest", "humble", "ideal", "jolly", "jovial", "keen", "kind",
    "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mighty", "mild", "modest", "neat",
    "nimble", "noble", "patient", "plain", "polite", "proper", "proud", "quick", "quiet", "rapid",
    "ready", "robust", "rosy", "sage", "serene", "sharp", "silent", "silver", "simple", "sincere",
    "sleek", "smart", "smooth", "snug", "solid", "sound", "spry", "stable", "steady", "stout",
    "sunny", "super", "swift", "tender", "tidy", "trim", "true", "upbeat", "urban", "useful",
    "valid", "vivid", "warm", "wise", "witty", "young", "zesty",
];

/// People who measured, proved, built or computed something, put second. Our own list.
const SECOND: &[&str] = &[
    "abel",
    "agnesi",
    "ampere",
    "archimedes",
    "babbage",
    "banach",
    "banneker",
    "bernoulli",
    "bessel",
    "bohr",
    "boole",
    "boyle",
    "brahe",
    "cantor",
    "carnot",
    "cauchy",
    "cavendish",
    "celsius",
    "chandra",
    "church",
    "cori",
    "coulomb",
    "crick",
    "curie",
    "dalton",
    "darwin",
    "descartes",
    "dijkstra",
    "dirac",
    "edison",
    "einstein",
    "elion",
    "erdos",
    "euclid",
    "euler",
    "faraday",
    "fermat",
    "fermi",
    "feynman",
    "fourier",
    "franklin",
    "galileo",
    "galois",
    "gauss",
    "germain",
    "goodall",
    "hamilton",
    "herschel",
    "hertz",
    "hilbert",
    "hopper",
    "hubble",
    "huygens",
    "hypatia",
    "jacobi",
    "joule",
    "kelvin",
    "kepler",
    "knuth",
    "kovalevskaya",
    "lagrange",
    "lamarr",
    "laplace",
    "leavitt",
    "leibniz",
    "linnaeus",
    "lovelace",
    "maxwell",
    "mayer",
    "mcclintock",
    "meitner",
    "mendel",
    "mendeleev",
    "mirzakhani",
    "napier",
    "newton",
    "nightingale",
    "nobel",
    "noether",
    "ohm",
    "pascal",
    "pasteur",
    "pauli",
    "payne",
    "perlman",
    "planck",
    "poincare",
    "ptolemy",
    "ramanujan",
    "ride",
    "riemann",
    "rubin",
    "rutherford",
    "sagan",
    "shannon",
    "somerville",
    "stokes",
    "tesla",
    "thales",
    "torvalds",
    "turing",
    "volta",
    "watt",
    "weyl",
    "wiles",
    "wu",
    "yalow",
];

/// Bytes of a name at most: it becomes a part of paths and DNS names.
const LONGEST: usize = 255;

/// A name without its leading slash, if it is allowed.
pub fn parse(asked: &str) -> Result<String> {
    let name = asked.strip_prefix('/').unwrap_or(asked);
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    // Docker's pattern asks for at least two characters.
    if first && rest && (2..=LONGEST).contains(&name.len()) {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid(format!(
            "Invalid container name ({asked}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )))
    }
}

/// A name such as `amber_kepler`; from the second attempt on with a number, so that a crowded host
/// still finds one.
pub fn generate(attempt: u32) -> String {
    let dice = random::<6>();
    let pick = |list: &[&'static str], at: usize| {
        list[usize::from(u16::from_le_bytes([dice[at], dice[at + 1]])) % list.len()]
    };
    let mut name = format!("{}_{}", pick(FIRST, 0), pick(SECOND, 2));
    if attempt > 0 {
        name.push_str(&u16::from_le_bytes([dice[4], dice[5]]).to_string());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dockers_characters() {
        assert_eq!(parse("/web").unwrap(), "web");
        assert_eq!(parse("a_b.c-1").unwrap(), "a_b.c-1");
        for bad in ["", "/", "-x", "a/b", "a b", "ä1", "a", "//web"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse("-x").unwrap_err().to_string(),
            "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        );
    }

    #[test]
    fn made_up_names_are_allowed_and_differ() {
        let names: std::collections::HashSet<String> = (0..200).map(|n| generate(n % 2)).collect();
        assert!(names.len() > 150, "{}", names.len());
        assert!(names.iter().all(|name| parse(name).is_ok()));
    }
}
