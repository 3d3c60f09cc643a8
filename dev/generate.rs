//! Writes what is generated from the Rust types: `crds/`, the chart's copies of them, `docs/api.md` and
//! `docs/conditions.md`.
//!
//! `cargo run --example generate`; `make test` fails when the files aren't current.

mod conditions;
mod reference;

use std::{fs, io, path::Path};

use propensity_operator::api::generate::crds;

/// Deleting a CRD deletes its objects, and receipts are the ledger: Helm keeps them on uninstall, Argo CD and Flux don't prune them.
const KEEP: [(&str, &str); 3] = [
    ("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"),
    ("helm.sh/resource-policy", "keep"),
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
];

const NOTICE: &str = "# Generated from the Rust types by `make generate`. Don't edit.\n";

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plain = root.join("crds");
    // Copies and no links: Flux leaves links out of its artifacts, so a chart from git would have no CRDs there.
    let chart = root.join("charts/propensity-operator/templates/crds");
    for folder in [&plain, &chart] {
        fs::create_dir_all(folder)?;
    }
    let reference = reference::document(&crds().into_iter().map(|(_, crd)| crd).collect::<Vec<_>>());
    fs::write(root.join("docs/api.md"), reference.map_err(io::Error::other)?)?;
    fs::write(root.join("docs/conditions.md"), conditions::document())?;
    for (file, mut crd) in crds() {
        crd.metadata.annotations.get_or_insert_default().extend(KEEP.map(|(k, v)| (k.to_owned(), v.to_owned())));
        let yaml = serde_saphyr::to_string(&crd).map_err(io::Error::other)?;
        fs::write(plain.join(&file), format!("{NOTICE}{yaml}"))?;
        // Helm reads `{{` in a template as its own; nothing in a CRD means that.
        let escaped = yaml.replace("{{", "{{ \"{{\" }}");
        fs::write(chart.join(&file), format!("{NOTICE}{{{{- if .Values.crds.install }}}}\n{escaped}{{{{- end }}}}\n"))?;
    }
    Ok(())
}
