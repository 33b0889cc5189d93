import Foundation
import Testing

/// Texts that are compared with files of the project. `VMLAB_REWRITE_GOLDENS=1` writes them anew instead.
enum Golden {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let isRewriting = ProcessInfo.processInfo.environment["VMLAB_REWRITE_GOLDENS"] == "1"

    /// - Parameter path: from the project's root.
    static func check(_ text: String, _ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = root.appending(path: path)
        if isRewriting {
            try Data(text.utf8).write(to: file)
            return
        }
        let golden = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        let (new, old) = (
            text.split(separator: "\n", omittingEmptySubsequences: false), golden.split(separator: "\n", omittingEmptySubsequences: false)
        )
        let line = zip(new, old).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(new.count, old.count)
        #expect(
            text == golden,
            """
            differs from \(path) in line \(line + 1); if that is right, run the tests with VMLAB_REWRITE_GOLDENS=1
            is:   \(line < new.count ? String(new[line]) : "(ended)")
            was:  \(line < old.count ? String(old[line]) : "(ended)")
            """, sourceLocation: sourceLocation)
    }
}
