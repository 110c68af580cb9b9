//! The example configuration that `rxdrop init` writes. It names every option; what it says is what
//! holds when it is left out, but for the drop folder.

use chrono::NaiveDate;

const EXAMPLE: &str = include_str!("example.toml");

/// The day in the example that gives way to the day of writing.
const PLACEHOLDER: &str = "2000-01-01";

/// The commented example configuration; files last changed before `since` are left alone.
pub fn template(since: NaiveDate) -> String {
    EXAMPLE.replace(PLACEHOLDER, &since.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::{Config, json_schema, load};
    use super::*;

    fn read(text: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rxdrop.toml");
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        load(&path).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn example() -> String {
        template(NaiveDate::from_ymd_opt(2026, 11, 21).unwrap())
    }

    /// The example with the settings that it only shows in comments.
    fn whole_example() -> String {
        example().replace("\n#! ", "\n")
    }

    /// Paths of all keys in the schema, `wire.` and array items included.
    fn schema_keys(schema: &Value, root: &Value, path: &str, keys: &mut BTreeSet<String>) {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        let schema = name.map_or(schema, |name| &root["$defs"][name]);
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}/{key}");
            keys.insert(path.clone());
            schema_keys(inner, root, &path, keys);
        }
        schema_keys_if(&schema["items"], root, path, keys);
        schema_keys_if(&schema["additionalProperties"], root, &format!("{path}/sespa"), keys);
        // `SpespaWire | null`; the forms of a secret are alternatives, so no example can name all.
        for inner in schema["anyOf"].as_array().into_iter().flatten().filter(|_| path.ends_with("/wire")) {
            schema_keys(inner, root, path, keys);
        }
    }

    fn schema_keys_if(schema: &Value, root: &Value, path: &str, keys: &mut BTreeSet<String>) {
        if schema.is_object() {
            schema_keys(schema, root, path, keys);
        }
    }

    fn toml_keys(value: &toml::Value, path: &str, keys: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) => table.iter().for_each(|(key, inner)| {
                let path = format!("{path}/{key}");
                keys.insert(path.clone());
                toml_keys(inner, &path, keys);
            }),
            toml::Value::Array(array) => array.iter().for_each(|inner| toml_keys(inner, path, keys)),
            _ => {}
        }
    }

    #[test]
    fn it_names_every_option() {
        let mut wanted = BTreeSet::new();
        let schema = json_schema();
        schema_keys(&schema, &schema, "", &mut wanted);
        assert!(wanted.len() > 60, "{wanted:?}");
        let mut named = BTreeSet::new();
        toml_keys(&toml::Value::Table(whole_example().parse().unwrap()), "", &mut named);
        let missing: Vec<_> = wanted.difference(&named).collect();
        assert!(missing.is_empty(), "{missing:?}");
        read(&whole_example());
    }

    #[test]
    fn outside_the_sandbox_nothing_of_it_is_taken_for_granted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rxdrop.toml");
        let text = example().replace("environment = \"sandbox\"", "environment = \"production\"");
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();
        let problems = load(&path).unwrap_err().to_string();
        let wanted = [
            "base_url",
            "token_path",
            "status_path",
            "submit_window_days",
            "reverse_window_days",
            "report_from",
        ];
        assert!(wanted.iter().all(|key| problems.contains(key)), "{problems}");
    }

    #[test]
    fn it_says_what_holds_without_it() {
        let (named, silent) = (read(&example()), read("[[drop]]\n"));
        assert_eq!(format!("{:?}", named.sections), format!("{:?}", silent.sections));
        assert_eq!(named.log, silent.log);
        assert_eq!(named.ledger.installation, silent.ledger.installation);
        assert_eq!(named.ledger.path.strip_prefix(&named.dir), silent.ledger.path.strip_prefix(&silent.dir));
        assert_eq!(named.drops[0].since, NaiveDate::from_ymd_opt(2026, 11, 21));
        let since = named.drops[0].since;
        let (folder, mappings) = (named.drops[0].folder.clone(), named.drops[0].mappings.clone());
        let expected = crate::config::DropFolder { folder, mappings, since, ..silent.drops[0].clone() };
        assert_eq!(named.drops[0], expected);
    }
}
