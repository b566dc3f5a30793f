//! A pickle reader that executes nothing: it builds numbers, strings, plain containers and descriptions of tensors, and
//! refuses everything else.
//!
//! A pickle is a program for a small stack machine; `GLOBAL` names a Python object and `REDUCE` calls it. Here a name is
//! only looked up in the lists of `pickle_values`. A few are understood (tensors, ordered dictionaries), those that
//! training states are known to hold (optimiser, scheduler, trainer classes) become placeholders, and every other name
//! is an error.

use crate::model::published::pickle_machine::Machine;
use crate::model::published::pickle_values::{Id, Node, Result};

pub use crate::model::published::pickle_values::{Refusal, StorageType, TensorRef, MAX_PICKLE};

/// The values of a pickle.
#[derive(Debug)]
pub struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

/// One value inside a [`Pickle`].
#[derive(Clone, Copy)]
pub struct View<'a> {
    pickle: &'a Pickle,
    id: Id,
}

impl Pickle {
    /// Read a pickle of any protocol up to 5.
    ///
    /// # Errors
    /// It is longer than [`MAX_PICKLE`] or broken, or names a Python object that is not on the lists.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_PICKLE {
            return Err(format!("holds a pickle of {} bytes, more than any checkpoint needs", bytes.len()));
        }
        let (nodes, root) = Machine::new(bytes).run()?;
        Ok(Pickle { nodes, root })
    }

    /// The value of the pickle as a whole.
    pub fn root(&self) -> View<'_> {
        View { pickle: self, id: self.root }
    }
}

impl<'a> View<'a> {
    fn node(self) -> &'a Node {
        &self.pickle.nodes[self.id as usize]
    }

    /// The value of a string key, if this is a dictionary that has it.
    pub fn get(self, key: &str) -> Option<View<'a>> {
        self.items()?.filter(|(k, _)| k.text() == Some(key)).last().map(|(_, value)| value)
    }

    /// Keys and values if this is a dictionary.
    pub fn items(self) -> Option<impl Iterator<Item = (View<'a>, View<'a>)>> {
        let pickle = self.pickle;
        match self.node() {
            Node::Dict(items) => {
                Some(items.iter().map(move |&(k, v)| (View { pickle, id: k }, View { pickle, id: v })))
            }
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn text(self) -> Option<&'a str> {
        match self.node() {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is an integer.
    pub fn int(self) -> Option<i64> {
        match *self.node() {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number, if it is an integer or a float.
    pub fn float(self) -> Option<f64> {
        match *self.node() {
            Node::Int(value) => Some(value as f64),
            Node::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The tensor, if it is one.
    pub fn tensor(self) -> Option<&'a TensorRef> {
        match self.node() {
            Node::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Values if this is a list or a tuple.
    pub fn list(self) -> Option<impl Iterator<Item = View<'a>>> {
        let pickle = self.pickle;
        let items: &[Id] = match self.node() {
            Node::List(items) => items,
            Node::Tuple(items) => items,
            _ => return None,
        };
        Some(items.iter().map(move |&id| View { pickle, id }))
    }

    /// None, False, or an empty list or tuple.
    pub fn is_empty(self) -> bool {
        match self.node() {
            Node::None | Node::Bool(false) => true,
            Node::List(items) => items.is_empty(),
            Node::Tuple(items) => items.is_empty(),
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "pickle_tests.rs"]
mod tests;
