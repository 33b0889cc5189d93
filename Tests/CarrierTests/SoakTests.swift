import Carrier
import Foundation
import Glibc
import Host
import Testing

extension RealCarriers {
    @Suite(.serialized) struct SoakTests {
        private func openDescriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }

        private func children() throws -> String {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").map {
                (try? String(contentsOfFile: "/proc/self/task/\($0)/children", encoding: .utf8)) ?? ""
            }.joined()
        }

        /// Most are cut off at some moment of the boot, some run to their end.
        @Test func `twenty starts and ends leave no process and no descriptor`() throws {
            var identities: [ProcessIdentity] = []
            do {
                let bench = try Bench()
                let host = try bench.scripted(.carrier)
                let disk = try bench.disk("disk", size: 1 << 20)
                let before = try openDescriptors()
                for index in 0..<20 {
                    let whole = index % 10 == 9
                    let trial = try bench.start(on: host, "echo >&4", streams: [(3, "control"), (4, "out")], disks: [(9, disk, true)])
                    try trial.listen("out")
                    identities.append(trial.process.identity)
                    if whole {
                        #expect(try trial.end() == .exited(0))
                    } else {
                        _ = try bench.wait(seconds: 0) { false }
                        let limit = EventLoop.now() + UInt64(index) * 70_000_000
                        while EventLoop.now() < limit { try bench.loop.turn(limitMilliseconds: 5) }
                        trial.process.kill()
                        #expect(try trial.end() == .signalled(SIGKILL))
                    }
                }
                #expect(try openDescriptors() <= before)
            }
            for identity in identities { #expect(!identity.isAlive) }
        }
    }
}
