//! Which columns and which rule made each field of one row, for whoever asks how a value came about.

use super::bind::{Bound, Made, Part, Plan, Slot};
use crate::table::Row;

/// How one field of a row was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The field of the schema.
    pub field: usize,
    /// Places of the cells it was made of, from 0; none for what the mapping itself says.
    pub columns: Vec<usize>,
    /// The rule that says how, counted from 1; none for `[fields]`.
    pub rule: Option<usize>,
    /// Whether a list was looked into.
    pub looked_up: bool,
}

/// How a row was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Rules whose conditions the row meets, counted from 1.
    pub rules: Vec<usize>,
    /// Fields that are mapped, in the schema's order.
    pub fields: Vec<Origin>,
}

impl Bound {
    /// How a row's fields are made. Where empty cells take the one above, to be asked after [`Bound::apply`] of
    /// every row up to this one.
    pub fn origins(&self, row: &Row) -> Origins {
        let mut active: Vec<Option<usize>> = self.base.clone();
        let mut by: Vec<Option<usize>> = vec![None; active.len()];
        let mut rules = Vec::new();
        for (number, rule) in (1..).zip(&self.rules) {
            if !rule.when.iter().all(|condition| self.holds(condition, row, &active)) {
                continue;
            }
            rules.push(number);
            for (field, plan) in &rule.fields {
                if let (Some(place), Some(rule)) = (active.get_mut(*field), by.get_mut(*field)) {
                    (*place, *rule) = (Some(*plan), Some(number));
                }
            }
        }
        let made = active.into_iter().zip(by).enumerate();
        let fields = made.filter_map(|(field, (plan, rule))| {
            let plan = self.plans.get(plan?)?;
            Some(Origin { field, columns: self.cells_of(plan, row), rule, looked_up: plan.lookup.is_some() })
        });
        Origins { rules, fields: fields.collect() }
    }

    fn cells_of(&self, plan: &Plan, row: &Row) -> Vec<usize> {
        let mut columns: Vec<usize> = match &plan.source {
            Made::Value(..) => Vec::new(),
            Made::Template(parts) => parts.iter().filter_map(column_of).collect(),
            Made::Columns(slots) => {
                let filled = |slot: &&Slot| !self.cell(row, slot).0.is_empty();
                slots.iter().find(filled).or(slots.first()).map(|slot| slot.index).into_iter().collect()
            }
        };
        if let Some((_, and)) = &plan.lookup {
            columns.extend(and.iter().map(|slot| slot.index));
        }
        columns.dedup();
        columns
    }
}

fn column_of(part: &Part) -> Option<usize> {
    match part {
        Part::Text(_) => None,
        Part::Column(slot) => Some(slot.index),
    }
}
