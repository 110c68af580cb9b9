//! A JSON answer as it was sent: members found whatever their letter case, doubled members noticed, numbers
//! kept as text.
//!
//! A general JSON tree keeps the last of two members of one name and turns long numbers into floating point;
//! for a number that proves a registration neither will do.

use std::fmt;

use compact_str::{CompactString, ToCompactString};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// `null`
    Null,
    /// A truth value or a number with a fraction: proves nothing here.
    Other,
    /// A whole number, as text.
    Number(CompactString),
    /// Text.
    Text(CompactString),
    /// A list.
    List(Vec<Node>),
    /// Members in order; a name may stand twice.
    Object(Vec<(CompactString, Node)>),
}

/// What an object has under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// No such member, or `null`.
    Nothing,
    /// One value; members that stand twice but agree count once.
    One(&'a Node),
    /// Members that contradict each other.
    Several,
}

impl Node {
    /// Reads a whole answer; none if it is not JSON (or nested deeper than 128 levels, where the reader stops).
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        serde_json::from_slice(body).ok()
    }

    /// The member of that name, whatever its letter case.
    pub(super) fn member(&self, name: &str) -> Found<'_> {
        let Self::Object(members) = self else { return Found::Nothing };
        let mut named =
            members.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, node)| node);
        match named.next() {
            Some(first) if named.any(|other| other != first) => Found::Several,
            None | Some(Self::Null) => Found::Nothing,
            Some(first) => Found::One(first),
        }
    }

    /// A whole number or trimmed text, quoted or not.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Self::Number(text) => Some(text),
            Self::Text(text) => Some(text.trim()),
            _ => None,
        }
    }
}

impl<'a> Found<'a> {
    /// The single value.
    pub(super) fn one(self) -> Option<&'a Node> {
        if let Self::One(node) = self { Some(node) } else { None }
    }

    /// What either place has; places that both have it must agree.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, found) | (found, Self::Nothing) => found,
            (Self::One(one), Self::One(same)) if one == same => self,
            _ => Self::Several,
        }
    }

    /// The single value as text.
    pub(super) fn plain(self) -> Option<&'a str> {
        self.one().and_then(Node::plain)
    }

    /// The entries of a list; none where it is no list.
    pub(super) fn list(self) -> Option<&'a [Node]> {
        if let Self::One(Node::List(entries)) = self { Some(entries) } else { None }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.to_compact_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.to_compact_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Node::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Found, Node};

    fn read(text: &str) -> Node {
        Node::parse(text.as_bytes()).expect("JSON")
    }

    #[test]
    fn members_are_found_whatever_their_case_and_quotes() {
        let node = read(r#"{"transaction_id":"72","Batch_Id": 18446744073709551615,"n":null}"#);
        assert_eq!(node.member("TRANSACTION_ID").plain(), Some("72"));
        assert_eq!(node.member("BATCH_ID").plain(), Some("18446744073709551615"));
        assert_eq!(node.member("N"), Found::Nothing);
    }

    #[test]
    fn members_that_contradict_each_other_prove_nothing() {
        assert_eq!(read(r#"{"id":1,"ID":2}"#).member("id"), Found::Several);
        assert_eq!(read(r#"{"id":1,"id":null}"#).member("id"), Found::Several);
        assert_eq!(read(r#"{"id":1,"id":1}"#).member("id").plain(), Some("1"));
        assert_eq!(read("[1]").member("id"), Found::Nothing);
    }

    #[test]
    fn deep_nesting_is_refused_and_fractions_prove_nothing() {
        for depth in [1_000, 100_000] {
            assert_eq!(Node::parse("[".repeat(depth).as_bytes()), None);
            assert_eq!(Node::parse("{\"a\":".repeat(depth).as_bytes()), None);
        }
        assert_eq!(read("1e3"), Node::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Node::parse(&body);
        }
    }
}
