import Carrier
import Foundation
import Glibc
import Host
import LabModel
import Testing

extension RealCarriers {
    @Suite(.serialized) struct CarrierRunTests {
        struct Outcome {
            var ending: MachineProcess.Ending
            var out: String
            var err: String
        }

        private func run(
            _ bench: Bench, _ command: [String], files: [String] = [], memory: UInt64 = 64 << 20, input: String = "", folder: String? = nil
        ) throws -> Outcome {
            let input = try Descriptor.open(try bench.file("input", Array(input.utf8)), O_RDONLY)
            let output = try Descriptor.memory(name: "output")
            let errors = try Descriptor.memory(name: "errors")
            let run = CarrierRun(
                kit: try Bench.kit.get(), leash: Bench.leash, memory: ByteCount(bytes: memory), command: command, files: files,
                folder: folder ?? bench.folder, searchPath: "/usr/bin:/bin")
            let ending = try run.run(input: input.number, output: output.number, errors: errors.number)
            func text(_ file: borrowing Descriptor) throws -> String {
                String(decoding: try file.read(upTo: 4 << 20, at: 0), as: UTF8.self)
            }
            return Outcome(ending: ending, out: try text(output), err: try text(errors))
        }

        @Test func `a static program runs beside a true KVM, and everything passes through`() throws {
            let bench = try Bench()
            let outcome = try run(
                bench,
                ["/bin/busybox", "sh", "-c", "/bin/busybox ls -l /dev/kvm; /bin/busybox cat; echo oops >&2; /bin/busybox pwd; exit 42"],
                input: "in\nput")
            #expect(outcome.ending == .exited(42))
            #expect(outcome.out.hasPrefix("crw"))
            #expect(outcome.out.hasSuffix("/dev/kvm\nin\nput\(bench.folder)\n"))
            #expect(outcome.err == "oops\n")
        }

        @Test(arguments: [(SIGTERM, "TERM"), (SIGINT, "INT")])
        func `a signal goes to the program, which does with it what it likes`(number: CInt, name: String) throws {
            let bench = try Bench()
            let output = SharedDescriptor(try Descriptor.memory(name: "output"))
            let input = try Descriptor.open("/dev/null", O_RDONLY)
            let run = CarrierRun(
                kit: try Bench.kit.get(), leash: Bench.leash, memory: ByteCount(bytes: 64 << 20),
                command: [
                    "/bin/busybox", "sh", "-c",
                    "trap 'echo told; exit 9' \(name); echo up; while :; do /bin/busybox sleep 0.05; done",
                ], folder: bench.folder, searchPath: "/bin")
            // To this thread alone: another would be ended by it.
            let thread = pthread_self()
            let sender = Thread {
                while (try? output.with { file in try file.read(upTo: 3, at: 0) }) != Array("up\n".utf8) { usleep(20_000) }
                pthread_kill(thread, number)
            }
            sender.start()
            #expect(try run.run(input: input.number, output: output.number, errors: output.number) == .exited(9))
            #expect(try output.with { file in String(decoding: try file.read(upTo: 64, at: 0), as: UTF8.self) } == "up\ntold\n")
        }

        @Test func `a dynamic program runs with its libraries, on files at their own paths`() throws {
            let bench = try Bench()
            _ = try bench.file("data", Array("12345".utf8))
            try FileManager.default.createDirectory(atPath: bench.folder + "/sub", withIntermediateDirectories: false)
            _ = try bench.file("sub/one")
            let outcome = try run(bench, ["ls", "-s", "data", "sub"], files: ["data", "sub"])
            #expect(outcome.ending == .exited(0), "\(outcome)")
            #expect(outcome.out == "4 data\n\nsub:\ntotal 0\n0 one\n")
        }

        @Test func `memory is what was asked for, and what is too much fails in there alone`() throws {
            let bench = try Bench()
            let outcome = try run(
                bench,
                [
                    "/bin/busybox", "sh", "-c",
                    "/bin/busybox grep MemAvailable /proc/meminfo; /bin/busybox dd if=/dev/zero of=/tmp/x bs=1M count=4000",
                ],
                memory: 100 << 20)
            let words = outcome.out.split(separator: " ")
            let available = try #require(words.count > 1 ? Int(words[1]) : nil)
            #expect((100 << 10)...(200 << 10) ~= available, "\(available) KiB")
            #expect(outcome.ending != .exited(0))
        }

        @Test func `the monitor of the kit finds a fast KVM in a carrier`() throws {
            let bench = try Bench()
            let loop = "for i in 1 2 3 4 5; do \(CarrierRun.machine) --measure-kvm; done"
            let outcome = try run(bench, ["/bin/busybox", "sh", "-c", loop])
            #expect(outcome.ending == .exited(0), "\(outcome)")
            // A few hundred million on a quiet host, an emulation of the host's own one at most. A measurement lasts 5 ms, in
            // which a busy host may not let it run at all.
            let best = outcome.out.split(separator: "\n").compactMap { KVMMeasurement(line: String($0)) }.map(\.instructionsPerSecond).max()
            #expect(try #require(best) > 5_000_000, "\(outcome)")
        }

        @Test func `a signal in there is told as one`() throws {
            let bench = try Bench()
            #expect(try run(bench, ["busybox", "sh", "-c", "kill -11 $$"]).ending == .signalled(11))
        }

        @Test func `what is not there is named before anything starts`() throws {
            let bench = try Bench()
            for (command, files) in [
                ([], []), (["no-such-program"], []), (["./absent"], []), (["busybox"], ["absent"]), (["busybox"], ["/dev/null"]),
            ]
                as [([String], [String])]
            {
                let error = #expect(throws: CarrierError.self) { try run(bench, command, files: files) }
                #expect(error?.exitCode == .inputMissing, "\(command) \(files)")
            }
        }
    }
}
