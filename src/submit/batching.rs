//! How many records go into one request. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use crate::destinations::{Call, Context, Destination, Item};
use crate::ledger::{Build, Built, ClaimItem};
use crate::model::Schema;
use crate::validate::Record;

/// The records that the newest body was made of, for whoever sends it: to read one back costs more than to write it.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<Vec<Item>>>);

impl Desk {
    /// The items of these transactions, if they are what the newest body was made of. Gives them once.
    pub(super) fn take(&self, claimed: &[ClaimItem]) -> Option<Vec<Item>> {
        let mut items = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        items.truncate(claimed.len());
        let same = items.len() == claimed.len()
            && items.iter().zip(claimed).all(|(item, claimed)| item.number == claimed.number);
        // Their transactions began only after the body was built.
        items.iter_mut().zip(claimed).for_each(|(item, claimed)| item.transaction = claimed.transaction);
        same.then_some(items)
    }

    fn lay(&self, items: Vec<Item>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = items;
    }
}

/// What makes a request body of claimed items, for the ledger to call inside its commit.
pub(super) fn builder(
    destination: Arc<dyn Destination>,
    registration: Option<SecretString>,
    desk: Desk,
) -> Build {
    Box::new(move |claimed| {
        let items = readable(claimed, destination.schema());
        let with = context(None, registration.as_ref());
        let built = largest(destination.as_ref(), &items, &with);
        desk.lay(items);
        built.unwrap_or(Built { used: 0, body: Vec::new() })
    })
}

/// What a request may use: the token if it is to be sent, and the registration number.
pub(super) fn context(token: Option<&SecretString>, registration: Option<&SecretString>) -> Context {
    let open = |secret: &SecretString| secret.expose_secret().to_owned();
    Context { token: token.map(open), registration: registration.map(open), built: token.is_some() }
}

/// A claimed item with its record read back; none where the record does not fit today's schema.
pub(super) fn item(claimed: &ClaimItem, schema: &Schema) -> Option<Item> {
    let record = Record::restored(schema, &claimed.members)?;
    Some(Item { transaction: claimed.transaction, number: claimed.number.clone(), record })
}

/// The items up to the first that cannot be read back, which then stands first in a claim of its own.
fn readable(claimed: &[ClaimItem], schema: &Schema) -> Vec<Item> {
    let mut items = Vec::with_capacity(claimed.len());
    for one in claimed {
        let Some(item) = item(one, schema) else {
            tracing::error!(transaction = one.transaction, "a record of the ledger cannot be read back");
            break;
        };
        items.push(item);
    }
    items
}

/// The body of as many items as fit the destination's limits. Nearly always all of them do, and the body is
/// built once; else what was too much tells how much the envelope takes.
fn largest(destination: &dyn Destination, items: &[Item], with: &Context) -> Option<Built> {
    let limits = destination.limits();
    let items = of_one_registration(destination.schema(), items, with);
    let mut used = items.len().min(limits.rows);
    let mut sizes = Vec::new();
    while used > 0 {
        let body = body(destination, items.get(..used)?, with)?;
        if body.len() <= limits.body_bytes {
            return Some(Built { used, body });
        }
        if sizes.is_empty() {
            sizes = member_sizes(destination, items, with);
        }
        let members: usize = sizes.iter().take(used).sum();
        let envelope = body.len().saturating_sub(members);
        used = fit(&sizes, limits.body_bytes.saturating_sub(envelope)).min(used - 1);
    }
    None
}

/// The items up to the first of another registration: a request names one sender. Where the section does, its rows have
/// none of their own.
fn of_one_registration<'a>(schema: &Schema, items: &'a [Item], with: &Context) -> &'a [Item] {
    let named = |item: &'a Item| item.record.value(schema.registration_field);
    let alike = |first: &'a Item| items.iter().take_while(|item| named(item) == named(first)).count();
    let used = items.first().filter(|_| with.registration.is_none()).map_or(items.len(), alike);
    items.get(..used).unwrap_or(items)
}

fn body(destination: &dyn Destination, items: &[Item], with: &Context) -> Option<Vec<u8>> {
    match destination.request(&Call::Submit(items), with) {
        Ok(request) => request.map(http::Request::into_body),
        Err(error) => {
            tracing::error!(%error, "a request could not be built");
            None
        }
    }
}

fn member_sizes(destination: &dyn Destination, items: &[Item], with: &Context) -> Vec<usize> {
    let mut scratch = Vec::new();
    let mut size = |item: &Item| {
        scratch.clear();
        destination.members(&item.record, Some(&item.number), with.registration.as_deref(), &mut scratch);
        scratch.len() + 1 // the comma behind it
    };
    items.iter().map(&mut size).collect()
}

/// How many of these, from the first on, stay within the bytes.
fn fit(sizes: &[usize], bytes: usize) -> usize {
    let ends = sizes.iter().scan(0_usize, |sum, size| {
        *sum = sum.saturating_add(*size);
        Some(*sum)
    });
    ends.take_while(|end| *end <= bytes).count()
}

#[cfg(test)]
mod tests {
    use super::super::rig::Plain;
    use super::*;
    use proptest::prelude::*;

    fn claim(numbers: &[String]) -> Vec<ClaimItem> {
        let item = |(index, number): (usize, &String)| ClaimItem {
            transaction: i64::try_from(index).unwrap(),
            number: number.clone(),
            members: "{}".to_owned(),
        };
        numbers.iter().enumerate().map(item).collect()
    }

    fn build(rows: usize, body_bytes: usize, claimed: &[ClaimItem]) -> Built {
        let mut destination = Plain::at("http://127.0.0.1:9");
        (destination.rows, destination.body_bytes) = (rows, body_bytes);
        builder(Arc::new(destination), None, Desk::default())(claimed)
    }

    #[test]
    fn one_too_large_item_uses_nothing() {
        assert_eq!(build(10, 40, &claim(&["1".repeat(100)])), Built { used: 0, body: Vec::new() });
        assert_eq!(build(10, 40, &claim(&["1".to_owned(), "1".repeat(100)])).used, 1);
    }

    #[test]
    fn what_was_read_for_a_body_is_given_once_and_only_for_its_own_numbers() {
        let desk = Desk::default();
        let build = |claimed: &[ClaimItem]| {
            builder(Arc::new(Plain::at("http://127.0.0.1:9")), None, desk.clone())(claimed)
        };
        let (one, two) = (claim(&["1".to_owned(), "2".to_owned()]), claim(&["3".to_owned()]));
        build(&one);
        let sent = [ClaimItem { transaction: 77, ..one[0].clone() }];
        let items = desk.take(&sent).unwrap();
        assert_eq!((items.len(), items[0].transaction, items[0].number.as_str()), (1, 77, "1"));
        assert!(desk.take(&sent).is_none());
        build(&one);
        assert!(desk.take(&two).is_none());
    }

    #[test]
    fn what_cannot_be_read_back_ends_the_batch() {
        let mut claimed = claim(&["1".to_owned(), "2".to_owned(), "3".to_owned()]);
        claimed[1].members = "damaged".to_owned();
        assert_eq!(build(10, 1000, &claimed).used, 1);
    }

    proptest! {
        #[test]
        fn batches_hold_as_much_as_fits_and_lose_nothing(
            numbers in proptest::collection::vec("[0-9]{1,30}", 1..60), rows in 1_usize..20, bytes in 60_usize..600,
        ) {
            let claimed = claim(&numbers);
            let (mut rest, mut sent) = (claimed.as_slice(), Vec::new());
            while !rest.is_empty() {
                let built = build(rows, bytes, rest);
                prop_assert!(built.used >= 1 && built.used <= rows && built.body.len() <= bytes);
                if built.used < rest.len() && built.used < rows {
                    let more = build(rows, usize::MAX, &rest[..=built.used]);
                    prop_assert!(more.body.len() > bytes, "one more would have fitted");
                }
                let body: serde_json::Value = serde_json::from_slice(&built.body).unwrap();
                let numbers = body["rows"].as_array().unwrap().iter();
                sent.extend(numbers.map(|row| row["n"].as_str().unwrap().to_owned()));
                rest = &rest[built.used..];
            }
            prop_assert_eq!(sent, numbers);
        }
    }
}
