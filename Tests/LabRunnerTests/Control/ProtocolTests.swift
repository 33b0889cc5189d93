import Foundation
import LabModel
import LabPlan
import LabRunner
import Testing

@Suite struct `the control protocol` {
    private static let lab = Lab(name: "shop", seed: 7, machines: [], images: [])

    @Test(arguments: [
        Request.status, .events(past: true, follow: false), .cancel(hard: true), .down(.hard),
        .console(ConsoleRequest(machine: "db", stream: "serial", since: .boot, input: true, follow: true)),
        .up(UpRequest(lab: lab, id: "shop", source: "/l/lab.yaml", accelerator: .automatic, parallel: 2)),
        .machine(.stop, name: "db", .patient), .machine(.kill, name: "db", nil),
    ])
    func `reads back every request`(request: Request) throws {
        let line = try JSONLine.line(request)
        #expect(line.last == UInt8(ascii: "\n") && !line.dropLast().contains(UInt8(ascii: "\n")))
        #expect(try JSONLine.decode(Request.self, from: line) == request)
    }

    @Test func `has requests that a person can type`() throws {
        for (text, request) in [
            (#"{"request":"status"}"#, Request.status), (#"{"request":"events"}"#, .events(past: false, follow: true)),
            (#"{"request":"stop","machine":"db"}"#, .machine(.stop, name: "db", nil)), (#"{"request":"down"}"#, .down(.patient)),
        ] {
            #expect(try JSONLine.decode(Request.self, from: text.utf8) == request)
        }
    }

    @Test func `cuts lines anywhere, and refuses those without end`() throws {
        let input = Array("one\ntwo\r\n\nlast".utf8)
        for cut in 0...input.count {
            var buffer = LineBuffer(longestLine: 10)
            var lines: [String] = []
            for part in [input[..<cut], input[cut...]] {
                buffer.append(part)
                while let line = try buffer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
            }
            #expect(lines == ["one", "two", ""] && buffer.takeRest() == Array("last".utf8))
        }
        var buffer = LineBuffer(longestLine: 10)
        buffer.append([UInt8](repeating: 0x61, count: 11))
        #expect(throws: LineBuffer.TooLong.self) { _ = try buffer.next() }
    }

    @Test func `writes moments as people and tools read them`() {
        for (milliseconds, text) in [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (2_147_483_648_000, "2038-01-19T03:14:08.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
        ] {
            #expect(Timestamp(milliseconds: milliseconds).text == text)
            #expect(Timestamp(text)?.milliseconds == milliseconds)
        }
        for text in ["", "2026", "2026-13-01T00:00:00.000Z", "yesterday, at about ten"] { #expect(Timestamp(text) == nil) }
    }
}
