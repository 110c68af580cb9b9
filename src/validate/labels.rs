//! What fields are called in messages to people.

use crate::model::Schema;

/// A field's name in words, Bulgarian and English; its own name where no words are known.
pub fn label(schema: &Schema, field: usize) -> (&str, &str) {
    field_words(schema.fields.get(field).map_or("", |field| field.name.as_str()))
}

/// What a field of that name is called, Bulgarian and English.
pub fn field_words(name: &str) -> (&str, &str) {
    match name {
        "p_actor_reg_no" => ("регистрационен номер", "registration number"),
        "p_report_date" => ("дата на отчета", "report date"),
        "p_drug_code" => ("код на лекарствения продукт (НСЦРЛП)", "product code (NCPR)"),
        "p_quantity" => ("количество", "quantity"),
        "p_trn_type" => ("тип на транзакцията", "transaction type"),
        "p_recipient_code" => ("код на получателя", "recipient code"),
        "p_available_qty" => ("налично количество в склада", "stock after the movement"),
        "p_batch_no" => ("партиден номер", "batch number"),
        "p_postcode" => ("пощенски код на склада", "postcode of the warehouse"),
        "p_rcpt_postcode" => {
            ("пощенски код на склада на получателя", "postcode of the recipient's warehouse")
        }
        "p_country" => ("държава", "country"),
        "p_export_planned_date" => ("дата на планирания износ", "planned export date"),
        "p_drug_product_code" => ("продуктов код (GTIN)", "product code (GTIN)"),
        "notes" => ("забележки", "notes"),
        "p_actor_trn_no" => ("Ваш номер на транзакцията", "your number of the transaction"),
        other => (other, other),
    }
}
