//! Checks that imports go one way: no cycle between files, and no import from a lower layer of the controller to a higher
//! one. The layers are explained in `ARCHITECTURE.md`.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders of `src/controller`. One may import those below it, and never one above it.
const LAYERS: [&str; 12] = [
    "process",
    "audience",
    "reports",
    "workspace",
    "receipts",
    "watch",
    "lists",
    "context",
    "state",
    "decide",
    "kube",
    "model",
];

/// The path of a module, such as `["controller", "state", "gates"]`. The crate's root is empty.
type Module = Vec<String>;

/// The source files of the crate, without tests.
struct Sources {
    /// The code of each module.
    code: BTreeMap<Module, String>,
    /// The items that a module re-exports, with what they are.
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

/// The code of a file without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let tests = text.match_indices("#[cfg(test)]").find(|(at, _)| {
        let rest = text[*at..].lines().skip(1).find(|line| !line.starts_with("#["));
        rest.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    });
    let text = tests.map_or(text, |(at, _)| &text[..at]);
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The modules that a file declares for tests only.
fn test_modules(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("#[cfg(test)]").filter_map(|(at, _)| {
        let line = text[at..].lines().skip(1).find(|line| !line.starts_with("#["))?;
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    })
}

impl Sources {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut texts = BTreeMap::new();
        read_folder(&root, &root, &mut texts);
        Self::of(texts)
    }

    fn of(texts: BTreeMap<Module, String>) -> Self {
        let tests: BTreeSet<Module> = texts
            .iter()
            .flat_map(|(module, text)| test_modules(text).map(|name| [module.as_slice(), &[name]].concat()))
            .collect();
        let is_test = |module: &Module| (0..=module.len()).any(|length| tests.contains(&module[..length]));
        let code: BTreeMap<_, _> =
            texts.into_iter().filter(|(module, _)| !is_test(module)).map(|(m, text)| (m, code(&text))).collect();
        let mut sources = Self { code, exports: BTreeMap::new() };
        for (module, code) in &sources.code {
            let exported = statements(code).filter(|(public, _)| *public).flat_map(|(_, paths)| expand(&paths));
            let exported = exported.filter_map(|path| sources.absolute(module, &path));
            let by_name = exported.map(|path| (path.last().cloned().unwrap_or_default(), path)).collect();
            sources.exports.insert(module.clone(), by_name);
        }
        sources
    }

    /// A path as it is written in a module, from the crate's root; `None` for a path into another crate.
    fn absolute(&self, module: &[String], path: &str) -> Option<Module> {
        let mut parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
        let mut base = module.to_vec();
        match parts.first()? {
            &"crate" => base.clear(),
            &"self" | &"super" => {}
            first if self.code.contains_key(&[module, &[(*first).to_owned()]].concat()) => parts.insert(0, "self"),
            _ => return None,
        }
        for part in &parts {
            match *part {
                "crate" | "self" => {}
                "super" => drop(base.pop()),
                name => base.push(name.to_owned()),
            }
        }
        Some(base)
    }

    /// The module in whose file a path is defined; re-exports are followed.
    fn defined_in(&self, path: &[String]) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|length| self.code.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        match rest.first().and_then(|name| self.exports.get(module)?.get(name)) {
            Some(target) => self.defined_in(&[target.as_slice(), &rest[1..]].concat()),
            None => Some(module.to_vec()),
        }
    }

    /// The modules that each module imports.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let imports_of = |(module, code): (&Module, &String)| {
            let used = statements(code).filter(|(public, _)| !public).flat_map(|(_, paths)| expand(&paths));
            let inline = inline_paths(code);
            let imported = used.chain(inline).filter_map(|path| self.defined_in(&self.absolute(module, &path)?));
            (module.clone(), imported.filter(|other| other != module).collect())
        };
        self.code.iter().map(imports_of).collect()
    }
}

fn read_folder(root: &Path, folder: &Path, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = name.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            module.pop_if(|last| last == "mod" || last == "lib");
            if module != ["main"] {
                texts.insert(module, fs::read_to_string(&path).unwrap());
            }
        }
    }
}

/// The `use` statements of a file: whether each re-exports, and its paths.
fn statements(code: &str) -> impl Iterator<Item = (bool, String)> + '_ {
    code.match_indices("use ").filter_map(|(at, _)| {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        let is_statement = line.is_empty() || line == "pub" || line.starts_with("pub(") && line.ends_with(')');
        let paths = code[at + "use ".len()..].split(';').next()?;
        is_statement.then(|| (!line.is_empty(), paths.split_whitespace().collect::<Vec<_>>().join(" ")))
    })
}

/// The single paths of a `use` statement: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(paths: &str) -> Vec<String> {
    let Some((prefix, inner)) = paths.split_once('{') else {
        return vec![paths.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut items, mut depth) = (vec![String::new()], 0);
    for letter in inner.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().unwrap().push(letter);
    }
    let items = items.into_iter().filter(|item| !item.trim().is_empty());
    let with_prefix = |item: String| format!("{}{item}", prefix.trim());
    items.flat_map(|item| expand(item.trim())).map(with_prefix).map(|path| path.replace("::self", "")).collect()
}

/// The paths in the code beside its `use` statements.
fn inline_paths(code: &str) -> Vec<String> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut in_statement = false;
    let mut rest = String::new();
    for line in code.lines() {
        let start = line.trim_start();
        in_statement |= start.starts_with("use ") || start.starts_with("pub") && start.contains("use ");
        if !in_statement {
            rest.push_str(line);
            rest.push('\n');
        }
        in_statement &= !line.contains(';');
    }
    let words = rest.split(|letter: char| !is_path(letter)).filter(|word| word.contains("::"));
    words.filter(|word| !word.starts_with(':')).map(str::to_owned).collect()
}

/// A cycle of imports, if there is one.
fn cycle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    fn visit(
        module: &Module,
        imports: &BTreeMap<Module, BTreeSet<Module>>,
        path: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(start) = path.iter().position(|on_path| on_path == module) {
            return Some(path[start..].to_vec());
        }
        if done.contains(module) {
            return None;
        }
        path.push(module.clone());
        let found = imports.get(module).into_iter().flatten().find_map(|next| visit(next, imports, path, done));
        path.pop();
        done.insert(module.clone());
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| visit(module, imports, &mut vec![], &mut done))
}

/// The position of a module's folder in the controller; a higher number is a lower layer.
fn layer(module: &[String]) -> Option<usize> {
    let folder = module.strip_prefix(&["controller".to_owned()])?.first()?;
    LAYERS.iter().position(|layer| layer == folder)
}

/// The imports from a lower layer to a higher one.
fn upward(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let pairs = imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let is_upward = |(from, to): &(&Module, &Module)| match (layer(from), layer(to)) {
        (Some(from), Some(to)) => to < from,
        // Nothing below the controller knows it.
        (None, Some(_)) => from.first().is_some_and(|first| first != "controller"),
        _ => false,
    };
    pairs.filter(is_upward).map(|(from, to)| format!("{} imports {}", from.join("::"), to.join("::"))).collect()
}

#[test]
fn no_file_imports_itself_through_others() {
    let imports = Sources::read().imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 500, "the imports weren't found");
    let cycle = cycle(&imports).map(|cycle| cycle.iter().map(|module| module.join("::")).collect::<Vec<_>>());
    assert_eq!(cycle, None, "each of these files imports the next, and the last one the first");
}

#[test]
fn no_layer_of_the_controller_imports_a_higher_one() {
    let sources = Sources::read();
    let folders: BTreeSet<_> =
        sources.code.keys().filter_map(|m| m.strip_prefix(&["controller".to_owned()])?.first()).collect();
    let unknown: Vec<_> = folders.into_iter().filter(|folder| !LAYERS.contains(&folder.as_str())).collect();
    assert!(unknown.is_empty(), "not in the table of layers: {unknown:?}");
    assert_eq!(upward(&sources.imports()), Vec::<String>::new());
}

#[test]
fn the_check_finds_cycles_through_re_exports_and_inline_paths() {
    let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Module>();
    let texts = [
        ("", "pub mod a;\npub mod b;\n#[cfg(test)]\nmod tests;\n"),
        ("tests", "use crate::a::A;\n"),
        ("a", "mod inner;\npub use inner::A;\n"),
        ("a::inner", "use crate::b::{self, B as Other};\npub struct A;\n"),
        ("b", "pub struct B;\nfn f() { crate::a::A::new() } // crate::tests\n"),
    ];
    let sources = Sources::of(texts.into_iter().map(|(path, text)| (module(path), text.to_owned())).collect());
    let imports = sources.imports();
    assert_eq!(imports[&module("b")], [module("a::inner")].into(), "the re-export is followed");
    let found = cycle(&imports).unwrap();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), [module("a::inner"), module("b")].into());
}

#[test]
fn the_check_finds_an_import_of_a_higher_layer() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let imports = [
        (module("controller::state::gates"), [module("controller::context::queues")].into()),
        (module("controller::context::queues"), [module("controller::model::keys")].into()),
        (module("ledger::decide"), [module("controller::model::keys")].into()),
    ];
    let expected = [
        "controller::state::gates imports controller::context::queues",
        "ledger::decide imports controller::model::keys",
    ];
    assert_eq!(upward(&imports.into_iter().collect()), expected);
}
