import Foundation
import Glibc
import Host
import Testing

extension `pulse on our monitor` {
    /// Two machines whose ports are the two ends of one socket pair, and nothing between them.
    @Suite struct `on a wire` {
        private struct Pair {
            let one: PulseMachine
            let two: PulseMachine
            /// What a keeper would hold on to: the ends outlive the machines.
            let ends: [SharedDescriptor]

            init(_ commandLine: String = "") throws {
                let pair = try UnixSocket.pair().split()
                ends = [SharedDescriptor(Descriptor(owning: pair.ours)), SharedDescriptor(Descriptor(owning: pair.theirs))]
                one = try PulseMachine(
                    "net=10.0.0.1/24 \(commandLine)", cards: [.init(end: ends[0], address: "02:00:00:00:00:01")])
                two = try PulseMachine(
                    "net=10.0.0.2/24 \(commandLine)", cards: [.init(end: ends[1], address: "02:00:00:00:00:02")])
                for machine in [one, two] { try machine.expect("ready\r\n> ") }
            }

            /// Pings until an answer comes: the first ones may be lost.
            func expectEcho() throws {
                for _ in 0..<20 where try one.command("ping 10.0.0.2 1").contains(" 1 received") { return }
                Issue.record("no echo: \(try one.command("ip"))\n\(try two.command("ip"))")
            }
        }

        private static let marks = ["000102030405060708090a0b0c0d0e0f", "f0e0d0c0b0a090807060504030201000"]

        @Test func `a machine that is reset while frames come is in step with its wire again`() throws {
            let pair = try Pair()
            for _ in 1...3 {
                try pair.two.type("ping 10.0.0.1 1000000 0 1400\r")
                try pair.two.expect("ping")
                try pair.one.type("reset\n", on: .control)
                try pair.one.expect("ready\r\n> ")
                try pair.two.type("\u{3}")
                try pair.two.expect("> ")
                try pair.expectEcho()
            }
            #expect(pair.one.count(of: "port-broken") == 0 && pair.two.count(of: "port-broken") == 0)
        }

        @Test func `a wire that is taken up anew at both ends goes on, in the middle of whatever was under way`() throws {
            let pair = try Pair()
            for mark in Self.marks {
                try pair.two.type("ping 10.0.0.1 1000000 0 1400\r")
                try pair.two.expect("ping")
                for machine in [pair.one, pair.two] { try machine.type("port-restart lan \(mark)\n", on: .control) }
                try pair.two.type("\u{3}")
                try pair.two.expect("> ")
                try pair.expectEcho()
            }
            #expect(pair.one.count(of: "port-broken") == 0 && pair.two.count(of: "port-broken") == 0)
        }

        @Test func `a machine that is killed and replaced takes its wire up with a mark`() throws {
            let pair = try Pair()
            try pair.two.type("ping 10.0.0.1 1000000 0 1400\r")
            try pair.two.expect("ping")
            pair.one.process.signal(SIGKILL)
            _ = try pair.one.end()
            let mark = Self.marks[0]
            let next = try PulseMachine(
                "net=10.0.0.1/24", cards: [.init(end: pair.ends[0], address: "02:00:00:00:00:01", mark: mark)])
            try pair.two.type("port-restart lan \(mark)\n", on: .control)
            try next.expect("ready\r\n> ")
            try pair.two.type("\u{3}")
            try pair.two.expect("> ")
            var answer = ""
            for _ in 0..<20 where !answer.contains(" 1 received") { answer = try next.command("ping 10.0.0.2 1") }
            #expect(answer.contains(" 1 received"))
            #expect(pair.two.count(of: "port-broken") == 0)
        }
    }
}
