//! Paths on the wire, which are text.

use std::path::Path;

/// A path as the protocol has it, or what is wrong with it.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(not_utf8(path)),
    }
}

/// The same for a path that has to be absolute on a machine of this family.
pub(crate) fn absolute(path: &Path, platform_family: &str) -> Result<String, String> {
    let text = text(path)?;
    let is_absolute = if platform_family == "windows" {
        let begins_with = |prefix: &str| text.starts_with(prefix);
        let drive = matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
        drive || begins_with("\\\\")
    } else {
        text.starts_with('/')
    };
    if is_absolute {
        return Ok(text);
    }
    Err(format!("the path `{text}` is not absolute; give the whole path on the runtime's machine"))
}

/// What is wrong with a path that is no text.
pub(crate) fn not_utf8(path: &Path) -> String {
    format!(
        "the path `{}` is not valid UTF-8, which the protocol cannot carry; rename it or use another",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_as_the_machine_of_the_runtime_sees_it() {
        for (path, family, is_absolute) in [
            ("/a/b", "unix", true),
            ("a/b", "unix", false),
            ("", "unix", false),
            ("C:\\a", "unix", false),
            ("C:\\a", "windows", true),
            ("c:/a", "windows", true),
            ("\\\\server\\share", "windows", true),
            ("C:a", "windows", false),
            ("1:\\a", "windows", false),
            ("::\\a", "windows", false),
            ("/a", "windows", false),
        ] {
            assert_eq!(absolute(Path::new(path), family).is_ok(), is_absolute, "{path} {family}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_refused_not_changed() {
        use std::os::unix::ffi::OsStrExt;

        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a/\xff"));
        let problem = text(path).unwrap_err();
        assert!(problem.contains("not valid UTF-8"), "{problem}");
    }
}
