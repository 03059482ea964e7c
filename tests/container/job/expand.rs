//! Kubernetes' notations: `$(NAME)` and quantities.

/// Replaces `$(NAME)` by the variable's value where there is one; `$$` stands for `$`, so `$$(NAME)` stays as `$(NAME)`.
pub fn expand(text: &str, variables: &[(String, String)]) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let value = variables.iter().rev().find(|(known, _)| known == name);
            match value {
                Some((_, value)) => expanded.push_str(value),
                None => expanded.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded + rest
}

/// The name in parentheses at the beginning, and what follows them.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

/// The number that a quantity stands for: `500m`, `2`, `4Gi`.
pub fn quantity(text: &str) -> f64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        other => panic!("unknown suffix {other} of the quantity {text}"),
    };
    let number: f64 = digits
        .parse()
        .unwrap_or_else(|e| panic!("quantity {text}: {e}"));
    number * factor
}

#[test]
fn references_are_replaced_as_kubernetes_does() {
    let variables = [("A", "1"), ("B", "x"), ("A", "2")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let cases = [
        ("--shard=$(A)/$(B)", "--shard=2/x"),
        ("$(C)", "$(C)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$2"),
        ("$A $", "$A $"),
        ("$(A", "$(A"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text, &variables), expected, "{text}");
    }
}

#[test]
fn quantities_are_numbers() {
    let cases = [
        ("500m", 0.5),
        ("2", 2.0),
        ("1.5", 1.5),
        ("64Mi", 67_108_864.0),
        ("1G", 1e9),
    ];
    for (text, expected) in cases {
        assert_eq!(quantity(text), expected, "{text}");
    }
}
