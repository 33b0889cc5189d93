import Foundation

/// A browser that we did not write, without a window.
struct Browser {
    private let path: String

    static let isThere = Browser() != nil

    init?() {
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"]
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let paths = folders.flatMap { folder in names.map { "\(folder)/\($0)" } }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else { return nil }
        self.path = path
    }

    /// What a page says of itself after its script has run: the text between `[[[` and `]]]`.
    func answer(of page: String) throws -> String {
        let dump = try run(page, "--dump-dom")
        guard let start = dump.range(of: "[[["), let end = dump.range(of: "]]]", range: start.upperBound..<dump.endIndex) else {
            return "the page says nothing: \(dump.prefix(2000))"
        }
        return String(dump[start.upperBound..<end.lowerBound])
    }

    /// PNG bytes of the picture.
    func screenshot(_ page: String, isDark: Bool, width: Int, height: Int) throws -> Data {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "shot.png")
        var arguments = ["--screenshot=\(file.path)", "--window-size=\(width),\(height)", "--hide-scrollbars"]
        if isDark { arguments.append("--blink-settings=preferredColorScheme=0") }
        _ = try run(page, arguments)
        return try Data(contentsOf: file)
    }

    private func run(_ page: String, _ arguments: String...) throws -> String { try run(page, arguments) }

    private func run(_ page: String, _ arguments: [String]) throws -> String {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (input, output) = (folder.appending(path: "page.html"), folder.appending(path: "out"))
        try Data(page.utf8).write(to: input)
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments =
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                "--user-data-dir=\(folder.path)/profile", "--virtual-time-budget=2000",
            ] + arguments + [input.absoluteString]
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "LC_ALL": "C.UTF-8"]
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return try String(contentsOf: output, encoding: .utf8)
    }

    private static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vmlab-browser-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}
