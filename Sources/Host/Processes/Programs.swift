internal import CLinux
internal import Glibc
internal import SystemPackage

/// Where our own programs lie: beside each other, or in `../libexec/vmlab` of an installation.
package enum Programs {
    /// The absolute path of the running program.
    package static func current() throws(OSError) -> String {
        try readLink("/proc/self/exe")
    }

    /// The absolute path of a sibling program, such as `vmlab-machine`.
    package static func sibling(_ name: String) throws(OSError) -> String {
        let own = try current()
        let folder = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
        for candidate in ["\(folder)/\(name)", "\(folder)/../libexec/vmlab/\(name)"] {
            // Safe because the path is copied during the call.
            if unsafe access(candidate, X_OK) == 0 { return candidate }
        }
        throw OSError(.noSuchFileOrDirectory, "find the program \(name) beside \(own)")
    }

    /// The first executable of that name in `PATH`; `nil` when there is none.
    package static func find(_ name: String, path: String) -> String? {
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
            let candidate = "\(folder)/\(name)"
            if unsafe access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }

    /// What a symbolic link holds.
    package static func readLink(_ path: String) throws(OSError) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        // Safe because the kernel writes at most the buffer's size.
        let count = try retrying("read the link \(path)") { unsafe readlink(path, &buffer, buffer.count) }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
