import CLinux
import Carrier
import Foundation
import Glibc
import Host
import LabImages
import LabModel
import Testing

/// What the tests start machines with: the built programs, a carrier's kit, and a folder that goes away.
final class Bench {
    /// Where the built programs lie: beside the test bundle.
    static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static var leash: String { programs + "/vmlab-leash" }
    /// Downloads and kits are kept between the tests of one checkout.
    static let cache = root + "/.build/test-cache"

    let folder: String
    let loop: EventLoop

    init() throws {
        var template = Array("/tmp/vmlab-carrier-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw OSError.current("make a scratch folder") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        loop = try EventLoop()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func file(_ name: String, _ bytes: [UInt8] = []) throws -> String {
        let path = folder + "/" + name
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else { throw OSError.current("write \(path)") }
        return path
    }

    /// A shell script to be run, written by a process of its own: while one that another test is just starting has inherited a
    /// descriptor that a program was written through, nobody may run that program.
    func program(_ name: String, _ text: String) throws -> String {
        let path = folder + "/" + name
        let writer = try ChildProcess(
            program: "/bin/sh", arguments: ["sh", "-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh", path, text],
            environment: ["PATH=/usr/bin:/bin"], inherited: [])
        guard try writer.wait(limitMilliseconds: 120_000) == .exited(0) else { throw OSError(.ioError, "write \(path)") }
        return path
    }

    /// A sparse file of zeros.
    func disk(_ name: String, size: UInt64) throws -> String {
        let path = try file(name)
        try Descriptor.open(path, O_RDWR).truncate(to: size)
        return path
    }

    // MARK: Kits

    static func qemu() throws -> QEMU {
        try QEMU.locate(path: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin")
    }

    /// The kit that `vmlab` itself would use.
    static let kit: Result<CarrierKit, any Error> = Result {
        let files = try CarrierKitBuilder.build(
            store: ImageStore(paths: LabPaths(cache: cache, state: cache, run: cache)), initProgram: programs + "/vmlab-carrier-init",
            machineProgram: programs + "/vmlab-machine")
        return CarrierKit(kernel: files.kernel, initramfs: files.initramfs, qemu: try qemu())
    }

    /// A stand-in for the monitor: a shell script out of the launch's first argument, the same on the host and in a carrier.
    static let script = "#!/bin/busybox sh\neval \"$1\"\n"

    /// The kit with the stand-in in the monitor's place; written once, because a carrier may be reading it.
    private lazy var scriptedKit = Result { () throws -> CarrierKit in
        var kit = try Self.kit.get()
        var more = NewcWriter()
        more.directory("bin")
        more.file("bin/busybox", mode: 0o755, data: Array(try Data(contentsOf: URL(filePath: "/bin/busybox"))))
        // A dynamic program that punches holes, which busybox cannot.
        for folder in ["usr", "usr/bin", "lib64", "lib", "lib/x86_64-linux-gnu"] { more.directory(folder) }
        for path in ["usr/bin/fallocate", "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6"] {
            more.file(path, mode: 0o755, data: Array(try Data(contentsOf: URL(filePath: "/" + path))))
        }
        more.file("vmlab-machine", mode: 0o755, data: Array(Self.script.utf8))
        more.finish()
        kit.initramfs = try file("initramfs.cpio", Array(try Data(contentsOf: URL(filePath: kit.initramfs))) + more.bytes)
        return kit
    }

    /// The kit less one of its files.
    func kitWithout(_ name: String) throws -> CarrierKit {
        var kit = try Self.kit.get()
        var archive = Array(try Data(contentsOf: URL(filePath: kit.initramfs)))
        // Renamed in place: a newc entry's name is followed by a NUL.
        let wanted = Array(name.utf8) + [0]
        let place = try #require(archive.firstRange(of: wanted))
        archive[place.lowerBound] = UInt8(ascii: "_")
        kit.initramfs = try file("initramfs.cpio", archive)
        return kit
    }

    enum Way: CaseIterable { case native, carrier }

    /// The stand-in on the host; written once, because a shell may be reading it.
    private lazy var scriptedMachine = Result { () throws -> String in try program("vmlab-machine", Self.script) }

    /// A host whose monitor is the stand-in.
    func scripted(_ way: Way) throws -> MachineHost {
        switch way {
        case .native: MachineHost(.native(machine: try scriptedMachine.get()), leash: Self.leash)
        case .carrier: MachineHost(.carrier(try scriptedKit.get()), leash: Self.leash)
        }
    }

    // MARK: Running

    /// Turns the loop until something is so; false when that takes too long.
    func wait(seconds: Int = 60, until isSo: () -> Bool) throws -> Bool {
        let limit = EventLoop.now() + UInt64(seconds) * 1_000_000_000
        while !isSo() {
            guard EventLoop.now() < limit else { return false }
            try loop.turn(limitMilliseconds: 100)
        }
        return true
    }

    /// Turns the loop for so long.
    func pass(milliseconds: UInt64) throws {
        let limit = EventLoop.now() + milliseconds * 1_000_000
        while EventLoop.now() < limit { try loop.turn(limitMilliseconds: 5) }
    }

    /// Starts a script and gathers what becomes of it.
    func start(
        _ way: Way, _ script: String, streams: [(Int32, String)] = [], disks: [(Int32, String, Bool)] = [], blobs: [(Int32, String)] = []
    )
        throws -> Trial
    {
        try start(on: scripted(way), script, streams: streams, disks: disks, blobs: blobs)
    }

    func start(
        on host: MachineHost, _ script: String, streams: [(Int32, String)] = [], disks: [(Int32, String, Bool)] = [],
        blobs: [(Int32, String)] = []
    ) throws -> Trial {
        var launch = MachineLaunch(machine: "trial", memory: ByteCount(bytes: 64 << 20), arguments: [script], descriptors: [])
        launch.descriptors += streams.map { .init(number: $0.0, kind: .stream(name: $0.1)) }
        launch.descriptors += disks.map { .init(number: $0.0, kind: .disk(path: $0.1, writable: $0.2)) }
        launch.descriptors += blobs.map { .init(number: $0.0, kind: .blob(path: $0.1)) }
        let trial = Trial(bench: self)
        trial.process = try host.start(launch, on: loop) { trial.events.append($0) }
        return trial
    }
}

/// One started machine of a test.
final class Trial {
    let bench: Bench
    var events: [MachineProcess.Event] = []
    var process: MachineProcess!
    private var received: [String: [UInt8]] = [:]

    init(bench: Bench) { self.bench = bench }

    deinit { process?.kill() }

    var isRunning: Bool { events.contains(.running) }

    var ending: MachineProcess.Ending? {
        for case .ended(let ending) in events { return ending }
        return nil
    }

    /// Waits until it runs; false when it ended or took too long.
    func runs() throws -> Bool {
        _ = try bench.wait { isRunning || ending != nil }
        return isRunning
    }

    /// Gathers what comes from a stream from now on.
    func listen(_ stream: String) throws {
        guard let number = process.stream(stream) else { throw OSError(.badFileDescriptor, "find the stream \(stream)") }
        received[stream] = []
        let loop = bench.loop
        try loop.watch(number, .read) { [unowned self] _ in
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            let count = read(number, &buffer, buffer.count)
            if count > 0 { received[stream, default: []] += buffer.prefix(count) }
            if count == 0 { loop.remove(number) }
        }
    }

    func bytes(_ stream: String) -> [UInt8] { received[stream] ?? [] }
    func text(_ stream: String) -> String { String(decoding: bytes(stream), as: UTF8.self) }

    /// Writes everything, turning the loop while the stream is full.
    func write(_ bytes: [UInt8], to stream: String) throws {
        guard let number = process.stream(stream) else { throw OSError(.badFileDescriptor, "find the stream \(stream)") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count > 0 { rest = rest.dropFirst(count) } else { try bench.loop.turn(limitMilliseconds: 20) }
            if ending != nil { throw OSError(.brokenPipe, "write to \(stream)") }
        }
    }

    /// Waits for the end and returns it; the streams have been read to theirs.
    func end(seconds: Int = 60) throws -> MachineProcess.Ending? {
        _ = try bench.wait(seconds: seconds) { ending != nil }
        // What was in the sockets when it ended.
        try bench.loop.turn(limitMilliseconds: 0)
        try bench.loop.turn(limitMilliseconds: 0)
        for name in received.keys { if let number = process.stream(name) { bench.loop.remove(number) } }
        return ending
    }
}
