internal import Foundation
internal import Host
package import LabModel
internal import LabPlan

/// The environment that the keeper and everything under it runs in: few things, and the lab's mark.
package enum Environment {
    /// Handed on, because programs that images are built with need them.
    private static let kept = [
        "PATH", "VMLAB_QEMU", "VMLAB_PASST", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "http_proxy", "https_proxy",
        "ftp_proxy", "no_proxy",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    ]

    /// Where programs of the host are looked for: the person's own `PATH`.
    package static var searchPath: String {
        ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }

    /// `VMLAB_QEMU`: the one to use, where it is not the first in `PATH`.
    static var qemu: String? { ProcessInfo.processInfo.environment["VMLAB_QEMU"].flatMap { $0.isEmpty ? nil : $0 } }

    /// `VMLAB_PASST`, or the first in `PATH`; `nil` where there is none.
    package static var passt: String? {
        if let explicit = ProcessInfo.processInfo.environment["VMLAB_PASST"], !explicit.isEmpty { return explicit }
        return Programs.find(NetworkLaunch.uplinkProgram, path: searchPath)
    }

    package static func forChildren(_ folders: LabFolders) -> [String] {
        let own = ProcessInfo.processInfo.environment
        return kept.compactMap { name in own[name].map { "\(name)=\($0)" } } + [ProcessTable.variable(folders)]
    }
}
