import Glibc
import Host
import LabImages
import LabModel

/// A folder for one test, gone with it, and the host's tools run in it.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/vmlab-images-test.XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw OSError.current("make a scratch folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? Folder.remove(path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Folder.write(bytes, to: file(name))
        return file(name)
    }

    /// Runs a line of shell in the folder and gives its standard output; fails the test with its standard error.
    @discardableResult
    func shell(_ line: String) throws -> String {
        try HostProgram("bash", package: "bash", environment: ["TZ": "UTC"]).output(["-euo", "pipefail", "-c", line], folder: path)
    }

    /// Cache, state and run folders inside.
    var paths: LabPaths { LabPaths(home: path + "/home") }

    /// Opens an archive of this folder the way a build does.
    func open(_ name: String, expected: Digest? = nil, limit: UInt64 = 1 << 30) throws -> DecodedStream {
        try DecodedStream(FileDigest.open(file(name)), subject: name, expected: expected, limits: .init(decodedBytes: limit))
    }
}

/// Keeps what it is fed.
struct Recorder: ArchiveSink {
    struct Item {
        var entry: ArchiveEntry
        var pieces: [(offset: UInt64, bytes: [UInt8])] = []
    }

    var items: [Item] = []
    var ended = 0

    mutating func begin(_ entry: ArchiveEntry) throws(SinkError) { items.append(Item(entry: entry)) }

    mutating func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {
        // Safe because the bytes are copied before the span ends.
        let copy = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        items[items.count - 1].pieces.append((offset, copy))
    }

    mutating func end() throws(SinkError) { ended += 1 }

    func content(_ path: String) -> [UInt8]? {
        items.first { $0.entry.path == Array(path.utf8) }.map { $0.pieces.flatMap(\.bytes) }
    }
}

extension ArchiveEntry {
    var name: String { String(decoding: path, as: UTF8.self) }
}

/// Reads a whole archive.
func record(_ stream: DecodedStream, subject: String = "archive") throws -> Recorder {
    var recorder = Recorder()
    try ArchiveReader(stream, subject: subject).feed(&recorder) { _ in }
    _ = try stream.finish()
    return recorder
}

/// The problem that a body throws, if it does.
func problem(_ body: () throws -> Void) -> ImageError.Problem? {
    do {
        try body()
        return nil
    } catch {
        return (error as? ImageError)?.problem
    }
}
