//! A total that no word names: the last row has nothing but the sum of what stands above it.

use super::row::Row;

/// Decimals that are added up.
const DECIMALS: usize = 6;
/// Figures of one number.
const LONGEST: usize = 18;
/// Numbers that must have been added up.
const FEW: usize = 2;

/// The last row with anything in it, if its first cell is empty and all it has, in one or two columns, is the sum of
/// the numbers in the rows of its width below the header.
pub(super) fn bare_total(rows: &[Row], header: u32) -> Option<u32> {
    let at = rows.iter().rposition(|row| !row.is_blank())?;
    let (last, above) = (rows.get(at)?, rows.get(..at)?);
    let filled: Vec<usize> = (0..last.len()).filter(|column| !text_at(last, *column).is_empty()).collect();
    let bare = (1..=2).contains(&filled.len()) && !filled.contains(&0) && last.len() > filled.len() + 1;
    let table = || above.iter().filter(|row| row.number() > header && row.len() == last.len());
    let is_sum =
        |column: &usize| sum(table(), *column).is_some_and(|sum| number(text_at(last, *column)) == Some(sum));
    (bare && last.number() > header && filled.iter().all(is_sum)).then_some(last.number())
}

fn sum<'r>(rows: impl Iterator<Item = &'r Row>, column: usize) -> Option<i128> {
    let mut count = 0;
    let mut sum = 0_i128;
    for text in rows.map(|row| text_at(row, column)).filter(|text| !text.is_empty()) {
        sum = sum.checked_add(number(text)?)?;
        count += 1;
    }
    (count >= FEW).then_some(sum)
}

fn text_at(row: &Row, column: usize) -> &str {
    row.cell(column).map_or("", |cell| cell.text.trim())
}

/// A number of figures with at most one mark, in millionths.
fn number(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let (sign, whole) = whole.strip_prefix('-').map_or((1, whole), |whole| (-1, whole));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > LONGEST || fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse::<i128>().ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    fn total_of(lines: &[&str]) -> Option<u32> {
        let row_of = |(at, line): (usize, &&str)| {
            let mut row = Row::new();
            row.start(u32::try_from(at).unwrap() + 1);
            line.split(';').for_each(|cell| row.push(cell, CellKind::Text));
            row
        };
        let rows: Vec<Row> = lines.iter().enumerate().map(row_of).collect();
        bare_total(&rows, 1)
    }

    #[test]
    fn only_a_sum_that_is_right_is_one() {
        assert_eq!(total_of(&["Дата;Код;Брой", "1.8.2026;7;3", "2.8.2026;8;4,5", ";;7,50", ""]), Some(4));
        assert_eq!(total_of(&["Дата;Код;Брой", "1.8.2026;7;3", "2.8.2026;8;4", ";;8"]), None);
        assert_eq!(total_of(&["Дата;Код;Брой", "1.8.2026;7;3", ";;3"]), None, "one number is no sum");
        assert_eq!(total_of(&["Дата;Код;Брой", "1.8.2026;7;3", "2.8.2026;8;4", "Йод;;7"]), None);
        assert_eq!(total_of(&["Дата;Код;Брой", "1.8.2026;7;3", "2.8.2026;8;x", ";;3"]), None);
    }
}
