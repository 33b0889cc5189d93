import Foundation

/// The checked-out project, read once, as the tidy tests see it.
enum SourceTree {
    /// One Swift file: its path below the root, and its lines with comments and string contents blanked.
    struct File {
        var path: String
        var text: String
        /// The text without comments and without what stands in string literals.
        var code: String

        var room: String { String(path.split(separator: "/").dropFirst().first ?? "") }
        var name: String { String(path.split(separator: "/").last ?? "") }
        var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All Swift files below `Sources`.
    static let sources = files(below: "Sources")
    static let tests = files(below: "Tests")

    static func files(below folder: String) -> [File] {
        let base = root.appending(path: folder)
        let found = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".swift") && !$0.contains(".build") }.sorted().compactMap { path in
            guard let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8) else { return nil }
            return File(path: "\(folder)/\(path)", text: text, code: blanked(text))
        }
    }

    /// Everything git would commit: tracked files and new ones that are not ignored.
    static func committed() throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "-C", root.path, "ls-files", "--cached", "--others", "--exclude-standard"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func blanked(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var rest = String(line)
            rest.replace(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"")
            if let comment = rest.range(of: "//") { rest.removeSubrange(comment.lowerBound...) }
            return rest
        }.joined(separator: "\n")
    }
}
