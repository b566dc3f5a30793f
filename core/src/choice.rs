//! Choices among a few names.

/// An enum whose values have one name each, the same on the command line, in TOML and JSON, in metadata and in
/// messages: `name()`, `ALL`, `Display` (which pads), `FromStr` (whose error lists the names) and serde.
macro_rules! choice {
    ($(#[$about:meta])* $kind:ident, $what:literal, $($(#[$doc:meta])* $value:ident $name:literal),+ $(,)?) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $kind { $($(#[$doc])* #[serde(rename = $name)] $value),+ }

        impl $kind {
            /// Every value.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$value),+];

            /// Its name on the command line and in files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name),+ }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = crate::error::Error;

            fn from_str(text: &str) -> crate::error::Result<Self> {
                match text {
                    $($name => Ok(Self::$value),)+
                    other => Err(crate::choice::unknown(other, $what, &[$($name),+])),
                }
            }
        }
    };
}
pub(crate) use choice;

/// The error of a name that is none of `names`.
pub(crate) fn unknown(text: &str, what: &str, names: &[&str]) -> crate::error::Error {
    let listed = match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    };
    crate::error::Error::option(format!("\"{text}\" is no {what}: use {listed}"))
}

#[cfg(test)]
mod tests {
    choice!(
        #[derive(Default)]
        Colour, "colour",
        #[default]
        DarkRed "dark-red",
        Green "green",
        Blue "blue",
    );

    #[test]
    fn a_name_is_the_same_everywhere() {
        for colour in Colour::ALL {
            assert_eq!(colour.name().parse::<Colour>().unwrap(), colour);
            assert_eq!(colour.to_string(), colour.name());
            let json = serde_json::to_string(&colour).unwrap();
            assert_eq!(json, format!("\"{}\"", colour.name()));
            assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), colour);
        }
        assert_eq!(Colour::default(), Colour::DarkRed);
        assert_eq!(format!("{:>6}", Colour::Blue), "  blue");
        let error = "Green".parse::<Colour>().unwrap_err().to_string();
        assert_eq!(error, "\"Green\" is no colour: use dark-red, green or blue");
    }
}
