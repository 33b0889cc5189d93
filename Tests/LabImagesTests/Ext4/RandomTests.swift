import LabImages
import LabModel
import Testing

/// Random archives against a plain model of what they mean.
@Suite struct RandomTests {
    private final class File {
        var content: [UInt8]
        init(_ content: [UInt8]) { self.content = content }
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>) func `random archives mean what a plain model says`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        // Directories are known by their path with a slash; everything below goes when they go.
        var files: [String: File] = [:]
        let names = ["a", "b", "c", "d", "e", "f"]
        func path() -> String {
            (0...Int(generator.next() % 3)).map { _ in names[Int(generator.next() % 6)] }.joined(separator: "/")
        }
        func remove(_ path: String) {
            files[path] = nil
            for key in files.keys where key.hasPrefix(path + "/") { files[key] = nil }
        }
        let disk = try Disk()
        let image = try disk.build(mebibytes: 8, journal: seed % 2 == 0) { writer in
            for _ in 0..<400 {
                let path = path()
                // No file on the way: that would be refused.
                let parents = path.split(separator: "/").indices.dropFirst().map {
                    path.split(separator: "/")[..<$0].joined(separator: "/")
                }
                guard parents.allSatisfy({ files[$0] == nil }) else { continue }
                switch generator.next() % 4 {
                case 0:
                    try writer.add(.directory(path))
                    files[path] = nil
                case 1:
                    guard let target = files.keys.sorted().randomElement(using: &generator), let file = files[target] else { continue }
                    try writer.add(.hardlink(path, to: target))
                    remove(path)
                    files[path] = file
                default:
                    remove(path)
                    let file = File([])
                    try writer.begin(.file(path))
                    for _ in 0..<generator.next() % 4 {
                        let hole = generator.next() % 3 == 0 ? Int(generator.next() % 20_000) : 0
                        let piece = generator.bytes(Int(generator.next() % 30_000))
                        guard !piece.isEmpty else { continue }
                        try writer.feed(piece, at: UInt64(file.content.count + hole))
                        file.content += [UInt8](repeating: 0, count: hole) + piece
                    }
                    try writer.end()
                    files[path] = file
                }
            }
        }
        for (path, file) in files.sorted(by: { $0.key < $1.key }) {
            let found = image.files(matching: Array(path.utf8))
            #expect(found.count == 1 && found[0].size == UInt64(file.content.count), "\(path), seed \(seed)")
            #expect(try image.read(found[0], at: 0, upTo: file.content.count) == file.content, "\(path), seed \(seed)")
        }
        #expect(try disk.content(files.keys.sorted()[0]) == files[files.keys.sorted()[0]]?.content, "seed \(seed)")
    }
}
