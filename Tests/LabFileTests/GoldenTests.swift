import Foundation
import LabFile
import LabModel
import LabPlan
import Testing

@Suite struct `texts that people and programs rely on` {
    @Test(arguments: JSONSchema.allCases) func `the JSON Schemas`(_ schema: JSONSchema) throws {
        try Golden.check(schema.json.pretty + "\n", "Tests/Goldens/\(schema.rawValue).schema.json")
    }

    /// What diagnostics look like: tabs, wide and combining characters, long lines, lines of no use.
    @Test func `diagnostics, as text and as JSON`() throws {
        let long = String(repeating: "x", count: 300)
        let files = [
            "name: shop\nmachines:\n  db: {image: pulse, memroy: 1GiB}\n",
            "name: \"名前\"  # 日本\nmachines: {db: {image: \"パルス\"}}\n",
            "machines: {db: {image: pulse,\tcpus: 9,\t\tmemory: 3}}\n",
            "name: \"e\u{301}e\u{301}\"\nmachines: {a👩‍🚀b: {image: pulse}}\n",
            "name: \(long)\nmachines: {db: {cmdline: \"\(long)\", cpus: 99, image: pulse, ready: {console: \"\(long)\"}}}\n",
            "name: a\nmachines:\n  db: {image: pulse, \u{202E}evil\u{202C}: 1}\n",
            "name: a\n\u{1B}[31m\n",
            "",
            "name: a\nmachines:\n  db:\n    image: pulse\n    cpus:\n",
        ]
        var text = ""
        for file in files {
            guard case .failure(let diagnostics) = Reading.lab(file) else { continue }
            text += diagnostics.text + "\n"
        }
        try Golden.check(text, "Tests/Goldens/diagnostics.txt")
        guard case .failure(let diagnostics) = Reading.lab(files[2]) else { return }
        try Golden.check(diagnostics.json.pretty + "\n", "Tests/Goldens/diagnostics.json")
    }

    @Test func `the exit codes`() throws {
        try Golden.check(ExitCode.help, "Tests/Goldens/exit-codes.txt")
    }

    /// Each lab beside its plan: what bringing it up for the first time does. Keys stand for the images' contents.
    @Test(arguments: try labs()) func `the plans of the labs`(_ lab: String) throws {
        let folder = Golden.root.appending(path: "Labs/\(lab)")
        let catalogue = ImageCatalogue(forLabIn: folder.path, then: [], files: FilesOnDisk())
        let bytes = try Data(contentsOf: folder.appending(path: "lab.yaml"))
        let read: Lab
        do throws(Diagnostics) {
            read = try LabReader(catalogue: catalogue, folder: folder.path).read([UInt8](bytes), name: "Labs/\(lab)/lab.yaml")
        } catch {
            Issue.record("\(error.text)")
            return
        }
        let paths = LabPaths(cache: "/cache", state: "/state", run: "/run")
        let images = read.images.map { ImageFacts(of: $0, key: "key-of-\($0.name)", paths: paths) }
        let folders = paths.lab(read.name)
        var seen = SeenState(lab: read.name)
        let up = try Plan.up(read, images: images, folders: folders, seen: seen)
        for step in up.steps { seen.finish(step.action) }
        let down = Plan.down(seen: seen)
        try Golden.check(up.text(commandLines: true) + "\n" + down.text(), "Labs/\(lab)/plan.txt")
        try Golden.check(up.json.pretty + "\n", "Labs/\(lab)/plan.json")
        #expect(try Plan.up(read, images: images, folders: folders, seen: seen).isEmpty)
    }

    static func labs() throws -> [String] {
        let folder = Golden.root.appending(path: "Labs")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter {
            FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/lab.yaml").path)
        }
    }
}

/// The project's own files.
struct FilesOnDisk: Files {
    func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw .missing }
        return Array(data.prefix(limit))
    }

    func names(in folder: String) throws(FileTrouble) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch { throw .missing }
    }
}
