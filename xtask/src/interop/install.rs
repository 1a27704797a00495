//! What the receivers need, installed where it is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::command::output;

/// Built without the isolation that would fetch other build tools.
const BUILD: &[&str] = &["setuptools==68.2.2", "wheel==0.48.0"];
/// carbon 1.1.10 and what it stands on, as tested together.
const PACKAGES: &[&str] = &[
    "carbon==1.1.10",
    "whisper==1.1.10",
    "Twisted==26.10.0",
    "txAMQP==0.8.2",
    "cachetools==8.0.1",
    "urllib3==2.8.0",
    "six==1.17.0",
    "aiographite==0.2.0",
];
/// Written last, so that an installation that was cut is done again.
const STAMP: &str = "installed.txt";

/// Returns the Python of a virtual environment that holds carbon, or what to do about it.
pub(super) fn python(folder: &Path) -> std::result::Result<PathBuf, String> {
    let python = folder.join("bin").join("python");
    let wanted = [BUILD, PACKAGES].concat().join("\n");
    let stamp = folder.join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!("installing carbon 1.1.10 and its kin into {}", folder.display());
    let made = make(folder, &python).and_then(|()| Ok(std::fs::write(&stamp, wanted)?));
    made.map(|()| python).map_err(|error| {
        format!("needs python3 with pip, and PyPI's {}: {error}", PACKAGES.join(" "))
    })
}

fn make(folder: &Path, python: &Path) -> Result {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    // Debian leaves pip's wheel out of venv: then the system's pip installs into it.
    let own = run(Command::new("python3").args(["-m", "venv"]).arg(folder)).is_ok();
    if !own {
        let mut bare = Command::new("python3");
        run(bare.args(["-m", "venv", "--clear", "--without-pip"]).arg(folder))?;
    }
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new(if own { python } else { Path::new("python3") });
        pip.args(["-m", "pip"]);
        if !own {
            pip.arg("--python").arg(python);
        }
        // Otherwise carbon's setup puts its packages where Python does not look.
        pip.env("GRAPHITE_NO_PREFIX", "True");
        run(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(arguments))
    };
    pip(BUILD)?;
    pip(&[&["--no-build-isolation"], PACKAGES].concat())?;
    // carbon imports `imp`, which Python 3.12 has dropped, for a setting that is not used here.
    let script = "import sys, sysconfig, pathlib\n\
        if sys.version_info >= (3, 12):\n    \
        pathlib.Path(sysconfig.get_path('purelib'), 'imp.py').write_text('PY_SOURCE = 1\\n')\n";
    run(Command::new(python).args(["-c", script]))
}

/// Returns the version of an installed Debian package, installing it if need be, or what to do.
pub(super) fn debian(package: &str, program: &str) -> std::result::Result<String, String> {
    if !found(program) {
        apt(package).map_err(|error| format!("apt-get install {package} ({error})"))?;
    }
    if !found(program) {
        return Err(format!("install {package}, so that {program} is found"));
    }
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Version}", package]);
    Ok(output(&mut query, "").map_or_else(|_| "own build".to_owned(), |full| upstream(&full)))
}

/// Cuts Debian's part from a version.
fn upstream(version: &str) -> String {
    let end = version.find(['-', '+', '~']).unwrap_or(version.len());
    version[..end].to_owned()
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn apt(package: &str) -> Result {
    let mut id = Command::new("id");
    id.arg("-u");
    if output(&mut id, "")?.trim() != "0" {
        return Err("as root".into());
    }
    println!("installing the Debian package {package}");
    let get = |arguments: &[&str]| {
        // In run level 1 the package's own service is not started.
        let mut get = Command::new("apt-get");
        get.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        run(get.arg("-qq").args(arguments))
    };
    let install = ["install", "-y", "--no-install-recommends", package];
    get(&install).or_else(|_| get(&["update"]).and_then(|()| get(&install)))
}

/// Runs a command that says nothing unless it fails.
fn run(command: &mut Command) -> Result {
    output(command, "").map(drop)
}
