//! An aligned table that fits the terminal.

use super::{
    face::{Face, Paint},
    text,
};

/// What stands between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// The heading.
    pub(crate) title: &'static str,
    /// Where its texts stand.
    pub(crate) side: Side,
    /// What becomes of it where there is little room.
    pub(crate) room: Room,
}

/// What becomes of a column where there is little room; widths in columns of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It stays as it is.
    Whole,
    /// It is cut to no less than this.
    Least(usize),
    /// The same, and where even that is too much, it is left out, the last such column first.
    Spare(usize),
}

/// Where a text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

/// Rows of cells under headings; a column without any text is left out.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// A cell; the text may be a stranger's.
    pub(crate) fn new(paint: Paint, text: &str) -> Self {
        Self {
            text: text::line(text),
            paint,
        }
    }

    /// A cell without colour.
    pub(crate) fn plain(text: &str) -> Self {
        Self::new(Paint::Plain, text)
    }
}

impl Table {
    /// An empty table.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; one cell per column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The lines, headings first.
    pub(crate) fn lines(&self, face: &Face) -> Vec<String> {
        let mut table = self.without_empty_columns().in_glyphs(face);
        let mut widths = table.widths(face.columns);
        while !fits(&widths, face.columns) && table.drop_spare() {
            widths = table.widths(face.columns);
        }
        let headings = table
            .columns
            .iter()
            .map(|column| Cell::new(Paint::Faint, column.title))
            .collect();
        std::iter::once(&headings)
            .chain(&table.rows)
            .map(|row| table.line(row, &widths, face))
            .collect()
    }

    fn without_empty_columns(&self) -> Self {
        let used: Vec<bool> = (0..self.columns.len())
            .map(|at| {
                self.rows
                    .iter()
                    .any(|row| row.get(at).is_some_and(|cell| !cell.text.is_empty()))
            })
            .collect();
        Self {
            columns: kept(&self.columns, &used),
            rows: self.rows.iter().map(|row| kept(row, &used)).collect(),
        }
    }

    /// Signs are replaced before anything is measured: `…` is one column, `...` is three.
    fn in_glyphs(mut self, face: &Face) -> Self {
        for cell in self.rows.iter_mut().flatten() {
            cell.text = face.glyphs(&cell.text).into_owned();
        }
        self
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|at| self.natural_width(at)).collect();
        while !fits(&widths, limit) {
            let Some(widest) = self.widest_that_gives(&widths) else {
                break;
            };
            widths[widest] -= 1;
        }
        widths
    }

    fn drop_spare(&mut self) -> bool {
        let spare = self
            .columns
            .iter()
            .rposition(|column| matches!(column.room, Room::Spare(_)));
        if let Some(at) = spare {
            self.columns.remove(at);
            for row in &mut self.rows {
                row.remove(at);
            }
        }
        spare.is_some()
    }

    fn natural_width(&self, at: usize) -> usize {
        let cells = self.rows.iter().map(|row| text::width(&row[at].text));
        cells
            .chain([text::width(self.columns[at].title)])
            .max()
            .unwrap_or(0)
    }

    fn widest_that_gives(&self, widths: &[usize]) -> Option<usize> {
        (0..widths.len())
            .filter(|at| {
                self.columns[*at]
                    .room
                    .least()
                    .is_some_and(|least| widths[*at] > least)
            })
            .max_by_key(|at| widths[*at])
    }

    fn line(&self, row: &[Cell], widths: &[usize], face: &Face) -> String {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let shown = text::cut(&cell.text, *width, face.ellipsis());
            let padding = " ".repeat(width.saturating_sub(text::width(&shown)));
            let painted = face.paint(cell.paint, &shown);
            let gap = if at == 0 { "" } else { "  " };
            line.push_str(gap);
            match self.columns[at].side {
                Side::Left => line.extend([painted, padding]),
                Side::Right => line.extend([padding, painted]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn fits(widths: &[usize], limit: Option<usize>) -> bool {
    let gaps = GAP * widths.len().saturating_sub(1);
    limit.is_none_or(|limit| widths.iter().sum::<usize>() + gaps <= limit)
}

impl Room {
    fn least(self) -> Option<usize> {
        match self {
            Self::Whole => None,
            Self::Least(least) | Self::Spare(least) => Some(least),
        }
    }
}

fn kept<T: Clone>(items: &[T], used: &[bool]) -> Vec<T> {
    let both = items.iter().zip(used);
    both.filter(|(_, used)| **used)
        .map(|(item, _)| item.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column = |title, side, room| Column { title, side, room };
        let mut table = Table::new(vec![
            column("SERVER", Side::Left, Room::Whole),
            column("EMPTY", Side::Left, Room::Whole),
            column("TOOLS", Side::Right, Room::Whole),
            column("ACCOUNT", Side::Left, Room::Spare(7)),
        ]);
        let rows = [
            ["notion", "", "14", "Ada Lovelace · Analytical Engines"],
            ["設定", "", "1200", "\u{1b}[31mGrace"],
        ];
        for row in rows {
            table.push(row.iter().map(|text| Cell::plain(text)).collect());
        }
        table
    }

    fn face(columns: Option<usize>) -> Face {
        Face {
            live: false,
            color: false,
            unicode: true,
            columns,
            rows: None,
        }
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        assert_eq!(
            table().lines(&face(None)),
            [
                "SERVER  TOOLS  ACCOUNT",
                "notion     14  Ada Lovelace · Analytical Engines",
                "設定     1200  Grace",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_what_may_be_cut() {
        let lines = table().lines(&face(Some(30)));
        assert_eq!(lines[1], "notion     14  Ada Lovelace ·…");
        assert!(lines.iter().all(|line| text::width(line) <= 30));
        assert_eq!(table().lines(&face(Some(22)))[1], "notion     14  Ada Lo…");
        assert_eq!(
            table().lines(&face(Some(20)))[1],
            "notion     14",
            "rather than less"
        );
    }
}
