internal import Foundation
package import LabModel

/// The environment that the keeper and everything under it runs in: few things, and the lab's mark.
package enum Environment {
    /// Handed on, because programs that images are built with need them.
    private static let kept = [
        "PATH", "VMLAB_QEMU", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    ]

    /// Where programs of the host are looked for: the person's own `PATH`.
    package static var searchPath: String {
        ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }

    /// `VMLAB_QEMU`: the one to use, where it is not the first in `PATH`.
    static var qemu: String? { ProcessInfo.processInfo.environment["VMLAB_QEMU"].flatMap { $0.isEmpty ? nil : $0 } }

    package static func forChildren(_ folders: LabFolders) -> [String] {
        let own = ProcessInfo.processInfo.environment
        return kept.compactMap { name in own[name].map { "\(name)=\($0)" } } + [ProcessTable.variable(folders)]
    }
}
