//! WHAT on the command line: a file, a row, a number, a batch.

use std::path::{Path, PathBuf};

use crate::ledger::What;

/// What WHAT may be.
pub(super) const HELP: &str = "FILE, FILE:ROW (the input's row, as rx_row shows it), id:72 (the system's), no:… (ours, as sent), batch:… (ours); of files of one name, a report's name tells which";

/// Reads WHAT. A bare number is refused with what it could be.
pub(super) fn parse(text: &str) -> Result<What, String> {
    if let Some(id) = text.strip_prefix("id:") {
        return Ok(What::Id(id.to_owned()));
    }
    if let Some(number) = text.strip_prefix("no:") {
        return Ok(What::Number(number.to_owned()));
    }
    if let Some(batch) = text.strip_prefix("batch:") {
        let number = batch.parse().map_err(|_| format!("`{batch}` is no batch number; rx_batch shows it"))?;
        return Ok(What::Batch(number));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !Path::new(text).exists() {
        return Err(format!(
            "a bare number could be several things; write id:{text} (the system's), no:{text} (ours), batch:{text} (our batch) or FILE:{text} (a row)"
        ));
    }
    if let Some((file, row)) = text.rsplit_once(':')
        && let Ok(row) = row.parse()
        && !file.is_empty()
    {
        return Ok(What::Row(absolute(file), row));
    }
    Ok(What::File(absolute(text)))
}

/// A path as the ledger knows files: absolute where the file is there, else only its name counts.
pub(super) fn absolute(file: &str) -> PathBuf {
    let path = PathBuf::from(file);
    match std::path::absolute(&path) {
        Ok(whole) if whole.exists() => whole,
        _ if path.is_absolute() => path,
        _ => PathBuf::from(path.file_name().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("id:72"), Ok(What::Id("72".into())));
        assert_eq!(parse("no:1261"), Ok(What::Number("1261".into())));
        assert_eq!(parse("batch:4"), Ok(What::Batch(4)));
        assert_eq!(parse("a.csv:14"), Ok(What::Row("a.csv".into(), 14)));
        assert_eq!(parse("a.csv"), Ok(What::File("a.csv".into())));
    }

    #[test]
    fn a_bare_number_says_what_it_could_be() {
        let told = parse("72").unwrap_err();
        for form in ["id:72", "no:72", "batch:72", "FILE:72"] {
            assert!(told.contains(form), "{told}");
        }
    }
}
