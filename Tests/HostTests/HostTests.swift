import Glibc
import Host
import SystemPackage
import Testing

/// A folder that goes away with the test, also when it fails.
private func withFolder(_ body: (String) throws -> Void) throws {
    var name = Array("/tmp/vmlab-host-XXXXXX".utf8CString)
    try #require(mkdtemp(&name) != nil)
    let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for entry in ["lock", "socket", "file"] { _ = unlink("\(path)/\(entry)") }
        _ = rmdir(path)
    }
    try body(path)
}

private func holds(_ lock: borrowing FileLock?) -> Bool {
    switch lock {
    case .some: true
    case nil: false
    }
}

private func openDescriptors() -> Int {
    (0..<256).filter { fcntl($0, F_GETFD) != -1 }.count
}

/// What an open descriptor stands for; nil if it is not open.
private func inode(_ number: CInt) -> ino_t? {
    var status = stat()
    return fstat(number, &status) == 0 ? status.st_ino : nil
}

@Suite(.serialized) struct `the host` {
    @Test func `a descriptor is closed with its owner`() throws {
        let (number, identity): (CInt, ino_t)
        do {
            let file = try Descriptor.memory(name: "test")
            (number, identity) = (file.number, try #require(inode(file.number)))
        }
        // Another test may have opened something else under the number meanwhile.
        #expect(inode(number) != identity)
    }

    @Test func `what is written at an offset is read back there, with a hole before it`() throws {
        let file = try Descriptor.memory(name: "test")
        let bytes: [UInt8] = [1, 2, 3]
        try bytes.withUnsafeBytes { try file.write($0, at: 5000) }
        #expect(try file.size() == 5003)
        var back = [UInt8](repeating: 9, count: 8)
        let count = try back.withUnsafeMutableBytes { try file.read(into: $0, at: 4998) }
        #expect(count == 5)
        #expect(back == [0, 0, 1, 2, 3, 9, 9, 9])
    }

    @Test func `an error says what was being done`() {
        #expect(throws: OSError(.noSuchFileOrDirectory, "open /nowhere/at/all")) {
            _ = try Descriptor.open("/nowhere/at/all", O_RDONLY).number
        }
    }

    @Test func `a child sees exactly the descriptors it was given`() throws {
        let pair = try UnixSocket.pair()
        let (ours, theirs) = pair.split()
        let output = Descriptor(owning: ours)
        let child: ChildProcess
        do {
            let inner = Descriptor(owning: theirs)
            child = try ChildProcess(
                program: "/bin/sh", arguments: ["sh", "-c", "ls /proc/self/fd; echo $GREETING"],
                environment: ["GREETING=hello", "PATH=/bin:/usr/bin"],
                inherited: [.init(1, from: inner.number), .init(9, from: inner.number), .init(2, from: inner.number)])
        }
        #expect(try child.wait(limitMilliseconds: 60_000) == .exited(0))
        var text = ""
        while true {
            let part = try output.read(upTo: 4096)
            if part.isEmpty { break }
            text += String(decoding: part, as: UTF8.self)
        }
        // ls itself opens one more, the folder.
        #expect(text.split(separator: "\n") == ["0", "1", "2", "9", "hello"])
    }

    @Test func `a signalled child is reported by its signal and only signalled while it lives`() throws {
        let child = try ChildProcess(program: "/bin/sleep", arguments: ["sleep", "100"], environment: [], inherited: [])
        #expect(child.identity.isAlive)
        #expect(try child.identity.signal(SIGTERM))
        #expect(try child.wait(limitMilliseconds: 60_000) == .signalled(SIGTERM))
        #expect(!child.identity.isAlive)
        #expect(try !child.identity.signal(SIGTERM))
        #expect(!child.signal(SIGTERM))
    }

    @Test func `a child that outlives its owner leaves no zombie`() throws {
        let pid: Int32
        do {
            let child = try ChildProcess(program: "/bin/sleep", arguments: ["sleep", "0.2"], environment: [], inherited: [])
            pid = child.pid
        }
        for _ in 0..<1200 where kill(pid, 0) == 0 { usleep(50_000) }
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }

    @Test func `a stranger with a reused pid is never signalled`() throws {
        let child = try ChildProcess(program: "/bin/sleep", arguments: ["sleep", "100"], environment: [], inherited: [])
        var older = child.identity
        older.startTime -= 1
        #expect(try !older.signal(SIGKILL))
        var otherBoot = child.identity
        otherBoot.boot = "00000000-0000-0000-0000-000000000000"
        #expect(try !otherBoot.signal(SIGKILL))
        #expect(child.identity.isAlive)
        child.signal(SIGKILL)
        #expect(try child.wait(limitMilliseconds: 60_000) == .signalled(SIGKILL))
    }

    @Test func `a program that is not there is an error and leaves no process`() throws {
        #expect(throws: OSError(.noSuchFileOrDirectory, "start /nowhere/program")) {
            _ = try ChildProcess(program: "/nowhere/program", arguments: ["x"], environment: [], inherited: [])
        }
    }

    @Test func `the loop runs timers in order, posts from other threads, and watches descriptors`() throws {
        let loop = try EventLoop()
        let pair = try UnixSocket.pair()
        var seen: [String] = []
        try loop.watch(pair.theirs.number, .read) { readiness in
            guard readiness.contains(.read), let bytes = try? pair.theirs.read(upTo: 10) else { return }
            seen.append(String(decoding: bytes, as: UTF8.self))
            loop.stop()
        }
        loop.after(milliseconds: 20) { seen.append("second") }
        loop.after(milliseconds: 5) { seen.append("first") }
        let cancelled = loop.after(milliseconds: 1) { seen.append("never") }
        loop.cancel(cancelled)
        loop.after(milliseconds: 40) { try? pair.ours.writeAll(Array("bytes".utf8)) }
        try loop.run()
        #expect(seen == ["first", "second", "bytes"])

        let remote = loop.remote
        let thread = try NamedThread("poster") { remote.post { remote.stop() } }
        try loop.run()
        thread.join()
        loop.remove(pair.theirs.number)
    }

    @Test func `a lock is refused to a second holder and free again after the first`() throws {
        try withFolder { folder in
            do {
                let first = try FileLock.tryLock(folder + "/lock")
                let second = try FileLock.tryLock(folder + "/lock")
                let held = (holds(first), holds(second))
                #expect(held == (true, false))
            }
            let third = try FileLock.tryLock(folder + "/lock")
            let heldAgain = holds(third)
            #expect(heldAgain)
        }
    }

    @Test func `a socket carries bytes and its path has a limit`() throws {
        try withFolder { folder in
            let listener = try UnixSocket.listen(folder + "/socket")
            #expect(try FileStatus(of: folder + "/socket").permissions == 0o600)
            let client = try UnixSocket.connect(folder + "/socket")
            guard let server = try UnixSocket.accept(listener) else {
                Issue.record("no client was waiting")
                return
            }
            try client.writeAll([1, 2, 3])
            #expect(try server.read(upTo: 10) == [1, 2, 3])
            let long = folder + "/" + String(repeating: "x", count: 108)
            #expect(throws: OSError.self) { _ = try UnixSocket.connect(long).number }
        }
    }

    @Test func `two hundred children leave no descriptor behind`() async {
        // In a process of its own: other tests of this one open and close descriptors meanwhile.
        await #expect(processExitsWith: .success) {
            let before = openDescriptors()
            for _ in 0..<200 {
                let child = try ChildProcess(program: "/bin/true", arguments: ["true"], environment: [], inherited: [])
                guard try child.wait(limitMilliseconds: 60_000) == .exited(0) else { exit(2) }
            }
            // The test's own machinery opens and closes one or two; two hundred children would leave as many each.
            guard openDescriptors() < before + 100 else { exit(3) }
        }
    }
}
