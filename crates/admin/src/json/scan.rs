//! One pass over a body: syntax, types and members together, first fault first.

use serde_json::{Map, Number, Value};

use super::{
    Fault,
    shape::{self, Shape},
};

/// How deeply objects and lists may nest.
const MAX_DEPTH: usize = 100;

/// Reads one document from bytes.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    lenient: bool,
}

impl<'a> Scanner<'a> {
    /// A reader that refuses unknown members.
    pub(super) fn strict(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, lenient: false }
    }

    /// A reader that drops unknown members.
    pub(super) fn lenient(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, lenient: true }
    }

    /// The whole document as `shape`.
    pub(super) fn document(mut self, shape: &Shape) -> Result<Value, Fault> {
        self.blank();
        if self.at == self.bytes.len() {
            return Err(Fault::Empty);
        }
        // What stands behind the value is not looked at, as in Keycloak.
        self.value(shape)
    }

    fn value(&mut self, shape: &Shape) -> Result<Value, Fault> {
        let byte = self.peek().ok_or(Fault::Broken)?;
        if let Shape::OneOrMany(element) = shape {
            return match byte {
                b'[' => self.list(element),
                b'n' => self.scalar(&Shape::Any),
                _ => Ok(Value::Array(vec![self.value(element)?])),
            };
        }
        match byte {
            b'{' => match shape {
                Shape::Any => self.members(|_| Some(&Shape::Any), ""),
                Shape::Map(value) => self.members(|_| Some(value), ""),
                Shape::Class(name) => {
                    let members = shape::members(name).ok_or(Fault::Mismatch)?;
                    self.members(|member| members.get(member), name)
                }
                _ => Err(Fault::Mismatch),
            },
            b'[' => match shape {
                Shape::Any => self.list(&Shape::Any),
                Shape::List(element) => self.list(element),
                _ => Err(Fault::Mismatch),
            },
            _ => self.scalar(shape),
        }
    }

    fn members<'s>(&mut self, of: impl Fn(&str) -> Option<&'s Shape>, class: &str) -> Result<Value, Fault> {
        self.enter()?;
        let mut members = Map::new();
        if self.closes(b'}')? {
            return Ok(Value::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Fault::Broken);
            }
            let name = self.string()?;
            self.expect(b':')?;
            self.blank();
            match of(&name) {
                Some(shape) => {
                    let value = self.value(shape)?;
                    members.insert(name, value);
                }
                None if self.lenient => {
                    self.value(&Shape::Any)?;
                }
                None => return Err(self.unrecognized(class, name)),
            }
            if self.ends(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn list(&mut self, element: &Shape) -> Result<Value, Fault> {
        self.enter()?;
        let mut elements = Vec::new();
        if self.closes(b']')? {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(element)?);
            if self.ends(b']')? {
                return Ok(Value::Array(elements));
            }
        }
    }

    fn scalar(&mut self, shape: &Shape) -> Result<Value, Fault> {
        let value = match self.peek() {
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(Fault::Broken),
        };
        coerce(value, shape)
    }

    /// The fault of an unknown member. Jackson has read the member's value when it complains: a number or a
    /// word whole, of a text, list or object the opening sign.
    fn unrecognized(&mut self, class: &str, field: String) -> Fault {
        match self.peek() {
            Some(b'"' | b'[' | b'{') => self.at += 1,
            _ => {
                if self.scalar(&Shape::Any).is_err() {
                    return Fault::Broken;
                }
            }
        }
        let before = &self.bytes[..self.at];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        Fault::Unrecognized { class: class.to_owned(), field, line, column: self.at - line_start + 1 }
    }

    fn number(&mut self) -> Result<Number, Fault> {
        let start = self.at;
        while self
            .bytes
            .get(self.at)
            .is_some_and(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
        {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| Fault::Broken)?;
        serde_json::from_str(text).map_err(|_| Fault::Broken)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(Fault::Broken);
        }
        self.at = end;
        Ok(value)
    }

    /// A text: `serde_json` decodes it, this finds its end.
    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(Fault::Broken),
                Some(b'\\') => self.at += 2,
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_slice(&self.bytes[start..self.at]).map_err(|_| Fault::Broken)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        self.at += 1;
        if self.depth > MAX_DEPTH { Err(Fault::Broken) } else { Ok(()) }
    }

    /// Whether an object or list ends right after it began.
    fn closes(&mut self, close: u8) -> Result<bool, Fault> {
        self.blank();
        match self.peek() {
            Some(byte) if byte == close => {
                self.leave();
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err(Fault::Broken),
        }
    }

    /// Whether an object or list ends after an element; otherwise stands at the next one.
    fn ends(&mut self, close: u8) -> Result<bool, Fault> {
        self.blank();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.blank();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.leave();
                Ok(true)
            }
            _ => Err(Fault::Broken),
        }
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        self.blank();
        if self.peek() != Some(byte) {
            return Err(Fault::Broken);
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }
}

/// A scalar as the type that is wanted, the way Jackson coerces it.
fn coerce(value: Value, shape: &Shape) -> Result<Value, Fault> {
    match (shape, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Shape::Any, value)
        | (Shape::Text, value @ Value::String(_))
        | (Shape::Bool, value @ Value::Bool(_))
        | (Shape::Number, value @ Value::Number(_)) => Ok(value),
        (Shape::Text, Value::Bool(flag)) => Ok(Value::String(flag.to_string())),
        (Shape::Text, Value::Number(number)) => Ok(Value::String(number.to_string())),
        (Shape::Bool, Value::Number(number)) => Ok(Value::Bool(number.as_i64().ok_or(Fault::Mismatch)? != 0)),
        (Shape::Bool, Value::String(text)) => match text.trim() {
            "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
            "" => Ok(Value::Null),
            _ => Err(Fault::Mismatch),
        },
        (Shape::Int, Value::Number(number)) => whole(&number),
        (Shape::Int | Shape::Number, Value::String(text)) => match text.trim() {
            "" => Ok(Value::Null),
            number => number.parse::<i64>().map(Value::from).map_err(|_| Fault::Mismatch),
        },
        (Shape::Word(words), Value::String(text)) if words.contains(&text.as_str()) => {
            Ok(Value::String(text))
        }
        _ => Err(Fault::Mismatch),
    }
}

/// A number without its fraction, if it fits.
fn whole(number: &Number) -> Result<Value, Fault> {
    if let Some(whole) = number.as_i64() {
        return Ok(Value::from(whole));
    }
    let fraction = number.as_f64().filter(|n| n.is_finite() && n.abs() < 9.0e15).ok_or(Fault::Mismatch)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked, the fraction is dropped on purpose"
    )]
    let whole = fraction as i64;
    Ok(Value::from(whole))
}
