//! `docs/api.md`: every field of the CRDs with its type, bounds and description, as Markdown.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Text beside tables is broken at this many characters.
const WIDTH: usize = 140;

const INTRO: &str = "Every field of every kind, with the rules that the API server enforces. `kubectl explain <kind>.spec` shows the same in a terminal.

In the tables, `[]` after a name stands for each item of a list, and `*` for each value of a map. A field that is required must be set where the object around it is.";

/// What stands in a table for one field.
struct Row {
    field: String,
    cells: [String; 4],
    description: String,
}

const HEADINGS: [&str; 6] = ["field", "type", "required", "default", "bounds", "description"];

/// A CEL rule and what it is about.
struct Rule {
    on: String,
    message: String,
    rule: String,
}

/// The whole document.
pub fn document(crds: &[CustomResourceDefinition]) -> Result<String, String> {
    let mut out = format!(
        "# API reference\n\n<!-- Generated from the Rust types by `make generate`. Don't edit. -->\n\n{}\n\n",
        wrap(INTRO)
    );
    let group = crds.first().map_or_else(String::new, |crd| crd.spec.group.clone());
    out.push_str(&format!("Group: `{group}`. Kinds:\n\n"));
    for crd in crds {
        let kind = &crd.spec.names.kind;
        out.push_str(&format!("- [{kind}](#{})\n", kind.to_lowercase()));
    }
    for crd in crds {
        out.push_str(&section(crd).map_err(|error| format!("{}: {error}", crd.spec.names.kind))?);
    }
    Ok(out)
}

fn section(crd: &CustomResourceDefinition) -> Result<String, String> {
    let names = &crd.spec.names;
    let [version] = crd.spec.versions.as_slice() else { return Err("more than one version".into()) };
    let schema = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()).ok_or("no schema")?;
    let mut out = format!("\n## {}\n\n", names.kind);
    if let Some(text) = &schema.description {
        out.push_str(&format!("{}\n\n", wrap(text)));
    }

    let mut facts = format!("`apiVersion: {}/{}`, {}.", crd.spec.group, version.name, crd.spec.scope.to_lowercase());
    let shown = list(names.short_names.iter().flatten().chain(names.categories.iter().flatten()));
    facts.push_str(&format!(" Names for `kubectl`: `{}`, {shown}.", names.plural));
    if let Some(fields) = &version.selectable_fields {
        let fields = list(fields.iter().map(|field| field.json_path.trim_start_matches('.')));
        facts.push_str(&format!(" Field selectors: {fields}."));
    }
    out.push_str(&format!("{}\n", wrap(&facts)));

    let mut rules = Vec::new();
    collect_rules("", schema, &mut rules);
    for (part, schema) in schema.properties.iter().flatten() {
        let mut rows = Vec::new();
        rows_of("", schema, &mut rows).map_err(|error| format!("{part}.{error}"))?;
        collect_rules(part, schema, &mut rules);
        out.push_str(&format!("\n### {}: {part}\n\n", names.kind));
        if let Some(text) = schema.description.as_ref().filter(|_| part != "spec" && part != "status") {
            out.push_str(&format!("{}\n\n", wrap(text)));
        }
        out.push_str(&table(&rows));
    }
    if !rules.is_empty() {
        out.push_str(&format!("\n### {}: rules\n\nWhat breaks one is refused with its message.\n\n", names.kind));
        for Rule { on, message, rule } in rules {
            let on = if on.is_empty() { "The object".to_owned() } else { code(&on) };
            let text = wrap(&format!("{on}: {}", prose(&message))).replace('\n', "\n  ");
            out.push_str(&format!("- {text}\\\n  {}\n", code(&rule)));
        }
    }
    Ok(out)
}

/// The rows of an object's fields and of what lies below them.
fn rows_of(prefix: &str, schema: &JSONSchemaProps, rows: &mut Vec<Row>) -> Result<(), String> {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{prefix}{name}");
        let description = field.description.clone().ok_or_else(|| format!("{path} has no description"))?;
        row(&path, field, required.contains(name), description, rows)?;
    }
    Ok(())
}

fn row(
    path: &str,
    field: &JSONSchemaProps,
    required: bool,
    description: String,
    rows: &mut Vec<Row>,
) -> Result<(), String> {
    only_known_keywords(field)
        .map_err(|keyword| format!("{path} uses {keyword}, which dev/reference.rs doesn't show"))?;
    let default = match &field.default {
        Some(value) => code(&serde_json::to_string(&value.0).map_err(|error| error.to_string())?),
        None => String::new(),
    };
    let required = if required { "yes".to_owned() } else { String::new() };
    let cells = [type_of(field), required, default, bounds(field).join("; ")];
    rows.push(Row { field: path.to_owned(), cells, description });
    rows_of(&format!("{path}."), field, rows)?;
    if let Some((below, inner)) = inner(field) {
        // Scalars stand in the row of their list or map.
        if inner.properties.is_some() {
            let path = format!("{path}{below}");
            match &inner.description {
                Some(text) => row(&path, inner, false, text.clone(), rows)?,
                None => rows_of(&format!("{path}."), inner, rows)?,
            }
        }
    }
    Ok(())
}

/// What a list or a map holds, and how it is written in a path.
fn inner(schema: &JSONSchemaProps) -> Option<(&'static str, &JSONSchemaProps)> {
    match (&schema.items, &schema.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => Some(("[]", items)),
        (None, Some(JSONSchemaPropsOrBool::Schema(values))) => Some((".*", values)),
        _ => None,
    }
}

fn only_known_keywords(schema: &JSONSchemaProps) -> Result<(), &'static str> {
    for (keyword, used) in [
        ("allOf", schema.all_of.is_some()),
        ("anyOf", schema.any_of.is_some()),
        ("oneOf", schema.one_of.is_some()),
        ("not", schema.not.is_some()),
        ("exclusiveMaximum", schema.exclusive_maximum.is_some()),
        ("exclusiveMinimum", schema.exclusive_minimum.is_some()),
        ("multipleOf", schema.multiple_of.is_some()),
        ("int-or-string", schema.x_kubernetes_int_or_string.is_some()),
    ] {
        if used {
            return Err(keyword);
        }
    }
    Ok(())
}

fn type_of(schema: &JSONSchemaProps) -> String {
    let name = match (schema.type_.as_deref().unwrap_or("any"), schema.format.as_deref()) {
        ("string", Some("date-time")) => "time",
        (name, _) => name,
    };
    match inner(schema) {
        Some(("[]", items)) => format!("list of {}s", type_of(items)),
        Some((_, values)) => format!("map of {}s", type_of(values)),
        None => name.to_owned(),
    }
}

fn bounds(schema: &JSONSchemaProps) -> Vec<String> {
    let mut bounds = Vec::new();
    #[allow(clippy::cast_possible_truncation, reason = "bounds of integers")]
    let whole = |bound: Option<f64>| bound.map(|bound| bound as i64);
    for (min, max, unit) in [
        (schema.min_length, schema.max_length, "characters"),
        (schema.min_items, schema.max_items, "items"),
        (schema.min_properties, schema.max_properties, "entries"),
        (whole(schema.minimum), whole(schema.maximum), ""),
    ] {
        let text = match (min, max) {
            (None, None) => continue,
            (Some(min), Some(max)) if min == max => format!("exactly {}", number(min)),
            (Some(min), Some(max)) => format!("{} to {}", number(min), number(max)),
            (Some(min), None) => format!("at least {}", number(min)),
            (None, Some(max)) => format!("at most {}", number(max)),
        };
        bounds.push(format!("{text} {unit}").trim_end().to_owned());
    }
    if let Some(values) = &schema.enum_ {
        bounds.push(format!("one of {}", list(values.iter().filter_map(|value| value.0.as_str()))));
    }
    if let Some(pattern) = &schema.pattern {
        bounds.push(format!("matches {}", code(pattern)));
    }
    if let Some(keys) = &schema.x_kubernetes_list_map_keys {
        bounds.push(format!("no two with the same {}", list(keys)));
    }
    if schema.x_kubernetes_list_type.as_deref() == Some("set") {
        bounds.push("no two the same".into());
    }
    if schema.x_kubernetes_preserve_unknown_fields == Some(true) {
        bounds.push("unknown fields are kept".into());
    }
    if let Some((_, inner)) = inner(schema).filter(|(_, inner)| inner.properties.is_none()) {
        bounds.extend(self::bounds(inner).into_iter().map(|bound| format!("each {bound}")));
    }
    bounds
}

fn collect_rules(path: &str, schema: &JSONSchemaProps, rules: &mut Vec<Rule>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        let message = rule.message.clone().or_else(|| rule.message_expression.clone()).unwrap_or_default();
        rules.push(Rule { on: path.to_owned(), message, rule: rule.rule.clone() });
    }
    // The root's properties are walked by the caller, part by part.
    if !path.is_empty() {
        for (name, field) in schema.properties.iter().flatten() {
            collect_rules(&format!("{path}.{name}"), field, rules);
        }
    }
    if let Some((below, inner)) = inner(schema) {
        collect_rules(&format!("{path}{below}"), inner, rules);
    }
}

/// A table without the columns that are empty in all rows.
fn table(rows: &[Row]) -> String {
    let lines: Vec<[String; 6]> = rows
        .iter()
        .map(|Row { field, cells: [kind, required, default, bounds], description }| {
            [code(field), kind.clone(), required.clone(), default.clone(), bounds.clone(), prose(description)]
        })
        .collect();
    let used: Vec<usize> = (0..HEADINGS.len()).filter(|&i| lines.iter().any(|line| !line[i].is_empty())).collect();
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = used.iter().map(|&i| cell(i).replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = line(&|i| HEADINGS[i].into());
    out.push_str(&line(&|_| "---".into()));
    for cells in &lines {
        out.push_str(&line(&|i| cells[i].clone()));
    }
    out
}

/// Text on one line, in which nothing but code spans means something to Markdown.
pub fn prose(text: &str) -> String {
    let parts: Vec<String> = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .split('`')
        .enumerate()
        .map(|(i, part)| if i % 2 == 0 { part.replace('<', "&lt;").replace('*', "\\*") } else { part.to_owned() })
        .collect();
    parts.join("`")
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| code(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// 1000 as 1,000.
fn number(n: i64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && out != "-" {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Paragraphs with their lines broken between words.
fn wrap(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| {
            let mut out = String::new();
            let mut width = 0;
            for word in paragraph.split_whitespace() {
                let chars = word.chars().count();
                if width > 0 && width + 1 + chars > WIDTH {
                    out.push('\n');
                    width = 0;
                } else if width > 0 {
                    out.push(' ');
                    width += 1;
                }
                out.push_str(word);
                width += chars;
            }
            out
        })
        .collect::<Vec<_>>()
        .join("\n\n")
}
