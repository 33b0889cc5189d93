import Foundation

/// A program that we did not write, asked about a capture.
struct Judge {
    let path: String

    /// Nil where it is not installed.
    init?(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        guard let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile) else { return nil }
        self.path = path
    }

    static func has(_ names: String...) -> Bool { names.allSatisfy { Judge($0) != nil } }

    struct Verdict {
        var status: Int32
        var out: String
        var err: String

        var lines: [String] { out.split(separator: "\n").map(String.init) }
    }

    /// - Parameter capture: put into a file, whose path takes the place of `FILE` in the arguments.
    func verdict(_ capture: [UInt8], _ arguments: String...) throws -> Verdict { try verdict(capture, arguments) }

    func verdict(_ capture: [UInt8], _ arguments: [String]) throws -> Verdict {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vmlab-judge-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "capture.pcapng")
        try Data(capture).write(to: file)
        let (out, err) = (folder.appending(path: "out"), folder.appending(path: "err"))
        for url in [out, err] { try Data().write(to: url) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments.map { $0 == "FILE" ? file.path : $0 }
        process.standardOutput = try FileHandle(forWritingTo: out)
        process.standardError = try FileHandle(forWritingTo: err)
        // Settings of whoever runs the tests are not asked.
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "TZ": "UTC", "LC_ALL": "C"]
        try process.run()
        process.waitUntilExit()
        return Verdict(
            status: process.terminationStatus, out: try String(contentsOf: out, encoding: .utf8),
            err: try String(contentsOf: err, encoding: .utf8))
    }
}
