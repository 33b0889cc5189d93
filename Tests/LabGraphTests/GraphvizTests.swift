import Foundation
import LabGraph
import Testing

/// Graphviz reads what we write for it.
@Suite(.enabled(if: Graphviz.isThere, "no Graphviz here: its files are not judged")) struct `DOT for Graphviz` {
    @Test func `has as many nodes and edges as the lab`() throws {
        for (name, topology) in Samples.all {
            let plain = try Graphviz.plain(topology.dot).split(separator: "\n")
            let outside = topology.networks.filter(\.hasUplink).count
            let nodes = topology.machines.count + topology.networks.count + (outside > 0 ? 1 : 0)
            let edges = topology.machines.map(\.ports.count).reduce(outside, +)
            #expect(plain.filter { $0.hasPrefix("node ") }.count == nodes, "\(name)")
            #expect(plain.filter { $0.hasPrefix("edge ") }.count == edges, "\(name)")
            #expect(plain.last == "stop", "\(name)")
        }
    }
}

enum Graphviz {
    private static let path = "/usr/bin/dot"
    static let isThere = FileManager.default.isExecutableFile(atPath: path)

    /// Its own plain format: a line for each node and edge.
    static func plain(_ text: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "vmlab-dot-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-Tplain", file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: bytes, as: UTF8.self)
    }
}
