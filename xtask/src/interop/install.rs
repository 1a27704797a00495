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
/// graphite-web 1.1.10 and what it stands on. Its Django is the last that it runs with, and needs a
/// module that Python 3.13 has dropped.
const WEB: &[&str] = &[
    "graphite-web==1.1.10",
    "Django==3.0.14",
    "django-tagging==0.4.3",
    "asgiref==3.13.0",
    "cairocffi==1.7.1",
    "cffi==2.1.1",
    "pycparser==3.12",
    "pyparsing==3.3.3",
    "pytz==2026.6",
    "sqlparse==0.6.1",
    "legacy-cgi==2.6.3; python_version >= '3.13'",
];
/// Written last, so that an installation that was cut is done again.
const STAMP: &str = "installed.txt";
const WEB_STAMP: &str = "installed-web.txt";

/// What carbon and graphite-web import and Python 3.12 has dropped: `imp`, for settings that are
/// not used here, and names of `configparser`.
const MEND: &str = "import sys, sysconfig, pathlib
if sys.version_info >= (3, 12):
    place = pathlib.Path(sysconfig.get_path('purelib'))
    (place / 'imp.py').write_text('PY_SOURCE = 1\\n')
    (place / 'mend.pth').write_text(
        'import configparser as c; c.SafeConfigParser = c.ConfigParser; '
        'c.RawConfigParser.readfp = c.RawConfigParser.read_file\\n')
";

/// Returns the Python of a virtual environment that holds carbon, or what to do about it.
pub(super) fn python(folder: &Path) -> std::result::Result<PathBuf, String> {
    let python = folder.join("bin").join("python");
    let wanted = format!("{}\n{MEND}", [BUILD, PACKAGES].concat().join("\n"));
    stamped(&folder.join(STAMP), &wanted, || {
        println!("installing carbon 1.1.10 and its kin into {}", folder.display());
        make(folder, &python).map_err(|error| needs(PACKAGES, &*error))
    })?;
    Ok(python)
}

/// Adds graphite-web to that environment, or says what to do about it.
pub(super) fn web(python: &Path) -> std::result::Result<(), String> {
    let stamp = python.with_file_name(WEB_STAMP);
    stamped(&stamp, &WEB.join("\n"), || {
        println!("installing graphite-web 1.1.10 and its kin");
        let all = [&["--no-build-isolation"], WEB].concat();
        pip(python, &all).map_err(|error| needs(WEB, &*error))
    })?;
    // Whether Python finds it is what counts, however it came.
    let draws = || run(Command::new(python).args(["-c", "import cairocffi"])).is_ok();
    if draws() {
        return Ok(());
    }
    apt("libcairo2").map_err(|error| format!("apt-get install libcairo2 ({error})"))?;
    if draws() { Ok(()) } else { Err("install libcairo2, so that cairocffi finds it".to_owned()) }
}

fn needs(packages: &[&str], error: &dyn std::error::Error) -> String {
    format!("needs python3 with pip, and PyPI's {}: {error}", packages.join(" "))
}

/// Makes what a stamp says is there, unless it says so.
fn stamped(
    stamp: &Path,
    wanted: &str,
    make: impl FnOnce() -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    if std::fs::read_to_string(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    make()?;
    std::fs::write(stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn make(folder: &Path, python: &Path) -> Result {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    // Debian leaves pip's wheel out of venv: then the system's pip installs into it.
    if run(Command::new("python3").args(["-m", "venv"]).arg(folder)).is_err() {
        let mut bare = Command::new("python3");
        run(bare.args(["-m", "venv", "--clear", "--without-pip"]).arg(folder))?;
    }
    run(Command::new(python).args(["-c", MEND]))?;
    pip(python, BUILD)?;
    pip(python, &[&["--no-build-isolation"], PACKAGES].concat())
}

/// Installs into the environment of a Python, by its own pip if it has one.
fn pip(python: &Path, arguments: &[&str]) -> Result {
    let own = python.with_file_name("pip").exists();
    let mut pip = Command::new(if own { python } else { Path::new("python3") });
    pip.args(["-m", "pip"]);
    if !own {
        pip.arg("--python").arg(python);
    }
    // Otherwise the setups of Graphite put its packages where Python does not look.
    pip.env("GRAPHITE_NO_PREFIX", "True");
    run(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(arguments))
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

/// Cuts Debian's parts from a version: an epoch before it, and what it is packaged as.
fn upstream(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
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
