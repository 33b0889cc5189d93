import Glibc
import Host
import LabImages
import Synchronization
import Testing

@Suite struct CacheShelfTests {
    private func isWhole(_ folder: String) -> Bool { access(folder + "/file", F_OK) == 0 }

    @Test func `a thing is made once and then found`() throws {
        let scratch = try Scratch()
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        var made = 0
        for _ in 0..<2 {
            try shelf.make("key", isWhole: isWhole, waiting: {}) { folder throws(ImageError) in
                made += 1
                try Folder.write([1], to: folder + "/file")
            }
        }
        #expect(made == 1)
        #expect(Folder.names(scratch.file("cache/things")) == ["key"])
    }

    @Test func `a failed build leaves nothing under its name`() throws {
        let scratch = try Scratch()
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        let found = problem {
            try shelf.make("key", isWhole: isWhole, waiting: {}) { folder throws(ImageError) in
                try Folder.write([1], to: folder + "/file")
                throw ImageError(.changed, "test")
            }
        }
        #expect(found == .changed)
        #expect(Folder.names(scratch.file("cache/things")) == [])
    }

    @Test func `what killed builders left is removed by the next one`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir -p cache/things/dead.part/deep/er cache/things/key.part cache/locks; echo x >cache/things/dead.part/deep/er/f; ln -s /etc cache/things/dead.part/link; touch cache/things/key.part/old"
        )
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        try shelf.make("key", isWhole: isWhole, waiting: {}) { folder throws(ImageError) in try Folder.write([1], to: folder + "/file") }
        #expect(Folder.names(scratch.file("cache/things")) == ["key"])
        #expect(Folder.names(scratch.file("cache/things/key")) == ["file"])
        #expect(access("/etc/passwd", F_OK) == 0)
    }

    @Test func `what a living builder of another key is making stays`() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir -p cache/things/alive.part cache/locks")
        let lock = try FileLock.tryLock(scratch.file("cache/locks/things-alive"))
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        try shelf.make("key", isWhole: isWhole, waiting: {}) { folder throws(ImageError) in try Folder.write([1], to: folder + "/file") }
        #expect(Folder.names(scratch.file("cache/things")) == ["alive.part", "key"])
        _ = lock
    }

    @Test func `two builders of one key wait for each other`() throws {
        let scratch = try Scratch()
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        let made = Atomic<Int>(0)
        let waited = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        try withThreads(6) {
            do {
                try shelf.make("key", isWhole: { access($0 + "/file", F_OK) == 0 }, waiting: { waited.add(1, ordering: .relaxed) }) {
                    folder throws(ImageError) in
                    made.add(1, ordering: .relaxed)
                    usleep(50_000)
                    try Folder.write([1], to: folder + "/file")
                }
            } catch { failed.add(1, ordering: .relaxed) }
        }
        #expect(made.load(ordering: .relaxed) == 1)
        #expect(failed.load(ordering: .relaxed) == 0)
        #expect(waited.load(ordering: .relaxed) <= 5)
    }

    @Test func `a thing that is not whole is made again`() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir -p cache/things/key; touch cache/things/key/other")
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        try shelf.make("key", isWhole: isWhole, waiting: {}) { folder throws(ImageError) in try Folder.write([1], to: folder + "/file") }
        #expect(Folder.names(scratch.file("cache/things/key")) == ["file"])
    }

    @Test func `a cache that cannot be made says where and why`() throws {
        let scratch = try Scratch()
        try scratch.write("cache", "a file is in the way")
        let shelf = CacheShelf(cache: scratch.file("cache"), kind: "things")
        let error = #expect(throws: ImageError.self) {
            try shelf.make("key", isWhole: isWhole, waiting: {}) { _ throws(ImageError) in }
        }
        #expect(error?.description.contains(scratch.file("cache")) == true)
        #expect(error?.exitStatus == 74)
    }

    private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
        let first = try NamedThread("builder", body)
        if count > 1 { try withThreads(count - 1, body) }
        first.join()
    }
}
