//! One row's part of a request or an answer, exactly as it stands there.

use serde_json::Value;
use serde_json::value::RawValue;

/// The object about a number in a JSON document: the member of one of its lists that names the number or, where
/// none does, the one at that place of a list with as many members as there were rows. None where the document is
/// no such JSON.
pub(super) fn of_row(document: &[u8], number: &str, position: usize, rows: usize) -> Option<String> {
    let lists = lists(document)?;
    let named = lists.iter().flatten().find(|item| names(item, number));
    let placed = || lists.iter().find(|list| list.len() == rows).and_then(|list| list.get(position));
    named.or_else(placed).map(|item| item.get().to_owned())
}

/// The lists of objects in a document, or the document if it is one.
fn lists(document: &[u8]) -> Option<Vec<Vec<&RawValue>>> {
    if let Ok(list) = serde_json::from_slice::<Vec<&RawValue>>(document) {
        return Some(vec![list]);
    }
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_slice(document).ok()?;
    Some(members.into_values().filter_map(|member| serde_json::from_str(member.get()).ok()).collect())
}

/// Whether an object has a member with that number, quoted or not.
fn names(item: &RawValue, number: &str) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_str(item.get()) else { return false };
    members.values().any(|value| match value {
        Value::String(text) => text == number,
        Value::Number(own) => own.to_string() == number,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::of_row;

    #[test]
    fn the_object_stands_exactly_as_it_was_sent() {
        let document = br#"{"reg":"7","transactions":[{"no": 11, "x":1.50},{"no":"12","x":2}]}"#;
        assert_eq!(of_row(document, "11", 1, 2).as_deref(), Some(r#"{"no": 11, "x":1.50}"#));
        assert_eq!(of_row(document, "12", 0, 2).as_deref(), Some(r#"{"no":"12","x":2}"#));
    }

    #[test]
    fn where_no_object_names_the_number_its_place_counts_if_the_list_is_whole() {
        let document = br#"{"BATCH_ID":1,"transactions":[{"id":5},{"id":6}]}"#;
        assert_eq!(of_row(document, "11", 1, 2).as_deref(), Some(r#"{"id":6}"#));
        assert_eq!(of_row(document, "11", 1, 3), None);
    }

    #[test]
    fn what_is_no_json_has_no_such_part() {
        for document in [b"<html>".as_slice(), b"", b"[1,2", b"5", b"{}"] {
            assert_eq!(of_row(document, "11", 0, 1), None);
        }
    }
}
