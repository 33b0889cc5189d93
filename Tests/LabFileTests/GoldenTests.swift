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

    /// A lab with networks, brought up, with other wires, with another port published, and taken down.
    @Test func `the plans of a lab with networks`() throws {
        let text = """
            name: shop
            seed: 7
            defaults: {image: debian-12}
            networks:
              lan: {subnet: 10.20.0.0/24, gateway: router}
              wan: {uplink: nat, allow: [192.168.0.0/16], link: {delay: 40ms, loss: 0.5%}, capture: {ring: 64MiB}}
            machines:
              router: {networks: [wan, lan], ready: {ping: true}}
              web: {networks: [{name: lan, address: 10.20.0.10, vlan: 7}], after: [router], ready: {tcp: 80, within: 60s}}
              tiny: {image: pulse, networks: [wan], publish: ["8080:80"]}

            """
        let folders = LabPaths(home: "/v").lab("shop")
        var seen = SeenState(lab: "shop")
        var plans = ""
        var json = ""
        for text in [text, text.replacing("40ms", with: "80ms"), text.replacing("8080", with: "8081")] {
            let lab = try Reading.lab(text).get()
            let images = lab.images.map { ImageFacts(of: $0, key: "key-of-\($0.name)", paths: LabPaths(home: "/v")) }
            let up = try Plan.up(lab, images: images, folders: folders, seen: seen)
            for step in up.steps { seen.finish(step.action) }
            plans += up.text(commandLines: true) + "\n"
            json += up.json.pretty + "\n"
        }
        let down = Plan.down(seen: seen)
        try Golden.check(plans + down.text(), "Tests/Goldens/networks.plan.txt")
        try Golden.check(json + down.json.pretty + "\n", "Tests/Goldens/networks.plan.json")
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
