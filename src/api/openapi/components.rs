//! The public names of the document's schemas, and a note on every enumeration.

use serde_json::Value;
use utoipa::openapi::{Components, OpenApi as Document, RefOr, Schema};

/// Added to every enumeration: clients must not break when a value is added.
const OPEN: &str = "More values may be added: be ready for one that you do not know.";

/// Gives the schemas of generic types names that suit generated clients: `Page_Transfer` becomes `TransferPage`.
pub fn name_generics(document: Document) -> Document {
    // A document of plain structs always serializes, and deserializes from its own output.
    let Ok(mut value) = serde_json::to_value(&document) else {
        return document;
    };
    rename(&mut value);
    let schemas = value.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(name, schema)| (public_name(&name), schema))
            .collect();
    }
    serde_json::from_value(value).unwrap_or(document)
}

/// The public name of a schema.
fn public_name(name: &str) -> String {
    match name.split_once('_') {
        Some(("Page", item)) => format!("{}Page", item.trim_end_matches("Summary")),
        Some(("AllowedAction", action)) => format!("Allowed{action}"),
        Some(("BatchAnswer", result)) => format!("{}BatchResult", result.trim_end_matches("Result")),
        _ => name.to_owned(),
    }
}

/// Renames the targets of the references in a value.
fn rename(value: &mut Value) {
    const PLACE: &str = "#/components/schemas/";
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "$ref" => {
                        if let Some(name) = text.strip_prefix(PLACE) {
                            *text = format!("{PLACE}{}", public_name(name));
                        }
                    }
                    value => rename(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

/// Notes on each enumeration that new values may be added.
pub fn open_enumerations(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::Object(schema)) = schema else {
            continue;
        };
        if schema.enum_values.is_none() {
            continue;
        }
        let description = schema.description.get_or_insert_default();
        if !description.is_empty() {
            description.push_str("\n\n");
        }
        description.push_str(OPEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn generic_types_are_named_after_what_they_hold() {
        for (name, public) in [
            ("Transfer", "Transfer"),
            ("Page_AuditEntry", "AuditEntryPage"),
            ("Page_TransferSummary", "TransferPage"),
            ("AllowedAction_TransferAction", "AllowedTransferAction"),
            ("BatchAnswer_ResetCodeResult", "ResetCodeBatchResult"),
        ] {
            assert_eq!(public_name(name), public);
        }
        let mut value =
            json!({"a": [{"$ref": "#/components/schemas/Page_Transfer"}, {"$ref": "#/else/Page_Transfer"}]});
        rename(&mut value);
        let renamed = json!({"a": [{"$ref": "#/components/schemas/TransferPage"}, {"$ref": "#/else/Page_Transfer"}]});
        assert_eq!(value, renamed);
    }
}
