//! Names of fields in any case, as Go's decoder takes them and some clients send them (docker-py:
//! `detachKeys`). The outermost object only: what is deeper is often a map of the user's own keys.

use serde::de::{Deserializer, Visitor};
use serde_json::{Error, Map, Value};

/// A value whose fields find their names.
pub struct AnyCase(pub Value);

/// The object with each key as the one of `fields` that it means; an exact one wins.
fn renamed(object: Map<String, Value>, fields: &[&str]) -> Map<String, Value> {
    let mut exact = Map::new();
    let mut others = Vec::new();
    for (key, value) in object {
        match fields.contains(&key.as_str()) {
            true => drop(exact.insert(key, value)),
            false => others.push((key, value)),
        }
    }
    for (key, value) in others {
        let meant = fields.iter().find(|field| field.eq_ignore_ascii_case(&key));
        exact.entry(meant.map_or(key, |field| (*field).to_owned())).or_insert(value);
    }
    exact
}

impl<'de> Deserializer<'de> for AnyCase {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let value = match self.0 {
            Value::Object(object) => Value::Object(renamed(object, fields)),
            other => other,
        };
        value.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use shared::docker::ExecConfig;

    #[test]
    fn the_case_does_not_matter_and_the_exact_name_wins() {
        let value = json!({"cmd": ["a"], "Cmd": ["b"], "detachKeys": "ctrl-p", "unknown": 1});
        let config = Option::<ExecConfig>::deserialize(AnyCase(value)).unwrap().unwrap();
        assert_eq!(config.cmd.unwrap(), ["b"]);
        assert_eq!(config.detach_keys.as_deref(), Some("ctrl-p"));
        assert!(Option::<ExecConfig>::deserialize(AnyCase(Value::Null)).unwrap().is_none());
        assert!(ExecConfig::deserialize(AnyCase(json!([1]))).is_err());
    }
}
