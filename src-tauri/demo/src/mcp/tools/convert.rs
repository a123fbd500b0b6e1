//! Units.

/// A unit: what it measures, and how it becomes the base unit of that (`value * factor + offset`).
struct Unit {
    measures: &'static str,
    factor: f64,
    offset: f64,
}

fn unit(name: &str) -> Option<Unit> {
    let (measures, factor, offset) = match name {
        "m" => ("length", 1.0, 0.0),
        "km" => ("length", 1000.0, 0.0),
        "cm" => ("length", 0.01, 0.0),
        "ft" => ("length", 0.3048, 0.0),
        "in" => ("length", 0.0254, 0.0),
        "mi" => ("length", 1609.344, 0.0),
        "kg" => ("mass", 1.0, 0.0),
        "g" => ("mass", 0.001, 0.0),
        "lb" => ("mass", 0.453_592_37, 0.0),
        "oz" => ("mass", 0.028_349_523_125, 0.0),
        "K" => ("temperature", 1.0, 0.0),
        "C" => ("temperature", 1.0, 273.15),
        "F" => ("temperature", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
        _ => return None,
    };
    Some(Unit {
        measures,
        factor,
        offset,
    })
}

/// The value in another unit, or a sentence.
pub(super) fn convert(value: f64, from: &str, to: &str) -> Result<f64, String> {
    let known = |name: &str| unit(name).ok_or_else(|| format!("there is no unit called {name}"));
    let (source, target) = (known(from)?, known(to)?);
    if source.measures != target.measures {
        return Err(format!(
            "{from} is {}, {to} is {}",
            source.measures, target.measures
        ));
    }
    Ok((value.mul_add(source.factor, source.offset) - target.offset) / target.factor)
}

#[cfg(test)]
mod tests {
    use super::convert;

    #[test]
    fn units_of_one_kind_convert_and_others_do_not() {
        assert!((convert(100.0, "C", "F").expect("both are temperatures") - 212.0).abs() < 1e-9);
        assert!((convert(1.0, "mi", "km").expect("both are lengths") - 1.609_344).abs() < 1e-9);
        assert!(convert(1.0, "kg", "m").is_err());
        assert!(convert(1.0, "parsec", "m").is_err());
    }
}
