import Foundation
import Testing

/// Texts that are compared with files of the project. `VMLAB_REWRITE_GOLDENS=1` writes them anew instead.
enum Golden {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "Goldens/graph")
    private static let isRewriting = ProcessInfo.processInfo.environment["VMLAB_REWRITE_GOLDENS"] == "1"

    static func check(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = folder.appending(path: name)
        if isRewriting {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return try Data(text.utf8).write(to: file)
        }
        let golden = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        let pairs = zip(
            text.split(separator: "\n", omittingEmptySubsequences: false), golden.split(separator: "\n", omittingEmptySubsequences: false))
        let first = pairs.first { $0.0 != $0.1 }
        #expect(
            text == golden,
            "differs from Goldens/graph/\(name), first: \(first.map { "\($0.0)\nwas: \($0.1)" } ?? "its length"); if that is right, run with VMLAB_REWRITE_GOLDENS=1",
            sourceLocation: sourceLocation)
    }
}
