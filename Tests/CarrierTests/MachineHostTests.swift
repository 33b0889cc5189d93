import Carrier
import Foundation
import Glibc
import Host
import LabModel
import Testing

extension RealCarriers {
    /// The same launch, natively and in a carrier: one set of sentences for both.
    @Suite(.serialized) struct MachineHostTests {
        static let mebibyte = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

        /// Streams, disks, blobs and how it ended, of one start: a carrier takes two seconds to be up.
        @Test(arguments: Bench.Way.allCases)
        func `streams, disks and blobs stand at their numbers`(way: Bench.Way) throws {
            let bench = try Bench()
            let disk = try bench.disk("disk", size: 8 << 20)
            let base = try bench.file("base", Array("immutable ".utf8) + [UInt8](repeating: 7, count: 502))
            let kernel = try bench.file("kernel", Array(Self.mebibyte.prefix(300_001)))
            let script = """
                b=/bin/busybox
                echo "arguments: $# $2" >&9
                echo "blob: $($b wc -c <&11) $($b cut -c1-10 <&12)" >&9
                (echo changed >&12) 2>/dev/null && echo "the base can be written" >&9
                $b dd bs=64k count=16 if=/dev/zero 2>/dev/null | $b tr '\\0' A | $b dd bs=64k iflag=fullblock of=/dev/fd/13 conv=notrunc 2>/dev/null
                echo end-of-disk | $b dd of=/dev/fd/13 bs=512 seek=16383 conv=notrunc,fsync 2>/dev/null
                $b dd bs=4096 count=256 iflag=fullblock <&7 2>/dev/null | $b sha256sum >&9
                $b dd bs=4096 count=256 iflag=fullblock <&7 >&8 2>/dev/null
                echo complaint >&2
                exit 7
                """
            let trial = try bench.start(
                way, script, streams: [(7, "in"), (8, "out"), (9, "words")], disks: [(12, base, false), (13, disk, true)],
                blobs: [(11, kernel)]
            )
            for stream in ["out", "words"] { try trial.listen(stream) }
            #expect(try trial.runs(), "\(trial.events)")
            try trial.write(Self.mebibyte + Self.mebibyte.reversed(), to: "in")
            #expect(try trial.end() == .exited(7))
            let digest = SHA256Tool.digest(Self.mebibyte)
            #expect(trial.text("words") == "arguments: 1 \nblob: 300001 immutable \n\(digest)  -\n")
            #expect(trial.bytes("out") == Self.mebibyte.reversed())
            #expect(trial.process.errorText == "complaint\n")
            let written = try Data(contentsOf: URL(filePath: disk))
            #expect(written.count == 8 << 20)
            #expect(written.suffix(512).starts(with: "end-of-disk\n".utf8))
            #expect(written[0..<(1 << 20)].allSatisfy { $0 == UInt8(ascii: "A") })
            #expect(try Data(contentsOf: URL(filePath: base)).starts(with: "immutable".utf8))
        }

        @Test(arguments: Bench.Way.allCases)
        func `a hole punched in a disk is a hole in the host's file`(way: Bench.Way) throws {
            let bench = try Bench()
            let disk = try bench.file("disk", [UInt8](repeating: 0x55, count: 4 << 20))
            let trial = try bench.start(
                way, "/usr/bin/fallocate -p -o 1048576 -l 2097152 /dev/fd/13", disks: [(13, disk, true)])
            #expect(try trial.end() == .exited(0), "\(trial.process.errorText)")
            let status = try FileStatus(of: disk)
            #expect(status.size == 4 << 20)
            #expect(status.allocated <= 2 << 20)
            let bytes = try Data(contentsOf: URL(filePath: disk))
            #expect(bytes[(1 << 20)..<(3 << 20)].allSatisfy { $0 == 0 })
            #expect(bytes[..<(1 << 20)].allSatisfy { $0 == 0x55 } && bytes[(3 << 20)...].allSatisfy { $0 == 0x55 })
        }

        @Test(arguments: Bench.Way.allCases)
        func `what is written before it runs arrives, and a closed stream ends in there`(way: Bench.Way) throws {
            let bench = try Bench()
            let trial = try bench.start(
                way, "/bin/busybox head -n 1 <&7 >&8; /bin/busybox cat <&9 >/dev/null; echo ended >&8; kill -9 $$",
                streams: [(7, "in"), (8, "out"), (9, "control")])
            try trial.listen("out")
            try trial.write(Array("early\n".utf8), to: "in")
            #expect(try trial.runs())
            #expect(try bench.wait { trial.text("out") == "early\n" || trial.ending != nil })
            trial.process.closeStream("control")
            #expect(try trial.end() == .signalled(9))
            #expect(trial.text("out") == "early\nended\n")
        }

        @Test(arguments: Bench.Way.allCases)
        func `terminate asks, kill does not`(way: Bench.Way) throws {
            let bench = try Bench()
            let asked = try bench.start(
                way, "trap 'echo asked >&8; exit 3' TERM; echo up >&8; while :; do /bin/busybox sleep 0.05; done", streams: [(8, "out")])
            try asked.listen("out")
            #expect(try bench.wait { asked.text("out") == "up\n" || asked.ending != nil })
            asked.process.terminate()
            #expect(try asked.end() == .exited(3))
            #expect(asked.text("out") == "up\nasked\n")
            let deaf = try bench.start(way, "trap '' TERM; while :; do /bin/busybox sleep 0.05; done")
            #expect(try deaf.runs())
            deaf.process.kill()
            #expect(try deaf.end() == .signalled(SIGKILL))
            #expect(!deaf.process.identity.isAlive)
        }

        @Test(arguments: Bench.Way.allCases)
        func `a machine that is let go of ends`(way: Bench.Way) throws {
            let bench = try Bench()
            let trial = try bench.start(way, "/bin/busybox cat <&3 >/dev/null", streams: [(3, "control")])
            #expect(try trial.runs())
            let identity = trial.process.identity
            #expect(identity.isAlive)
            // Neither told nor killed: its control stream and its carrier's link are closed with it.
            trial.process = nil
            #expect(try bench.wait { !identity.isAlive })
        }

        @Test func `what a machine said last is there when its reader is slow`() throws {
            let bench = try Bench()
            let trial = try bench.start(.carrier, "/bin/busybox dd if=/dev/zero bs=4096 count=256 2>/dev/null >&8", streams: [(8, "out")])
            #expect(try trial.runs())
            // Nobody reads: the socket fills, and the rest waits in the carrier.
            _ = try bench.wait(seconds: 1) { false }
            #expect(trial.ending == nil)
            try trial.listen("out")
            #expect(try trial.end() == .exited(0))
            #expect(trial.bytes("out").count == 1 << 20)
        }

        @Test(arguments: Bench.Way.allCases)
        func `a disk that one machine writes to is no other's until that one has ended`(way: Bench.Way) throws {
            let bench = try Bench()
            let disk = try bench.disk("disk", size: 1 << 20)
            let first = try bench.start(way, "exec /bin/busybox sleep 1000", disks: [(13, disk, true)])
            for other in Bench.Way.allCases {
                do {
                    _ = try bench.scripted(other).start(
                        MachineLaunch(
                            machine: "other", memory: ByteCount(bytes: 64 << 20), arguments: ["true"],
                            descriptors: [.init(number: 9, kind: .disk(path: disk, writable: true))]), on: bench.loop
                    ) { _ in }
                    Issue.record("two machines write to one disk")
                } catch let error as CarrierError {
                    #expect(error.reason == .inputBusy)
                    #expect(error.exitCode == .timedOutOrBusy && error.description.contains(disk))
                }
            }
            // A reader disturbs nobody.
            let reader = try bench.start(.native, "exit 0", disks: [(13, disk, false)])
            #expect(try reader.end() == .exited(0))
            first.process.kill()
            #expect(try first.end() == .signalled(SIGKILL))
            let second = try bench.start(.native, "exit 0", disks: [(13, disk, true)])
            #expect(try second.end() == .exited(0))
        }

        // MARK: Launches that cannot be

        @Test(arguments: Bench.Way.allCases)
        func `a launch that cannot be is refused before anything starts`(way: Bench.Way) throws {
            let bench = try Bench()
            let host = try bench.scripted(way)
            func refusal(_ descriptors: [MachineLaunch.Descriptor]) -> CarrierError? {
                let launch = MachineLaunch(
                    machine: "trial", memory: ByteCount(bytes: 64 << 20), arguments: ["true"], descriptors: descriptors)
                do throws(CarrierError) {
                    let process = try host.start(launch, on: bench.loop) { _ in }
                    process.kill()
                    return nil
                } catch {
                    return error
                }
            }
            let missing = refusal([.init(number: 9, kind: .disk(path: bench.folder + "/nope", writable: true))])
            #expect(missing?.reason == .inputMissing)
            #expect(missing?.description.contains("/nope") == true)
            let odd = try bench.file("odd", [1, 2, 3])
            #expect(refusal([.init(number: 9, kind: .disk(path: odd, writable: false))])?.description.contains("3 bytes") == true)
            #expect(
                refusal([.init(number: 9, kind: .stream(name: "a")), .init(number: 9, kind: .stream(name: "b"))])?.reason == .launchWrong)
            #expect(
                refusal([.init(number: 9, kind: .stream(name: "a")), .init(number: 8, kind: .stream(name: "a"))])?.reason == .launchWrong)
            #expect(refusal([.init(number: 2, kind: .stream(name: "a"))])?.reason == .launchWrong)
            #expect(refusal([.init(number: 9, kind: .stream(name: "carrier"))])?.reason == .launchWrong)
        }
    }
}

/// The host's own tool, as an independent judge.
enum SHA256Tool {
    static func digest(_ bytes: [UInt8]) -> String {
        let process = Process()
        let input = Foundation.Pipe()
        let output = Foundation.Pipe()
        process.executableURL = URL(filePath: "/usr/bin/sha256sum")
        process.standardInput = input
        process.standardOutput = output
        try? process.run()
        input.fileHandleForWriting.write(Data(bytes))
        try? input.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return String(text.prefix(64))
    }
}
