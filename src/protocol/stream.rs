//! Decoding straight from a deserializer, for the notifications that arrive in floods.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

/// Decodes a string without keeping it.
pub(super) fn from_str<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'a> From<&'a str>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(StrVisitor(PhantomData))
}

/// The value of the property `key`. An error of serde repeats what it found, which may be a secret.
pub(super) fn next_value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    map: &mut A,
    key: &str,
) -> Result<T, A::Error> {
    map.next_value().map_err(|_| Error::custom(format_args!("`{key}`: expected another type")))
}

struct StrVisitor<T>(PhantomData<T>);

impl<T: for<'a> From<&'a str>> Visitor<'_> for StrVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        Ok(T::from(value))
    }
}

/// Implements `Deserialize` for a struct field by field.
///
/// Each field is `name: Type = "wire", required;` or, with the value for when it is absent,
/// `name: Type = "wire", (default);`.
macro_rules! streamed_struct {
    ($name:ident { $($field:ident: $ty:ty = $wire:literal, $absent:tt;)* }) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, reason = "one variant per field, under its name")]
                enum Key {
                    $($field,)*
                    Unrecognized(String),
                }

                impl<'de> Deserialize<'de> for Key {
                    fn deserialize<D: Deserializer<'de>>(key: D) -> Result<Self, D::Error> {
                        key.deserialize_identifier(KeyVisitor)
                    }
                }

                struct KeyVisitor;

                impl serde::de::Visitor<'_> for KeyVisitor {
                    type Value = Key;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("the name of a property")
                    }

                    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                        Ok(match key {
                            $($wire => Key::$field,)*
                            _ => Key::Unrecognized(key.to_owned()),
                        })
                    }
                }

                struct ObjectVisitor;

                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<$name, E> {
                        Err(E::custom("expected an object, found a string"))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        $(let mut $field: Option<$ty> = None;)*
                        let mut unrecognized = ExtraFields::default();
                        while let Some(key) = map.next_key()? {
                            match key {
                                $(Key::$field => $field = Some(next_value(&mut map, $wire)?),)*
                                Key::Unrecognized(key) => {
                                    unrecognized.insert(key, map.next_value::<Value>()?);
                                }
                            }
                        }
                        Ok($name {
                            $($field: streamed_struct!(@absent $field, $wire, $absent),)*
                            unrecognized,
                        })
                    }
                }

                // Asked for a map, `serde_json` would repeat what it found instead.
                deserializer.deserialize_any(ObjectVisitor)
            }
        }
    };
    (@absent $field:ident, $wire:literal, required) => {
        $field.ok_or_else(|| serde::de::Error::missing_field($wire))?
    };
    (@absent $field:ident, $wire:literal, ($default:expr)) => {
        $field.unwrap_or_else(|| $default)
    };
}
