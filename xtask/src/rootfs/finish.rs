//! The effects of the packages' maintainer scripts that matter here: the scripts are not run, since
//! they need root and a running system.

use super::ldcache;
use super::tree::Tree;

/// Directories of the root that are links into `/usr` ("merged /usr").
pub const MERGED: [&str; 5] = ["bin", "sbin", "lib", "lib32", "lib64"];

/// Documentation and translations.
const DOCUMENTS: &[&str] = &[
    "usr/share/bash-completion/",
    "usr/share/bug/",
    "usr/share/common-licenses/",
    "usr/share/doc/",
    "usr/share/doc-base/",
    "usr/share/info/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
    "usr/share/menu/",
];

/// Character set tables; the C and UTF-8 locales load few of them.
const CHARACTER_SETS: &[&str] = &[
    "usr/lib/i386-linux-gnu/gconv/",
    "usr/lib/x86_64-linux-gnu/gconv/",
];

/// The tables that are kept: their index, and Unicode's other encodings (gdb asks for UTF-32).
const KEPT_SETS: &[&str] = &[
    "gconv-modules",
    "ISO8859-1.",
    "UNICODE.",
    "UTF-16.",
    "UTF-32.",
];

/// Links of alternatives (update-alternatives(1)) and diversions.
const LINKS: &[(&str, &str)] = &[
    ("usr/bin/awk", "mawk"),
    ("usr/bin/sh", "dash"),
    ("usr/bin/pager", "less"),
    ("etc/mtab", "/proc/mounts"),
    ("var/run", "/run"),
    ("var/lock", "/run/lock"),
];

/// Files that are copied from a template when their package is configured.
const TEMPLATES: &[(&str, &str)] = &[
    ("etc/passwd", "usr/share/base-passwd/passwd.master"),
    ("etc/group", "usr/share/base-passwd/group.master"),
    ("etc/profile", "usr/share/base-files/profile"),
    ("etc/nsswitch.conf", "usr/share/libc-bin/nsswitch.conf"),
    ("root/.bashrc", "usr/share/base-files/dot.bashrc"),
    ("root/.profile", "usr/share/base-files/dot.profile"),
];

/// Starts bash in a new session with the console as its terminal. The shell's end ends the machine
/// with status 0, whatever the shell's was.
const INIT: &str = r#"#!/bin/sh
export HOME=/root TERM="${TERM:-linux}"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tty=/dev/ttyS0
[ -c $tty ] || tty=/dev/console
[ -z "$LINES" ] || stty rows "$LINES" cols "$COLUMNS" <$tty
cd "$HOME"
setsid --ctty bash --login <$tty >$tty 2>&1
exit 0
"#;

/// `poweroff`, `reboot` and `halt` act at once: there is no service manager.
const AT_ONCE: &str = "#!/bin/sh\nexec busybox \"${0##*/}\" -f\n";

/// Completes a tree that packages were unpacked into.
pub fn complete(tree: &mut Tree, with_documents: bool) {
    for top in MERGED {
        tree.directory(&format!("usr/{top}"), 0o755);
        tree.link(top, &format!("usr/{top}"));
    }
    for directory in [
        "dev", "etc", "proc", "root", "run", "run/lock", "sys", "var",
    ] {
        tree.directory(directory, 0o755);
    }
    tree.directory("tmp", 0o1777);
    for (path, template) in TEMPLATES {
        if let Some(body) = tree.read(template).map(<[u8]>::to_vec)
            && !tree.has(path)
        {
            tree.file(path, 0o644, body);
        }
    }
    tree.file("etc/hostname", 0o644, "trident\n");
    tree.file(
        "etc/hosts",
        0o644,
        "127.0.0.1 localhost\n127.0.1.1 trident\n",
    );
    tree.file("init", 0o755, INIT);
    for name in ["poweroff", "reboot", "halt"] {
        tree.file(&format!("usr/sbin/{name}"), 0o755, AT_ONCE);
    }
    for (path, target) in LINKS {
        let exists = match path.rsplit_once('/') {
            Some((directory, _)) => tree.has(&format!("{directory}/{target}")),
            None => false,
        };
        if target.starts_with('/') || exists {
            tree.link(path, target);
        }
    }
    let cache = ldcache::make(tree);
    tree.file("etc/ld.so.cache", 0o644, cache);
    let under = |trees: &[&str], path: &str| trees.iter().any(|tree| path.starts_with(tree));
    let is_kept = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        under(KEPT_SETS, name)
    };
    tree.prune(|path| {
        under(CHARACTER_SETS, path) && !is_kept(path) || !with_documents && under(DOCUMENTS, path)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_completed() {
        let mut tree = Tree::default();
        tree.file("bin/dash", 0o755, "");
        tree.file("usr/share/base-passwd/passwd.master", 0o644, "root:");
        tree.file("usr/share/doc/dash/copyright", 0o644, "");
        complete(&mut tree, false);
        assert_eq!(tree.read("etc/passwd"), Some(&b"root:"[..]));
        assert!(tree.has("usr/bin/sh") && !tree.has("usr/bin/awk"));
        assert!(!tree.has("usr/share/doc/dash/copyright"));
        let archive = tree.archive();
        let link = formats::cpio::entries(&archive)
            .filter_map(Result::ok)
            .find(|entry| entry.name == b"bin")
            .expect("bin");
        assert_eq!(link.body, b"usr/bin");
    }
}
