//! Secrets: where they are read, and nowhere else.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::codes::{C015, C016, C017};
use super::text;
use crate::destinations::Secret;
use crate::model::{CodeInfo, Lang};

/// A secret could not be read. Never holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or is no text.
    #[error("{}", self.explain(Lang::En))]
    Environment {
        /// Its name.
        name: String,
    },
    /// The file can't be read.
    #[error("{}", self.explain(Lang::En))]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is empty or has more than one line.
    #[error("{}", self.explain(Lang::En))]
    Form {
        /// The variable's name or the file's path.
        from: String,
    },
}

impl SecretError {
    /// Its code.
    pub fn code(&self) -> &'static CodeInfo {
        match self {
            Self::Environment { .. } => &C015,
            Self::File { .. } => &C016,
            Self::Form { .. } => &C017,
        }
    }

    /// What is wrong and what to do.
    pub fn explain(&self, lang: Lang) -> String {
        let args = match self {
            Self::Environment { name } => vec![name.clone()],
            Self::File { path, source } => vec![path.display().to_string(), source.to_string()],
            Self::Form { from } => vec![from.clone()],
        };
        self.code().message(lang, &args)
    }
}

/// Reads a secret anew. A variable is taken as it stands; of a file's only line a byte-order mark,
/// UTF-16 and the line end are taken off and nothing else, because ids may end in dots or blanks.
///
/// # Errors
/// When the variable is not set, the file can't be read, or nothing or more than a line stands there.
pub fn read_secret(secret: &Secret) -> Result<SecretString, SecretError> {
    match secret {
        Secret::Env { env } => from_environment(env),
        Secret::File { file } => from_file(file),
        Secret::Value { value } => Ok(SecretString::from(value.as_str())),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
fn from_environment(name: &str) -> Result<SecretString, SecretError> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(SecretError::Form { from: name.to_owned() }),
        Ok(value) => Ok(SecretString::from(value)),
        Err(_) => Err(SecretError::Environment { name: name.to_owned() }),
    }
}

fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let text = text::read(path).map_err(|source| SecretError::File { path: path.to_owned(), source })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(SecretError::Form { from: path.display().to_string() });
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(bytes: &[u8]) -> Result<String, SecretError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let secret = Secret::File { file: file.path().to_owned() };
        read_secret(&secret).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn only_mark_and_line_end_are_taken_off() {
        assert_eq!(file("\u{feff} id.. \r\n".as_bytes()).unwrap(), " id.. ");
        assert_eq!(file(b"plain").unwrap(), "plain");
        let notepad: Vec<u8> = "\u{feff}тайна.\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(file(&notepad).unwrap(), "тайна.");
    }

    #[test]
    fn what_is_no_single_line_is_refused_without_being_shown() {
        for wrong in ["", "\n", "hunter2\nhunter3\n", "hunter2\n\n", "hunter2\rhunter3"] {
            let error = file(wrong.as_bytes()).unwrap_err();
            assert!(matches!(error, SecretError::Form { .. }), "{wrong:?}");
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
        assert!(matches!(file(b"\xCF\xE0\xF0"), Err(SecretError::File { .. })));
    }

    #[test]
    fn an_absent_variable_is_named() {
        let absent = Secret::Env { env: "RXDROP_TEST_NEVER_SET".to_owned() };
        let error = read_secret(&absent).unwrap_err();
        assert!(error.explain(Lang::Bg).contains("RXDROP_TEST_NEVER_SET"), "{error}");
        let path = Secret::Env { env: "PATH".to_owned() };
        assert!(!read_secret(&path).unwrap().expose_secret().is_empty());
        let value = Secret::Value { value: "sandbox".to_owned() };
        assert_eq!(read_secret(&value).unwrap().expose_secret(), "sandbox");
    }
}
