//! A QR code made of half blocks, for a phone to read off a terminal.

use qrcode::{Color, EcLevel, QrCode};

use super::face::Face;

/// The light frame without which readers find nothing (ISO/IEC 18004 §9.1), in modules.
const QUIET: usize = 4;

/// Black on white whatever the terminal's own colours are: in a dark theme the code would be inverted, which many
/// readers refuse. From the fixed part of the 256 colours, since themes redefine the first sixteen.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";

const RESET: &str = "\u{1b}[0m";

/// The code as lines of a terminal; none where nobody could scan it: no terminal, no colour, no blocks, too small.
pub(crate) fn lines(text: &str, face: &Face) -> Option<Vec<String>> {
    let shows = face.live && face.color && face.unicode;
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width() + 2 * QUIET;
    // One row more, for the line that says what is awaited.
    let fits = face.columns.is_some_and(|columns| columns >= side)
        && face.rows.is_some_and(|rows| rows > side.div_ceil(2));
    (shows && fits).then(|| drawn(&code))
}

fn drawn(code: &QrCode) -> Vec<String> {
    let side = code.width() + 2 * QUIET;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| (QUIET..QUIET + code.width()).contains(&at);
        inside(x) && inside(y) && code[(x - QUIET, y - QUIET)] == Color::Dark
    };
    let row = |y: usize| {
        let blocks = (0..side).map(|x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        format!("{BLACK_ON_WHITE}{}{RESET}", blocks.collect::<String>())
    };
    (0..side).step_by(2).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://as.example/device?user_code=BCDF-GHJK";

    fn face() -> Face {
        Face {
            live: true,
            color: true,
            unicode: true,
            columns: Some(80),
            rows: Some(40),
        }
    }

    /// The modules that a camera would see, frame included.
    fn seen(lines: &[String]) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in lines {
            let blocks = line
                .strip_prefix(BLACK_ON_WHITE)
                .and_then(|line| line.strip_suffix(RESET))
                .expect("every line has its own colours");
            rows.push(blocks.chars().map(|block| matches!(block, '█' | '▀')).collect());
            rows.push(blocks.chars().map(|block| matches!(block, '█' | '▄')).collect());
        }
        rows
    }

    #[test]
    fn what_is_drawn_is_the_code_within_a_light_frame() {
        let seen = seen(&lines(ADDRESS, &face()).expect("a code"));
        let code = QrCode::with_error_correction_level(ADDRESS, EcLevel::L).expect("a code");
        let side = code.width() + 2 * QUIET;
        assert!(seen.len() >= side && seen.iter().all(|row| row.len() == side));
        for (y, row) in seen.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let inside = |at: usize| at >= QUIET && at < QUIET + code.width();
                let expected = inside(x) && inside(y) && code[(x - QUIET, y - QUIET)] == Color::Dark;
                assert_eq!(*dark, expected, "{x} {y}");
            }
        }
    }

    #[test]
    fn where_nobody_could_scan_it_there_is_none() {
        let spoilt: [fn(&mut Face); 6] = [
            |face| face.live = false,
            |face| face.color = false,
            |face| face.unicode = false,
            |face| face.columns = Some(30),
            |face| face.columns = None,
            |face| face.rows = Some(12),
        ];
        for spoil in spoilt {
            let mut face = face();
            spoil(&mut face);
            assert_eq!(lines(ADDRESS, &face), None, "{face:?}");
        }
        assert_eq!(lines(&"x".repeat(4000), &face()), None, "too long for any code");
    }
}
