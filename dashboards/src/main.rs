//! Writes the committed files anew: `cargo xtask dashboards`.

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    for file in impresario_dashboards::files() {
        let path = impresario_dashboards::folder().join(&file.path);
        let parent = path.parent().context("a file has a folder")?;
        std::fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        std::fs::write(&path, &file.text).with_context(|| format!("write {}", path.display()))?;
        println!("{}", file.path);
    }
    Ok(())
}
