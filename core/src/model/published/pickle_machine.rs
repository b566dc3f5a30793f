//! The instructions of a pickle. `pickle_values` lists the Python objects that they may name.

use std::collections::HashMap;

use crate::model::published::pickle_values::{resolve, Global, Id, Node, Refusal, Result, TensorRef};

/// The stack machine of pickles.
pub(super) struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack at each open MARK.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Machine { input, at: 0, nodes: vec![], stack: vec![], marks: vec![], memo: HashMap::new() }
    }

    /// Run the program to its end: all values, and the index of the result.
    pub(super) fn run(mut self) -> Result<(Vec<Node>, Id)> {
        loop {
            let op = self.bytes(1)?[0];
            match op {
                b'.' => {
                    let root = self.pop()?;
                    return Ok((self.nodes, root));
                }
                0x80 => {
                    let protocol = self.bytes(1)?[0];
                    if protocol > 5 {
                        return Err(format!("holds a pickle of protocol {protocol}; 5 is the newest known"));
                    }
                }
                0x95 => drop(self.bytes(8)?), // FRAME: only a hint for buffering
                _ => self.step(op)?,
            }
        }
    }

    fn step(&mut self, op: u8) -> Result<()> {
        match op {
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'K' => self.little(1).map(|n| self.push(Node::Int(n as i64)))?,
            b'M' => self.little(2).map(|n| self.push(Node::Int(n as i64)))?,
            b'J' => self.little(4).map(|n| self.push(Node::Int(n as u32 as i32 as i64)))?,
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'I' => match self.line()? {
                "00" => self.push(Node::Bool(false)),
                "01" => self.push(Node::Bool(true)),
                digits => self.decimal(digits)?,
            },
            b'L' => {
                let digits = self.line()?;
                self.decimal(digits.trim_end_matches('L'))?
            }
            b'F' => {
                let value = self.line()?.parse().map_err(|_| self.broken())?;
                self.push(Node::Float(value))
            }
            b'G' => {
                let raw = <[u8; 8]>::try_from(self.bytes(8)?).map_err(|_| self.broken())?;
                self.push(Node::Float(f64::from_be_bytes(raw)))
            }
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            b'U' => self.text(1)?,
            b'T' => self.text(4)?,
            b'S' | b'V' => {
                let text = self.line()?.trim_matches(['\'', '"']).into();
                self.push(Node::Text(text))
            }
            b'C' => self.raw(1)?,
            b'B' => self.raw(4)?,
            0x8e | 0x96 => self.raw(8)?,
            b')' => self.push(Node::Tuple(Box::default())),
            b't' => {
                let items = self.pop_mark()?.into_boxed_slice();
                self.push(Node::Tuple(items))
            }
            0x85..=0x87 => {
                let mut items = vec![];
                for _ in 0..op - 0x84 {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Node::Tuple(items.into_boxed_slice()))
            }
            b']' => self.push(Node::List(vec![])),
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.extend(items)?
            }
            b'}' => self.push(Node::Dict(vec![])),
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Node::Dict(vec![]));
                self.insert(items)?
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.insert(vec![key, value])?
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.insert(items)?
            }
            0x8f => self.push(Node::Opaque), // EMPTY_SET
            0x90 => drop(self.pop_mark()?),  // ADDITEMS
            0x91 => {
                self.pop_mark()?;
                self.push(Node::Opaque) // FROZENSET
            }
            b'p' => {
                let index = self.line()?.parse().map_err(|_| self.broken())?;
                self.memoise(index)?
            }
            b'q' => {
                let index = self.little(1)?;
                self.memoise(index)?
            }
            b'r' => {
                let index = self.little(4)?;
                self.memoise(index)?
            }
            0x94 => self.memoise(self.memo.len() as u64)?,
            b'g' => {
                let index = self.line()?.parse().map_err(|_| self.broken())?;
                self.recall(index)?
            }
            b'h' => {
                let index = self.little(1)?;
                self.recall(index)?
            }
            b'j' => {
                let index = self.little(4)?;
                self.recall(index)?
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let global = resolve(module, name)?;
                self.push(Node::Global(global))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let global = match (&self.nodes[module as usize], &self.nodes[name as usize]) {
                    (Node::Text(module), Node::Text(name)) => resolve(module, name)?,
                    _ => return Err(self.broken()),
                };
                self.push(Node::Global(global))
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                resolve(module, name)?;
                self.pop_mark()?;
                self.push(Node::Opaque)
            }
            b'o' => {
                self.pop_mark()?;
                self.push(Node::Opaque)
            }
            b'R' => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.reduce(callable, arguments)?
            }
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                self.instance(class)?
            }
            0x92 => {
                let (_, _, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.instance(class)?
            }
            // BUILD: attributes of the object below, which are never of use here.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)?
            }
            _ => {
                return Err(format!("holds a pickle with the unknown instruction 0x{op:02x}, at byte {}", self.at - 1))
            }
        }
        Ok(())
    }

    fn broken(&self) -> Refusal {
        format!("holds a broken pickle (at byte {})", self.at)
    }

    fn bytes(&mut self, n: u64) -> Result<&'a [u8]> {
        let rest = &self.input[self.at..];
        if n > rest.len() as u64 {
            return Err("holds a pickle that ends too early".into());
        }
        self.at += n as usize;
        Ok(&rest[..n as usize])
    }

    /// The next `width` bytes as a little-endian number.
    fn little(&mut self, width: u64) -> Result<u64> {
        Ok(self.bytes(width)?.iter().rev().fold(0, |n, &byte| n << 8 | byte as u64))
    }

    fn line(&mut self) -> Result<&'a str> {
        let end = self.input[self.at..].iter().position(|&b| b == b'\n').ok_or_else(|| self.broken())?;
        let line = std::str::from_utf8(self.bytes(end as u64)?).map_err(|_| self.broken())?;
        self.at += 1;
        Ok(line)
    }

    /// A number of up to 8 bytes in two's complement; longer ones are not sizes or counts.
    fn long(&mut self, width: u64) -> Result<()> {
        let length = self.little(width)?;
        let raw = self.bytes(length)?;
        if raw.len() > 8 {
            self.push(Node::Opaque);
            return Ok(());
        }
        let negative = raw.last().is_some_and(|&b| b >= 0x80);
        let filled = raw.iter().rev().fold(if negative { -1i64 } else { 0 }, |n, &byte| n << 8 | byte as i64);
        self.push(Node::Int(filled));
        Ok(())
    }

    fn decimal(&mut self, digits: &str) -> Result<()> {
        let value = digits.parse().map_err(|_| self.broken())?;
        self.push(Node::Int(value));
        Ok(())
    }

    fn text(&mut self, width: u64) -> Result<()> {
        let length = self.little(width)?;
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| self.broken())?;
        self.push(Node::Text(text.into()));
        Ok(())
    }

    fn raw(&mut self, width: u64) -> Result<()> {
        let length = self.little(width)?;
        self.bytes(length)?;
        self.push(Node::Opaque);
        Ok(())
    }

    fn push(&mut self, node: Node) {
        // The pickle is at most MAX_PICKLE bytes and every instruction makes at most one node.
        self.stack.push(self.nodes.len() as Id);
        self.nodes.push(node);
    }

    fn top(&self) -> Result<Id> {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return Err(self.broken());
        }
        self.stack.last().copied().ok_or_else(|| self.broken())
    }

    fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let height = self.marks.pop().ok_or_else(|| self.broken())?;
        Ok(self.stack.split_off(height))
    }

    fn memoise(&mut self, index: u64) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u64) -> Result<()> {
        let id = self.memo.get(&index).copied().ok_or_else(|| self.broken())?;
        self.stack.push(id);
        Ok(())
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<()> {
        let list = self.top()?;
        match &mut self.nodes[list as usize] {
            Node::List(list) => list.extend(items),
            Node::Opaque => {}
            _ => return Err(self.broken()),
        }
        Ok(())
    }

    /// Put keys and values, alternating in `items`, into the dictionary on top of the stack.
    fn insert(&mut self, items: Vec<Id>) -> Result<()> {
        let dict = self.top()?;
        if !items.len().is_multiple_of(2) {
            return Err(self.broken());
        }
        match &mut self.nodes[dict as usize] {
            Node::Dict(dict) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            Node::Opaque => {}
            _ => return Err(self.broken()),
        }
        Ok(())
    }

    fn instance(&mut self, class: Id) -> Result<()> {
        let node = match self.nodes[class as usize] {
            Node::Global(Global::OrderedDict) => Node::Dict(vec![]),
            Node::Global(Global::Harmless) | Node::Opaque => Node::Opaque,
            _ => return Err(self.broken()),
        };
        self.push(node);
        Ok(())
    }

    fn reduce(&mut self, callable: Id, arguments: Id) -> Result<()> {
        // Borrowed, never copied: a tuple in the memo can be passed any number of times.
        let Node::Tuple(arguments) = &self.nodes[arguments as usize] else { return Err(self.broken()) };
        let node = match self.nodes[callable as usize] {
            // With arguments only under Python 2, which no version of the training code ran on.
            Node::Global(Global::OrderedDict) if arguments.is_empty() => Node::Dict(vec![]),
            Node::Global(Global::RebuildTensor) => self.tensor(arguments)?,
            Node::Global(Global::RebuildParameter | Global::Size) => {
                let first = *arguments.first().ok_or_else(|| self.broken())?;
                self.stack.push(first);
                return Ok(());
            }
            Node::Global(Global::Harmless) | Node::Opaque => Node::Opaque,
            _ => return Err(self.broken()),
        };
        self.push(node);
        Ok(())
    }

    /// Arguments of `_rebuild_tensor_v2`: storage, offset, size, stride, and what concerns training only.
    fn tensor(&self, arguments: &[Id]) -> Result<Node> {
        let &[storage, offset, size, stride, ..] = arguments else { return Err(self.broken()) };
        let Node::Storage(storage) = &self.nodes[storage as usize] else { return Err(self.broken()) };
        let whole = |id: Id| match self.nodes[id as usize] {
            Node::Int(n) if n >= 0 => Ok(n as u64),
            _ => Err(self.broken()),
        };
        let several = |id: Id| match &self.nodes[id as usize] {
            // Weights have three axes at most; the limit bounds copies of a tuple passed many times.
            Node::Tuple(items) if items.len() <= 8 => items.iter().map(|&n| whole(n)).collect::<Result<Vec<u64>>>(),
            _ => Err(self.broken()),
        };
        let (kind, key, storage_len) = (**storage).clone();
        let tensor = TensorRef {
            kind,
            key,
            storage_len,
            offset: whole(offset)?,
            shape: several(size)?,
            stride: several(stride)?,
        };
        if tensor.shape.len() != tensor.stride.len() {
            return Err(self.broken());
        }
        Ok(Node::Tensor(Box::new(tensor)))
    }

    /// A persistent id: ('storage', type, key, device, elements).
    fn persistent(&mut self, id: Id) -> Result<()> {
        let at = |i: Id| &self.nodes[i as usize];
        let Node::Tuple(parts) = at(id) else { return Err(self.broken()) };
        let &[word, kind, key, _, length] = &parts[..] else { return Err(self.broken()) };
        let node = match (at(word), at(kind), at(key), at(length)) {
            (Node::Text(word), Node::Global(Global::Storage(kind)), Node::Text(key), &Node::Int(length))
                if &**word == "storage" && length >= 0 && key.len() <= 64 =>
            {
                Node::Storage(Box::new((*kind, key.clone(), length as u64)))
            }
            _ => return Err(self.broken()),
        };
        self.push(node);
        Ok(())
    }
}
