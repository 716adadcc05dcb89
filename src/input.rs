//! What a turn is given to work on.

use crate::error::{Error, Result};
use crate::protocol;

/// The input of a turn: text, or a list of any kinds of [`protocol::UserInput`].
///
/// ```
/// use codexkit::Input;
///
/// let input = Input::from("What does this crate do?");
/// assert_eq!(input.items().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input(Vec<protocol::UserInput>);

impl Input {
    /// What the input consists of.
    pub fn items(&self) -> &[protocol::UserInput] {
        &self.0
    }

    /// The items, unless there is nothing in them.
    pub(crate) fn into_items(self) -> Result<Vec<protocol::UserInput>> {
        let is_blank = |item: &protocol::UserInput| matches!(item, protocol::UserInput::Text(it) if it.text.trim().is_empty());
        if self.0.iter().all(is_blank) {
            let problem = "the input of the turn is empty: give it text that is not blank, an \
                           image or another kind of input";
            return Err(Error::InvalidInput(problem.into()));
        }
        Ok(self.0)
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Input {
        Input::from(text.to_owned())
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Input {
        Input::from(text.as_str())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Input {
        Input::from(protocol::UserInput::Text(protocol::TextUserInput::new(text)))
    }
}

impl From<protocol::UserInput> for Input {
    fn from(item: protocol::UserInput) -> Input {
        Input(vec![item])
    }
}

impl From<Vec<protocol::UserInput>> for Input {
    fn from(items: Vec<protocol::UserInput>) -> Input {
        Input(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_input_is_refused() {
        for blank in [Input::from(""), Input::from(" \n\t"), Input::from(Vec::new())] {
            let error = blank.into_items().unwrap_err();
            assert!(error.to_string().contains("empty"), "{error}");
        }
        assert_eq!(Input::from("go").into_items().unwrap().len(), 1);
    }
}
