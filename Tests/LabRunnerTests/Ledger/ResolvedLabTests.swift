import Foundation
import Glibc
import LabModel
import LabRunner
import TestSupport
import Testing

struct `the file a lab went up from` {
    private let scratch = try! Scratch()

    private func lab(from source: String?) -> ResolvedLab {
        ResolvedLab(id: "shop", source: source, lab: Lab(name: "shop", seed: 7, machines: [], images: []))
    }

    private func file(_ name: String) throws -> String {
        let path = scratch.path + "/" + name
        try Data("machines: {}".utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func `is another one only while it is there`() throws {
        let (old, new) = (try file("old.yaml"), try file("new.yaml"))
        #expect(lab(from: old).otherSource(than: new) == old)
        #expect(lab(from: old).otherSource(than: old) == nil)
        #expect(lab(from: old).otherSource(than: nil) == nil && lab(from: nil).otherSource(than: new) == nil)
        try FileManager.default.removeItem(atPath: old)
        #expect(lab(from: old).otherSource(than: new) == nil)
        #expect(lab(from: new + "/lab.yaml").otherSource(than: new) == nil, "what was a folder is a file now")
    }

    @Test func `is the same one by every name`() throws {
        let file = try file("lab.yaml")
        let link = scratch.path + "/link.yaml"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        #expect(lab(from: file).otherSource(than: link) == nil && lab(from: link).otherSource(than: file) == nil)
    }

    @Test(.timeLimit(.minutes(1))) func `is looked at, never opened`() throws {
        let file = try file("lab.yaml")
        let pipe = scratch.path + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        #expect(lab(from: pipe).otherSource(than: file) == pipe, "a pipe without a writer would hold up who opens it")
        #expect(lab(from: file).otherSource(than: pipe) == file)
        let loop = scratch.path + "/loop"
        try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
        #expect(lab(from: loop).otherSource(than: file) == loop, "what cannot be looked at is not gone")
    }
}
