import LabNetwork
import Testing

/// tshark, capinfos and tcpdump read what the ring writes.
@Suite struct `judges of a capture` {
    /// Two files, both full of frames; one has an open checksum, one was dropped, one is cut off by the snap length.
    static let capture: (bytes: [UInt8], count: Int) = {
        var ring = CaptureRing.test(bytes: 24_000, snap: 400)
        var files = MemoryFiles()
        for number in 0..<100 {
            ring.record(Frames.echo(number), on: number % 2, at: 1_700_000_000_000_000_000 + UInt64(number) * 1_000_001)
            if number % 9 == 0 { ring.drain(into: &files) }
        }
        let udp = Frames.openUDP(payload: Array("odd one".utf8))
        ring.record(udp.frame, header: udp.header, on: 1, at: 1_700_000_001_000_000_000)
        ring.record(Frames.echo(100), on: 0, .outgoing, drop: .loss, at: 1_700_000_001_000_000_001)
        ring.record(Frames.echo(101, payload: 1000), on: 2, at: 1_700_000_001_000_000_002)
        ring.drain(into: &files)
        let whole = files.whole
        precondition(!files.files[1].isEmpty)
        return (whole, times(whole).count)
    }()

    private static let checks = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE"]

    @Test(.enabled(if: Judge.has("capinfos"), "capinfos is not installed"))
    func `capinfos counts the frames and names the interfaces`() throws {
        let verdict = try #require(try Judge("capinfos")?.verdict(Self.capture.bytes, "-c", "-I", "-s", "-M", "-F", "FILE"))
        #expect(verdict.status == 0 && verdict.err.isEmpty, "\(verdict.err)")
        #expect(verdict.out.contains("Number of packets:   \(Self.capture.count)"), "\(verdict.out)")
        #expect(verdict.out.contains("Name = web/lan"))
        #expect(verdict.out.contains("Name = lan.gateway"))
        #expect(verdict.out.contains("Time precision = nanoseconds (9)"))
        #expect(verdict.out.contains("Capture length = 400"))
    }

    @Test(.enabled(if: Judge.has("tshark"), "tshark is not installed"))
    func `tshark finds every frame whole, every checksum right, and the reasons of those dropped`() throws {
        let tshark = try #require(Judge("tshark"))
        func fields(_ filter: String, _ names: String...) throws -> [String] {
            var arguments = ["-r", "FILE", "-Y", filter, "-T", "fields"]
            for name in names { arguments += ["-e", name] }
            for check in Self.checks { arguments += ["-o", check] }
            let verdict = try run(tshark, arguments)
            #expect(verdict.status == 0, "\(verdict.err)")
            return verdict.lines
        }
        #expect(try fields("frame", "frame.number").count == Self.capture.count)
        #expect(try fields("_ws.malformed", "frame.number") == [])
        #expect(try fields("ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0", "frame.number") == [])
        #expect(try fields("udp.checksum.status == 1", "udp.length") == ["15"])
        #expect(
            try fields("frame.comment", "frame.comment", "frame.interface_name", "frame.packet_flags_direction", "icmp.seq") == [
                "loss\tweb/lan\t0x00000002\t100"
            ])
        #expect(try fields("frame.cap_len < frame.len", "frame.cap_len", "frame.len", "frame.interface_name") == ["400\t1042\tlan.gateway"])
        let times = try fields("icmp.seq == 99", "frame.time_epoch")
        #expect(times.count == 1 && times[0].hasPrefix("1700000000.099000099"), "\(times)")
    }

    private func run(_ tshark: Judge, _ arguments: [String]) throws -> Judge.Verdict { try tshark.verdict(Self.capture.bytes, arguments) }

    @Test(.enabled(if: Judge.has("tcpdump"), "tcpdump is not installed"))
    func `tcpdump reads both sections`() throws {
        let verdict = try #require(try Judge("tcpdump")?.verdict(Self.capture.bytes, "-n", "-vv", "-r", "FILE"))
        #expect(verdict.status == 0, "\(verdict.err)")
        #expect(verdict.lines.filter { $0.contains("ICMP echo request") }.count == Self.capture.count - 1)
        #expect(verdict.out.contains("[udp sum ok]"))
        #expect(!verdict.out.contains("bad cksum") && !verdict.out.contains("wrong"))
    }

    @Test(.enabled(if: Judge.has("capinfos", "tcpdump"), "capinfos or tcpdump is not installed"))
    func `a capture without a frame is one as well`() throws {
        let empty = CaptureSection(lab: "shop", network: "lan", run: 0).emptyCapture
        let verdict = try #require(try Judge("capinfos")?.verdict(empty, "-c", "FILE"))
        #expect(verdict.status == 0 && verdict.out.contains("Number of packets:   0"), "\(verdict.out)\(verdict.err)")
        var ring = CaptureRing.test()
        var files = MemoryFiles()
        ring.drain(into: &files)
        for (name, arguments) in [("capinfos", ["-c", "FILE"]), ("tcpdump", ["-r", "FILE"])] {
            #expect(try Judge(name)?.verdict(files.whole, arguments).status == 0)
        }
    }

    @Test(.enabled(if: Judge.has("capinfos"), "capinfos is not installed"))
    func `what is left after a kill in the middle of a write is whole`() throws {
        var ring = CaptureRing.test()
        var files = MemoryFiles()
        for number in 0..<20 { ring.record(Frames.echo(number), at: UInt64(number)) }
        ring.drain(into: &files)
        let all = files.files[0]
        for missing in [1, 3, 4, 5, 60, 100, 130] {
            files.files[0] = Array(all.dropLast(missing))
            let whole = files.whole
            let verdict = try #require(try Judge("capinfos")?.verdict(whole, "-c", "FILE"))
            #expect(
                verdict.status == 0 && verdict.out.contains("Number of packets:   \(times(whole).count)"), "\(verdict.out)\(verdict.err)")
        }
    }
}
