import Carrier
import Foundation
import Glibc
import Host
import LabModel
import Testing

/// The same launch, natively and in a carrier: one set of sentences for both.
@Suite(.serialized) struct MachineHostTests {
    @Test(arguments: Bench.Way.allCases)
    func `a stream carries a mebibyte each way unchanged`(way: Bench.Way) throws {
        let bench = try Bench()
        let start = EventLoop.now()
        let trial = try bench.start(
            way, "/bin/busybox dd bs=4096 count=256 iflag=fullblock <&7 >&8 2>/dev/null", streams: [(7, "in"), (8, "out")])
        try trial.listen("out")
        #expect(try trial.runs())
        print("ready after \((EventLoop.now() - start) / 1_000_000) ms")
        let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try trial.write(bytes, to: "in")
        #expect(try trial.end() == .exited(0))
        #expect(trial.bytes("out") == bytes)
        print("ended after \((EventLoop.now() - start) / 1_000_000) ms")
    }
}
