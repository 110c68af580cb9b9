//! The second sheet of a report workbook: the file as a whole, on one page.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Worksheet};

use super::columns::{PEOPLE, local_time};
use super::messages::{Speaker, pick, status_word, trial_mark, who_word};
use super::xlsx::Looks;
use super::{Error, Story};
use crate::ledger::BatchView;
use crate::model::{Environment, Lang, Status};

/// Most requests listed; the receipt has them all.
const BATCHES: usize = 500;

/// Widths of the columns, in characters.
const WIDTHS: [u8; 6] = [26, 22, 12, 64, 22, 22];
/// Height of a line, in points.
const LINE_POINTS: usize = 15;
/// Most lines of a wrapped cell that are shown at once.
const MOST_LINES: usize = 8;

/// The name of the sheet.
pub(super) fn sheet_name(lang: Lang) -> &'static str {
    pick(lang, "Обобщение", "Summary")
}

/// What the columns for people say, in their order.
pub(super) fn legend(lang: Lang) -> [&'static str; 5] {
    match lang {
        Lang::Bg => [
            "Състояние на реда",
            "Какво има, какво да направите и кой трябва да го направи",
            "Последен ден за подаване или поправка; за приет ред: за сторниране",
            "Номер, даден от националната система",
            "Кога е подаден",
        ],
        Lang::En => [
            "What became of the row",
            "What there is, what to do, and who does it",
            "Last day to send or repair; of an accepted row the last to reverse",
            "Number given by the national system",
            "When it was sent",
        ],
    }
}

/// Writes the sheet. `beyond` rows found no place on the sheet of rows.
pub(super) fn write(
    sheet: &mut Worksheet,
    story: &Story<'_>,
    speaker: &Speaker<'_>,
    looks: &Looks,
    beyond: u64,
) -> Result<(), Error> {
    sheet.set_name(sheet_name(speaker.lang))?;
    for (column, width) in (0..).zip(WIDTHS) {
        sheet.set_column_width(column, width)?;
    }
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    let mut page = Page { sheet, row: 0, speaker, looks, styles: Styles::new() };
    page.head(story)?;
    page.counts(story, beyond)?;
    page.todo(story)?;
    page.file_issues(story)?;
    page.batches(&story.file.batches)?;
    page.reading(story)?;
    page.legend()?;
    page.pair("Последен запис в дневника", "Ledger head", &story.file.ledger_head)
}

struct Styles {
    title: Format,
    trial: Format,
    heading: Format,
    label: Format,
    text: Format,
    bold: Format,
}

impl Styles {
    fn new() -> Self {
        let text = Format::new().set_align(FormatAlign::Top).set_num_format("@");
        Self {
            title: text.clone().set_bold().set_font_size(16),
            trial: text.clone().set_bold().set_background_color(Color::RGB(0xFF_C0_00)),
            heading: text
                .clone()
                .set_bold()
                .set_font_color(Color::RGB(0x1F_4E_79))
                .set_border_bottom(FormatBorder::Medium)
                .set_border_bottom_color(Color::RGB(0x1F_4E_79)),
            label: text.clone().set_font_color(Color::RGB(0x59_59_59)),
            bold: text.clone().set_bold(),
            text: text.set_text_wrap(),
        }
    }
}

struct Page<'a> {
    sheet: &'a mut Worksheet,
    row: u32,
    speaker: &'a Speaker<'a>,
    looks: &'a Looks,
    styles: Styles,
}

impl Page<'_> {
    fn say(&self, bg: &'static str, en: &'static str) -> &'static str {
        pick(self.speaker.lang, bg, en)
    }

    fn put(&mut self, column: u16, text: &str, style: &Format) -> Result<(), Error> {
        self.sheet.write_string_with_format(self.row, column, text, style)?;
        Ok(())
    }

    fn line(&mut self, cells: &[&str]) -> Result<(), Error> {
        let style = self.styles.text.clone();
        let mut lines = 1;
        for ((column, text), width) in (0..).zip(cells).zip(WIDTHS) {
            self.put(column, text, &style)?;
            lines = lines.max(text.chars().count().div_ceil(usize::from(width)));
        }
        if lines > 1 {
            // Not every program makes room for wrapped text by itself.
            let points = lines.min(MOST_LINES) * LINE_POINTS;
            self.sheet.set_row_height(self.row, u32::try_from(points).unwrap_or(u32::MAX))?;
        }
        self.row += 1;
        Ok(())
    }

    fn labels(&mut self, cells: &[&str]) -> Result<(), Error> {
        let style = self.styles.label.clone();
        for (column, text) in (0..).zip(cells) {
            self.put(column, text, &style)?;
        }
        self.row += 1;
        Ok(())
    }

    fn pair(&mut self, bg: &'static str, en: &'static str, value: &str) -> Result<(), Error> {
        let style = self.styles.label.clone();
        self.put(0, self.say(bg, en), &style)?;
        // Not wrapped: it may run over the empty cells at its right.
        let style = Format::new().set_num_format("@");
        self.put(1, value, &style)?;
        self.row += 1;
        Ok(())
    }

    fn heading(&mut self, bg: &'static str, en: &'static str) -> Result<(), Error> {
        self.row += 1;
        let style = self.styles.heading.clone();
        let text = self.say(bg, en);
        self.put(0, text, &style)?;
        for column in 1..6 {
            self.put(column, "", &style)?;
        }
        self.row += 1;
        Ok(())
    }

    fn head(&mut self, story: &Story<'_>) -> Result<(), Error> {
        let style = self.styles.title.clone();
        self.put(0, &story.file.name, &style)?;
        self.sheet.set_row_height(self.row, 24)?;
        self.row += 1;
        if self.speaker.trial {
            let style = self.styles.trial.clone();
            let text = self.say(
                "ПРОБА: нищо от този файл не е подадено в истинската система",
                "TRIAL: nothing of this file was reported to the real system",
            );
            self.put(0, text, &style)?;
            for column in 1..4 {
                self.put(column, "", &style)?;
            }
            self.row += 1;
        }
        self.row += 1;
        self.pair("Получен", "Received", &local_time(story.file.received_at))?;
        self.pair("Отчетът е от", "Report made", &local_time(story.now))?;
        let system = story.file.system.as_deref().unwrap_or("–").to_uppercase();
        let environment = story.file.environment.map_or("–", |environment| self.environment(environment));
        self.pair("Система", "System", &format!("{system}, {environment}"))?;
        self.pair("Раздел", "Destination", &story.file.destinations.join("; "))?;
        match &story.file.supersedes {
            Some((name, taken)) => {
                self.pair("Замества", "Supersedes", &format!("{name}, {}", local_time(*taken)))
            }
            None => Ok(()),
        }
    }

    fn environment(&self, environment: Environment) -> &'static str {
        match environment {
            Environment::Sandbox => self.say("вградена пробна среда", "built-in sandbox"),
            Environment::Test => self.say("тестова среда", "test environment"),
            Environment::Production => self.say("истинска среда", "production"),
        }
    }

    fn counts(&mut self, story: &Story<'_>, beyond: u64) -> Result<(), Error> {
        self.heading("Редове", "Rows")?;
        let totals = story.tally.totals;
        for status in Status::ALL.into_iter().filter(|status| totals.of(*status) > 0) {
            let mut word = String::from(status_word(status, self.speaker.lang));
            if self.speaker.trial {
                word.push(' ');
                word.push_str(trial_mark(self.speaker.lang));
            }
            let look = self.looks.status(status).clone();
            self.put(0, &word, &look)?;
            self.count(totals.of(status), false)?;
        }
        let bold = self.styles.bold.clone();
        self.put(0, self.say("Всичко редове с данни", "All data rows"), &bold)?;
        self.count(totals.rows(), true)?;
        if beyond > 0 {
            let text = self.say(
                "не се побират в лист на Excel; всички са в CSV файла с грешки",
                "do not fit into a sheet of Excel; all are in the CSV file of errors",
            );
            self.line(&[&beyond.to_string(), "", "", text])?;
        }
        Ok(())
    }

    fn count(&mut self, rows: u64, bold: bool) -> Result<(), Error> {
        let style = Format::new().set_num_format("# ##0").set_align(FormatAlign::Left);
        let style = if bold { style.set_bold() } else { style };
        // Exact: Excel counts no more rows than this.
        let rows = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
        self.sheet.write_number_with_format(self.row, 1, rows, &style)?;
        self.row += 1;
        Ok(())
    }

    fn todo(&mut self, story: &Story<'_>) -> Result<(), Error> {
        self.heading("Какво да се направи", "What to do")?;
        if story.tally.todo.is_empty() {
            return self.pair("Не е нужно да правите нищо.", "You need not do anything.", "");
        }
        let labels = match self.speaker.lang {
            Lang::Bg => ["Кой", "Код", "Редове", "Как", "Най-късно до"],
            Lang::En => ["Who", "Code", "Rows", "How", "Not later than"],
        };
        self.labels(&labels)?;
        for ((who, code), burden) in &story.tally.todo {
            let how = match self.speaker.catalogue.get(code) {
                Some(info) => info.words(self.speaker.lang).repair,
                None => self.say(
                    "Така отговори националната система; прочетете съобщението на реда.",
                    "The national system answered so; read the message of the row.",
                ),
            };
            let until = burden.until.map(|day| day.to_string()).unwrap_or_default();
            let who = who_word(*who, self.speaker.lang);
            self.line(&[who, code, &burden.rows.to_string(), how, &until])?;
        }
        if !story.tally.repairable {
            return Ok(());
        }
        self.row += 1;
        let text = self.say(
            "Отказаните редове са и във файла с „errors“ в името, до Вашия файл. Поправете там оцветените клетки, \
             запишете и затворете: файлът се взема сам.",
            "The refused rows are also in the file with `errors` in its name, beside yours. Repair the coloured \
             cells there, save and close: the file is taken by itself.",
        );
        self.pair("Как се поправя", "How to repair", text)
    }

    fn file_issues(&mut self, story: &Story<'_>) -> Result<(), Error> {
        if story.file.issues.is_empty() {
            return Ok(());
        }
        self.heading("За целия файл", "About the whole file")?;
        for issue in &story.file.issues {
            let mut text = String::new();
            self.speaker.issue(issue, &mut text);
            let style = Format::new().set_num_format("@");
            self.put(0, &text, &style)?;
            self.row += 1;
        }
        Ok(())
    }

    fn batches(&mut self, batches: &[BatchView]) -> Result<(), Error> {
        if batches.is_empty() {
            return Ok(());
        }
        self.heading("Заявки към системата", "Requests to the system")?;
        let labels = match self.speaker.lang {
            Lang::Bg => ["Наш номер", "Номер на системата", "Редове", "Състояние", "Изпратена", "Отговор"],
            Lang::En => ["Our number", "System's number", "Rows", "State", "Sent", "Answered"],
        };
        self.labels(&labels)?;
        for batch in batches.iter().take(BATCHES) {
            let sent = batch.sent_at.map(local_time).unwrap_or_default();
            let answered = batch.answered_at.map(local_time).unwrap_or_default();
            let remote = batch.remote.as_deref().unwrap_or("–");
            let state = self.batch_state(&batch.state).to_owned();
            self.line(&[&batch.id.to_string(), remote, &batch.rows.to_string(), &state, &sent, &answered])?;
        }
        match batches.len().saturating_sub(BATCHES) {
            0 => Ok(()),
            more => {
                let text = self.say("още; вижте разписката (receipt)", "more; see the receipt");
                self.line(&[&more.to_string(), text])
            }
        }
    }

    fn batch_state<'s>(&self, state: &'s str) -> &'s str {
        match state {
            "sending" => self.say("изпраща се", "being sent"),
            "retry" => self.say("ще се изпрати отново", "will be sent again"),
            "pending" => self.say("чака отговор", "waits for the answer"),
            "unknown" => self.say("неизвестно дали е приета", "not known whether it was accepted"),
            "settled" => self.say("приключена", "settled"),
            other => other,
        }
    }

    fn reading(&mut self, story: &Story<'_>) -> Result<(), Error> {
        self.heading("Как е прочетен файлът", "How the file was read")?;
        let Some(reading) = story.reading else { return Ok(()) };
        let header = reading.header_row.map(|row| row.to_string());
        let left_out: Vec<String> =
            reading.left_out.iter().map(|(why, rows)| format!("{}: {rows}", self.no_data(why))).collect();
        let left_out = (!left_out.is_empty()).then(|| left_out.join("; "));
        let mapping = story.file.mapping.as_ref();
        let mapping = mapping.map(|mapping| format!("{}, {}", mapping.name, mapping.version));
        for (bg, en, value) in [
            ("Вид", "Format", Some(&reading.format)),
            ("Кодиране", "Encoding", reading.encoding.as_ref()),
            ("Разделител", "Delimiter", reading.delimiter.as_ref()),
            ("Лист", "Sheet", reading.sheet.as_ref()),
            ("Ред със заглавията", "Header row", header.as_ref()),
            ("Пропуснати редове", "Rows left out", left_out.as_ref()),
            ("Настройка, версия", "Mapping, version", mapping.as_ref()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                self.pair(bg, en, value)?;
            }
        }
        reading.notes.iter().try_for_each(|note| self.pair("Бележка", "Note", note))
    }

    fn no_data<'s>(&self, why: &'s str) -> &'s str {
        match why {
            "title" => self.say("над заглавията", "above the header"),
            "blank" => self.say("празни", "blank"),
            "total" => self.say("сборове и под тях", "totals and below them"),
            other => other,
        }
    }

    fn legend(&mut self) -> Result<(), Error> {
        self.heading("Добавени колони", "Added columns")?;
        for (name, words) in PEOPLE.into_iter().zip(legend(self.speaker.lang)) {
            let style = self.styles.label.clone();
            self.put(0, name, &style)?;
            let style = Format::new();
            self.put(1, words, &style)?;
            self.row += 1;
        }
        self.row += 1;
        Ok(())
    }
}
