//! Permissions besides those of the sandbox.

use std::path::Path;

use crate::error::Result;
use crate::protocol::{
    AdditionalFileSystemPermissions, AdditionalNetworkPermissions, ExtraFields,
    FileSystemAccessMode, FileSystemPath, FileSystemSandboxEntry, GrantedPermissionProfile,
    PermissionGrantScope, PermissionsRequestApprovalParams, PermissionsRequestApprovalResponse,
};

use super::{Kind, PermissionsApproval};

impl PermissionsApproval {
    /// Grants all that was asked, for the turn or for as long as the thread is loaded.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn grant_all(&self, scope: PermissionGrantScope) -> Result<()> {
        let mut all = GrantedPermissionProfile::new();
        all.file_system.clone_from(&self.permissions.file_system);
        all.network.clone_from(&self.permissions.network);
        self.grant(all, scope)
    }

    /// Grants a part of what was asked, for the turn or for as long as the thread is loaded.
    ///
    /// ```no_run
    /// # fn example(request: codexkit::PermissionsApproval) -> codexkit::Result<()> {
    /// use codexkit::protocol::{GrantedPermissionProfile, PermissionGrantScope};
    ///
    /// // The files, and not the network.
    /// let mut part = GrantedPermissionProfile::new();
    /// part.file_system.clone_from(&request.permissions.file_system);
    /// request.grant(part, PermissionGrantScope::Turn)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): what was not asked cannot be granted.
    pub fn grant(
        &self,
        permissions: GrantedPermissionProfile,
        scope: PermissionGrantScope,
    ) -> Result<()> {
        self.respond(PermissionsRequestApprovalResponse::new(permissions).scope(scope))
    }

    /// Grants nothing. The agent is told what it was granted, and the turn goes on.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decline(&self) -> Result<()> {
        self.grant(GrantedPermissionProfile::new(), PermissionGrantScope::Turn)
    }
}

impl Kind for PermissionsRequestApprovalParams {
    fn no(&self) -> Option<PermissionsRequestApprovalResponse> {
        Some(PermissionsRequestApprovalResponse::new(GrantedPermissionProfile::new()))
    }

    fn check(&self, response: &PermissionsRequestApprovalResponse) -> Result<(), String> {
        let (asked, granted) = (&self.permissions, &response.permissions);
        if is_enabled(granted.network.as_ref()) && !is_enabled(asked.network.as_ref()) {
            return Err("the network was not asked for, and cannot be granted".into());
        }
        // Nobody knows what it would be.
        if granted.unrecognized != ExtraFields::default()
            || granted.network.as_ref().is_some_and(|it| it.unrecognized != ExtraFields::default())
        {
            return Err("what is not known cannot be granted".into());
        }
        if let Some(granted) = &granted.file_system {
            let nothing = AdditionalFileSystemPermissions::default();
            check_files(asked.file_system.as_ref().unwrap_or(&nothing), granted)?;
        }
        if response.strict_auto_review == Some(true)
            && response.scope == PermissionGrantScope::Session
        {
            return Err("a strict review is only possible for the scope of the turn".into());
        }
        Ok(())
    }
}

fn is_enabled(network: Option<&AdditionalNetworkPermissions>) -> bool {
    network.and_then(|it| it.enabled) == Some(true)
}

fn check_files(
    asked: &AdditionalFileSystemPermissions,
    granted: &AdditionalFileSystemPermissions,
) -> Result<(), String> {
    let refuse = |what: &str| Err(format!("{what} was not asked for, and cannot be granted"));
    if granted.unrecognized != ExtraFields::default()
        || granted.entries.iter().flatten().any(is_unknown)
    {
        return Err("what is not known cannot be granted".into());
    }
    if granted
        .glob_scan_max_depth
        .is_some_and(|it| asked.glob_scan_max_depth.is_none_or(|asked| it > asked))
    {
        return refuse("to look that deep");
    }
    let denied = |it: &&FileSystemSandboxEntry| it.access == FileSystemAccessMode::Deny;
    let mut kept = asked.entries.iter().flatten().filter(denied);
    if grants_something(granted)
        && !kept.all(|it| granted.entries.iter().flatten().any(|granted| granted == it))
    {
        return Err("what is to stay denied has to be among the entries".into());
    }
    let readable = || {
        listed(asked.read.as_ref()).chain(listed(asked.write.as_ref())).chain(entries(asked, false))
    };
    let writable = || listed(asked.write.as_ref()).chain(entries(asked, true));
    for path in listed(granted.read.as_ref()) {
        if !readable().any(|root| is_within(path, root)) {
            return refuse(&format!("to read `{path}`"));
        }
    }
    for path in listed(granted.write.as_ref()) {
        if !writable().any(|root| is_within(path, root)) {
            return refuse(&format!("to write `{path}`"));
        }
    }
    for entry in granted.entries.iter().flatten() {
        let is_asked = match (&entry.path, &entry.access) {
            // To deny something is no grant.
            (_, FileSystemAccessMode::Deny) => true,
            (FileSystemPath::Path(it), FileSystemAccessMode::Read) => {
                readable().any(|root| is_within(&it.path, root))
            }
            (FileSystemPath::Path(it), FileSystemAccessMode::Write) => {
                writable().any(|root| is_within(&it.path, root))
            }
            _ => false,
        };
        if !is_asked && !asked.entries.iter().flatten().any(|it| it == entry) {
            return refuse("an entry");
        }
    }
    Ok(())
}

fn grants_something(granted: &AdditionalFileSystemPermissions) -> bool {
    let entries = granted.entries.iter().flatten();
    let paths = listed(granted.read.as_ref()).chain(listed(granted.write.as_ref()));
    paths.count() > 0 || entries.filter(|it| it.access != FileSystemAccessMode::Deny).count() > 0
}

fn is_unknown(entry: &FileSystemSandboxEntry) -> bool {
    matches!(entry.path, FileSystemPath::Unrecognized(_))
        || matches!(entry.access, FileSystemAccessMode::Unrecognized(_))
        || entry.unrecognized != ExtraFields::default()
}

fn listed(paths: Option<&Vec<String>>) -> impl Iterator<Item = &str> {
    paths.into_iter().flatten().map(String::as_str)
}

/// The paths of the entries that may be read, or also written.
fn entries(asked: &AdditionalFileSystemPermissions, written: bool) -> impl Iterator<Item = &str> {
    let grants = move |it: &&FileSystemSandboxEntry| match it.access {
        FileSystemAccessMode::Write => true,
        FileSystemAccessMode::Read => !written,
        _ => false,
    };
    asked.entries.iter().flatten().filter(grants).filter_map(|it| match &it.path {
        FileSystemPath::Path(it) => Some(it.path.as_str()),
        _ => None,
    })
}

/// Whether `path` is `root` or lies in it, as far as the names tell.
fn is_within(path: &str, root: &str) -> bool {
    let has_parent = Path::new(path).components().any(|it| it == std::path::Component::ParentDir);
    path == root || (!has_parent && !root.is_empty() && Path::new(path).starts_with(root))
}
