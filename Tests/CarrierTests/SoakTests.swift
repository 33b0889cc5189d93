import Carrier
import Foundation
import Glibc
import Host
import Testing

extension RealCarriers {
    @Suite(.serialized) struct SoakTests {
        private static func openDescriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }

        /// Most are cut off at some moment of the boot, some run to their end.
        @Test func `twenty starts and ends leave no process and no descriptor`() async {
            // In a process of its own: other tests of this one open and close descriptors meanwhile.
            await #expect(processExitsWith: .success) { try SoakTests.soak() }
        }

        private static func soak() throws {
            var identities: [ProcessIdentity] = []
            do {
                let bench = try Bench()
                let host = try bench.scripted(.carrier)
                let disk = try bench.disk("disk", size: 1 << 20)
                let before = try openDescriptors()
                for index in 0..<20 {
                    let isWhole = index % 10 == 9
                    let trial = try bench.start(
                        on: host, isWhole ? "echo >&4" : "echo >&4; exec /bin/busybox sleep 1000", streams: [(3, "control"), (4, "out")],
                        disks: [(9, disk, true)])
                    try trial.listen("out")
                    identities.append(trial.process.identity)
                    if isWhole {
                        #expect(try trial.end() == .exited(0))
                    } else {
                        try bench.pass(milliseconds: UInt64(index) * 70)
                        trial.process.kill()
                        #expect(try trial.end() == .signalled(SIGKILL))
                    }
                }
                #expect(try openDescriptors() == before)
            }
            for identity in identities { #expect(!identity.isAlive) }
        }
    }
}
