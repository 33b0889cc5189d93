internal import Glibc

/// The proxies that the user's environment names: the one thing that programs which download are told of it.
enum Proxies {
    static let names = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]

    static func environment() -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            // Safe because the value is copied at once, and nobody in this process changes its environment.
            if let value = unsafe getenv(name) { unsafe found[name] = String(cString: value) }
        }
        return found
    }
}

/// Words for a shell.
package enum ShellWord {
    /// The word in single quotes: nothing in it means anything to a shell.
    package static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
