//! What the generated enums have in common.

/// An enum of strings that keeps those it does not know.
macro_rules! string_enum {
    ($name:ident { $($variant:ident = $wire:literal,)* }) => {
        impl $name {
            /// The value on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Unrecognized(it) => it,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($wire => Self::$variant,)*
                    _ => Self::Unrecognized(value.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        string_like! { $name }
    };
}

/// A string with a type of its own.
macro_rules! open_string {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The value on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        string_like! { $name }
    };
}

/// What every type that is a string on the wire implements.
macro_rules! string_like {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Json for $name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                match value {
                    Value::String(it) => Ok(Self::from(it.as_str())),
                    _ => Err(DecodeError::expected("a string", value)),
                }
            }

            #[inline]
            fn to_json(&self) -> Value {
                Value::String(self.as_str().to_owned())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_str(deserializer)
            }
        }
    };
}

/// Objects told apart by the value of the property `$tag`.
macro_rules! tagged_union {
    ($name:ident, $tag:literal { $($variant:ident = $wire:literal,)* }) => {
        impl Json for $name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                match Self::from_json_strict(value) {
                    Ok(it) => Ok(it),
                    Err(_) => Ok(Self::Unrecognized(value.clone())),
                }
            }

            #[inline]
            fn from_json_strict(value: &Value) -> Result<Self, DecodeError> {
                match value.get($tag).and_then(Value::as_str) {
                    $(Some($wire) => Ok(Self::$variant(Json::from_json(value)?)),)*
                    Some(_) => Ok(Self::Unrecognized(value.clone())),
                    None => Err(DecodeError::new("expected a string").at_key($tag)),
                }
            }

            #[inline]
            fn to_json(&self) -> Value {
                match self {
                    $(Self::$variant(it) => tagged($tag, $wire, it.to_json()),)*
                    Self::Unrecognized(it) => it.clone(),
                }
            }
        }
    };
}

/// Strings, and objects with one property that names the variant.
macro_rules! external_union {
    (
        $name:ident,
        { $($variant:ident = $wire:literal,)* },
        { $($unit:ident = $unit_wire:literal,)* }
    ) => {
        impl Json for $name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                match Self::from_json_strict(value) {
                    Ok(it) => Ok(it),
                    Err(_) => Ok(Self::Unrecognized(value.clone())),
                }
            }

            #[inline]
            fn from_json_strict(value: &Value) -> Result<Self, DecodeError> {
                match external(value) {
                    $(Some(($wire, Some(it))) => Ok(Self::$variant(at_key($wire, it)?)),)*
                    $(Some(($unit_wire, None)) => Ok(Self::$unit),)*
                    _ => Ok(Self::Unrecognized(value.clone())),
                }
            }

            #[inline]
            fn to_json(&self) -> Value {
                match self {
                    $(Self::$variant(it) => keyed($wire, it.to_json()),)*
                    $(Self::$unit => Value::String($unit_wire.to_owned()),)*
                    Self::Unrecognized(it) => it.clone(),
                }
            }
        }
    };
}

/// Alternatives told apart by how they look.
macro_rules! untagged_union {
    (open $name:ident { $($variant:ident($ty:ty) if $test:expr,)* }) => {
        impl Json for $name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                $(if $test.passes(value) && let Ok(it) = Json::from_json(value) {
                    return Ok(Self::$variant(it));
                })*
                Ok(Self::Unrecognized(value.clone()))
            }

            #[inline]
            fn to_json(&self) -> Value {
                match self {
                    $(Self::$variant(it) => it.to_json(),)*
                    Self::Unrecognized(it) => it.clone(),
                }
            }
        }
    };
    (closed $name:ident { $($variant:ident($ty:ty) if $test:expr,)* }) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant(it) => it.fmt(f),)*
                }
            }
        }

        impl Json for $name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                $(if $test.passes(value) {
                    return Ok(Self::$variant(Json::from_json(value)?));
                })*
                let what = [$(stringify!($variant)),*].join(" or ");
                Err(DecodeError::expected(&what.to_lowercase(), value))
            }

            #[inline]
            fn to_json(&self) -> Value {
                match self {
                    $(Self::$variant(it) => it.to_json(),)*
                }
            }
        }
    };
}

/// The params of a method that has none: null, whatever stands there.
macro_rules! unit_params {
    ($name:ident) => {
        impl Json for $name {
            #[inline]
            fn from_json(_: &Value) -> Result<Self, DecodeError> {
                Ok(Self)
            }

            #[inline]
            fn to_json(&self) -> Value {
                Value::Null
            }
        }
    };
}

macro_rules! serialize_through_json {
    ($($name:ident)*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.to_json().serialize(serializer)
            }
        }
    )*};
}

macro_rules! deserialize_through_json {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                through_json(deserializer)
            }
        }
    )*};
}
