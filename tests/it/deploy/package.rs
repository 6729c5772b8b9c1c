//! A package made from what `cargo deb` would be told (`[package.metadata.deb]`), and a machine in a folder that dpkg installs it on.
//! Not here: what is expected of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// Where `deploy/deb/assets` puts what the binary makes.
const MADE: &str = "target/package/";

/// The binary, as the list names it.
const BINARY: &str = "target/release/carepass";

/// A package, built.
pub struct Package(PathBuf);

/// A line of the list of files: what, where to, and with which mode.
struct Asset {
    source: String,
    target: String,
    mode: u32,
}

impl Package {
    /// Lays out the files and packs them, with this as the binary.
    pub fn build(folder: &Path, version: &str, binary: &Path) -> Self {
        let tree = folder.join(format!("tree-{version}"));
        let made = folder.join(format!("made-{version}"));
        make_assets(folder, &made);
        for asset in assets() {
            for (source, target) in files(&asset, &made, binary) {
                put(&source, &tree.join(target), asset.mode);
            }
        }
        let metadata = metadata();
        let text = |key: &str| metadata[key].as_str().expect("a text").to_owned();
        let control = format!(
            "Package: carepass\nVersion: {version}\nArchitecture: all\nMaintainer: {}\nSection: {}\nPriority: {}\nDescription: carepass\n",
            text("maintainer"),
            text("section"),
            text("priority")
        );
        let debian = tree.join("DEBIAN");
        fs::create_dir_all(&debian).expect("a folder");
        fs::write(debian.join("control"), control).expect("it can be written");
        let kept: Vec<&str> =
            metadata["conf-files"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        fs::write(debian.join("conffiles"), kept.join("\n") + "\n").expect("it can be written");
        let scripts = root().join(text("maintainer-scripts"));
        for script in ["postinst", "prerm", "postrm"] {
            put(&scripts.join(script), &debian.join(script), 0o755);
        }
        let package = folder.join(format!("carepass-{version}.deb"));
        let mut pack = Command::new("dpkg-deb");
        pack.args(["--root-owner-group", "-Znone", "--build"]).arg(&tree).arg(&package);
        run(&mut pack);
        Self(package)
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("a path of letters")
    }

    /// Where the files go that are named one by one.
    pub fn places() -> Vec<String> {
        let place = |asset: Asset| {
            let name = asset.source.rsplit('/').next().unwrap_or_default().to_owned();
            if asset.target.ends_with('/') { format!("{}{name}", asset.target) } else { asset.target }
        };
        assets().into_iter().map(place).collect()
    }
}

/// A machine: a folder with dpkg's own records.
pub struct Machine(PathBuf);

impl Machine {
    pub fn new(folder: &Path) -> Self {
        let records = folder.join("var/lib/dpkg");
        for inner in ["info", "updates", "triggers"] {
            fs::create_dir_all(records.join(inner)).expect("a folder");
        }
        fs::write(records.join("status"), "").expect("it can be written");
        Self(folder.to_owned())
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// What dpkg and the package's scripts say. The scripts run outside of the folder and are told where it is.
    pub fn dpkg(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.0.display())).arg("--force-script-chrootless");
        command.args(["--force-not-root", "--force-bad-path", "--log=/dev/null"]).args(arguments);
        run(command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Table {
    let manifest: Table =
        fs::read_to_string(root().join("Cargo.toml")).expect("it is there").parse().expect("it is TOML");
    manifest["package"]["metadata"]["deb"].as_table().expect("a table").clone()
}

fn assets() -> Vec<Asset> {
    let metadata = metadata();
    let read = |line: &Value| {
        let words: Vec<&str> = line.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let [source, target, mode] = words[..] else { panic!("three texts: {line}") };
        let mode = u32::from_str_radix(mode, 8).expect("a mode");
        Asset { source: source.to_owned(), target: target.to_owned(), mode }
    };
    metadata["assets"].as_array().expect("a list").iter().map(read).collect()
}

/// Runs the script that makes pages and completions, with a stand-in that answers to the two commands: the pages themselves are the
/// command line's.
fn make_assets(folder: &Path, made: &Path) {
    let stand_in = folder.join("stand-in");
    let script = "#!/bin/sh\nset -eu\ncase \"$1\" in\nman) test \"$2\" = --out; echo page > \"$3/carepass.1\" ;;\n\
        completions) echo \"$2\" ;;\n*) exit 2 ;;\nesac\n";
    fs::write(&stand_in, script).expect("it can be written");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("it is ours");
    run(Command::new(root().join("deploy/deb/assets")).arg(&stand_in).arg(made));
}

/// The files that a line of the list means, each with its place; a line that means none is a mistake.
fn files(asset: &Asset, made: &Path, binary: &Path) -> Vec<(PathBuf, String)> {
    let source = match asset.source.strip_prefix(MADE) {
        Some(rest) => made.join(rest),
        None if asset.source == BINARY => binary.to_owned(),
        None => root().join(&asset.source),
    };
    let (above, name) = (source.parent().expect("a folder"), source.file_name().expect("a name"));
    let name = name.to_str().expect("letters");
    let found: Vec<PathBuf> = match name.split_once('*') {
        None => vec![source.clone()],
        Some((begin, end)) => {
            let listed = fs::read_dir(above).expect("a folder").map(|entry| entry.expect("readable").path());
            let fits = |path: &PathBuf| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.starts_with(begin) && name.ends_with(end)
            };
            listed.filter(fits).collect()
        }
    };
    assert!(!found.is_empty() && found.iter().all(|file| file.is_file()), "{} is not there", asset.source);
    let place = |file: PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).expect("letters");
        let target = if asset.target.ends_with('/') {
            format!("{}{name}", asset.target)
        } else {
            asset.target.clone()
        };
        (file, target)
    };
    found.into_iter().map(place).collect()
}

fn put(source: &Path, target: &Path, mode: u32) {
    fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
    fs::copy(source, target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    fs::set_permissions(target, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Everything that a command says; it has to end well.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}
