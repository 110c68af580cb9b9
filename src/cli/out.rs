//! The terminal: answers on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use crate::model::Lang;

/// Prints a line of the answer.
pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Tells a person something that is not the answer. Nobody may be listening.
pub(super) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether standard error shows colours.
pub(super) fn colours() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody stopped reading our answer (`rxdrop status | head`): no failure of ours.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// One of two wordings.
pub(super) fn pick(lang: Lang, bg: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Bg => bg,
        Lang::En => en,
    }
}

/// A progress line for long work, shown on a terminal only.
pub(super) fn progress(what: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner();
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {msg} {human_pos} rows {per_sec}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

/// A plain table for people.
pub(super) fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header.to_vec());
    table
}

/// Columns of the terminal that the answer goes to; none where it goes anywhere else, and is given whole.
pub(super) fn width() -> Option<usize> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| usize::from(terminal.size().1))
}

/// Prints lines, each cut to the terminal's width.
pub(super) fn cut(lines: &str, width: Option<usize>) -> io::Result<()> {
    lines
        .lines()
        .map(str::trim_end)
        .try_for_each(|one| line(&width.map_or(one.to_owned(), |width| shortened(one, width))))
}

/// A text of at most so many letters; `…` stands for the rest.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().nth(letters).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Prints a text, broken between words at the terminal's width, set in by so many blanks.
pub(super) fn text(text: &str, indent: usize, width: Option<usize>) -> io::Result<()> {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
    wrapped(text, room).iter().try_for_each(|one| line(&format!("{:indent$}{one}", "")))
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= room;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{shortened, wrapped};

    #[test]
    fn texts_keep_to_the_width() {
        assert_eq!(wrapped("едно две три", 8), ["едно две", "три"]);
        assert_eq!(wrapped("дълга-дума а", 3), ["дълга-дума", "а"]);
        assert_eq!(wrapped("цял  ред", usize::MAX), ["цял  ред"]);
        assert_eq!((shortened("дума", 4), shortened("думата", 4)), ("дума".to_owned(), "дум…".to_owned()));
    }
}
