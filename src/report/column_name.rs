//! Whether a column name looks like a value.

/// Endings of host names that column names don't have.
const HOSTS: [&str; 16] = [
    ".com", ".net", ".org", ".edu", ".gov", ".io", ".co", ".uk", ".de", ".fr", ".eu", ".ch", ".nl", ".ai", ".dev",
    ".app",
];

/// Whether a column name looks like a value: an email address, a URL, a number or a date. In a table without headings
/// the first row takes their place, and its values must not be shown.
#[must_use]
pub fn looks_like_value(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let is_number = name.bytes().any(|byte| byte.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | ':' | '.' | ',' | ' ' | '$' | '%' | '€'));
    let is_host = !name.contains(' ') && (name.starts_with("www.") || HOSTS.iter().any(|end| name.ends_with(end)));
    name.contains('@') || name.contains("://") || name.contains("linkedin.com/") || is_number || is_host
}

#[cfg(test)]
mod tests;
