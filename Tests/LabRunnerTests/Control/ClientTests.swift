import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    /// Clients that mean harm, or know no better: the keeper answers the others all the same.
    @Suite(.serialized) struct `clients of a keeper` {
        private func up(_ words: String = "") throws -> Person {
            let person = try Person()
            let lab = try person.lab([("db", words)])
            let outcome = try person.vmlab("up", lab)
            try #require(outcome.status == 0, "\(outcome.all)")
            return person
        }

        private func down(_ person: Person) throws {
            let outcome = try person.vmlab("down", "--name", "shop")
            #expect(outcome.status == 0 && outcome.out == "left behind: nothing\n", "\(outcome.all)")
            person.expectNothingLeft()
        }

        private func connect(_ person: Person) throws -> Descriptor { try UnixSocket.connect(person.folders("shop").controlSocket) }

        /// Milliseconds until another client has its answer.
        private func answerTime(_ person: Person) throws -> UInt64 {
            let start = EventLoop.now()
            let client = try #require(try KeeperClient.connect(person.folders("shop")))
            #expect(try client.status().lab == "shop")
            return (EventLoop.now() - start) / 1_000_000
        }

        /// The keeper's part is a few milliseconds; a host that runs other tests beside this one adds its own. A stalled keeper never answers.
        private static let patience: UInt64 = 30_000

        @Test func `talk at once, a thousand of them`() throws {
            let person = try up()
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = min(limit.rlim_max, 4096)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var clients: [KeeperClient] = []
            for _ in 0..<1000 { clients.append(try #require(try KeeperClient.connect(person.folders("shop")))) }
            for client in clients { try client.send(.status) }
            for client in clients {
                guard client.wait(limitMilliseconds: 60_000), let replies = try client.receive(), case .status(let status)? = replies.first
                else {
                    Issue.record("a client got no answer")
                    break
                }
                #expect(status.machines.count == 1)
            }
            clients = []
            #expect(try answerTime(person) < Self.patience)
            try down(person)
        }

        @Test func `send no end of bytes without a newline`() throws {
            let person = try up()
            let flood = try connect(person)
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            var sent = 0
            // The keeper says what it thinks of that and hangs up.
            signal(SIGPIPE, SIG_IGN)
            #expect(throws: OSError.self) {
                for _ in 0..<64 {
                    try flood.writeAll(piece)
                    sent += piece.count
                }
            }
            #expect(sent < 32 << 20)
            #expect(try answerTime(person) < Self.patience)
            try down(person)
        }

        @Test func `send what is no request, and go on with one`() throws {
            let person = try up()
            let client = try connect(person)
            try client.writeAll(Array("hello\n{\"request\":\"dance\"}\n[1,2,3]\n\u{0}\u{1}\u{2}\n{\"request\":\"status\"}\n".utf8))
            var lines = LineBuffer(longestLine: 1 << 20)
            var replies: [Reply] = []
            while replies.count < 5 {
                lines.append(try client.read(upTo: 65536))
                while let line = try lines.next() { replies.append(try JSONLine.decode(Reply.self, from: line)) }
            }
            for reply in replies.prefix(4) {
                guard case .result(let outcome) = reply else {
                    Issue.record("\(reply)")
                    continue
                }
                #expect(outcome.exitCode == .usage)
            }
            guard case .status = replies[4] else {
                Issue.record("\(replies[4])")
                return
            }
            try down(person)
        }

        @Test func `ask for everything and read nothing`() throws {
            let person = try up("floods")
            let before = try memory(of: try person.keeper())
            var hung: [SharedDescriptor] = []
            for _ in 0..<20 {
                let client = try connect(person)
                try client.writeAll(
                    Array(
                        "{\"request\":\"console\",\"console\":{\"machine\":\"db\",\"since\":\"start\",\"input\":true,\"follow\":true}}\n"
                            .utf8))
                hung.append(SharedDescriptor(client))
                let asker = try connect(person)
                try asker.setNonBlocking()
                let question = Array(String(repeating: "{\"request\":\"status\"}\n", count: 20_000).utf8)
                _ = try asker.writeSome(question)
                hung.append(SharedDescriptor(asker))
            }
            usleep(500_000)
            #expect(try answerTime(person) < Self.patience)
            let after = try memory(of: try person.keeper())
            #expect(after - before < 64 << 20, "from \(before) to \(after) bytes")
            hung = []
            try down(person)
        }

        private func memory(of pid: Int32) throws -> Int {
            let fields = String(decoding: try readSmallFile("/proc/\(pid)/statm"), as: UTF8.self).split(separator: " ")
            return (Int(fields[1]) ?? 0) * 4096
        }

        @Test func `hang up in the middle of a word`() throws {
            let person = try up()
            for length in [1, 5, 10, 19] {
                let client = try connect(person)
                try client.writeAll(Array("{\"request\":\"status\"}\n".utf8.prefix(length)))
            }
            #expect(try answerTime(person) < Self.patience)
            try down(person)
        }

        @Test func `see a console's past when they come late, from its first byte`() throws {
            let person = try up("echoes")
            let logs = try person.vmlab("logs", "db", "--name", "shop")
            #expect(logs.out.hasPrefix("first byte of db\n"), "\(logs.all)")
            let answer = try person.vmlab("console", "db", "--name", "shop", "--since", "start", input: "good morning\n")
            #expect(answer.status == 0 && answer.out.hasPrefix("first byte of db\n"), "\(answer.all)")
            #expect(answer.out.contains("heard good morning"), "\(answer.all)")
            try down(person)
        }

        @Test func `script a console until a text appears, or time is over`() throws {
            let person = try up("echoes")
            let found = try person.vmlab(
                "console", "db", "--name", "shop", "--until", "heard two", "--timeout", "60s", input: "one\ntwo\nthree\n")
            #expect(found.status == 0 && found.out.contains("heard two"), "\(found.all)")
            let never = try person.vmlab("console", "db", "--name", "shop", "--until", "no such text", "--timeout", "300ms", input: "one\n")
            #expect(never.status == 75 && never.err.contains("no such text"), "\(never.all)")
            let unknown = try person.vmlab("console", "nobody", "--name", "shop")
            #expect(unknown.status == 64 && unknown.err.contains("db"), "\(unknown.all)")
            try down(person)
        }

        @Test func `are shown what a guest wrote without its terminal control`() throws {
            let person = try up("colours")
            let logs = try person.vmlab("logs", "db", "--name", "shop")
            #expect(logs.out.contains("fake: ready\n") && !logs.out.contains("\u{1B}") && !logs.out.contains("title"), "\(logs.all)")
            let raw = try person.vmlab("logs", "db", "--name", "shop", "--raw")
            #expect(raw.out.contains("\u{1B}[31mfa"), "\(raw.all)")
            try down(person)
        }

        @Test func `follow what happens as it happens, one object a line`() throws {
            let person = try up()
            let events = try person.start(["events", "--name", "shop", "--past"])
            try events.awaitOutput("machine-ready")
            let killed = try person.vmlab("kill", "db", "--name", "shop")
            #expect(killed.status == 0, "\(killed.all)")
            try events.awaitOutput("machine-ended")
            try down(person)
            let outcome = try events.wait()
            #expect(outcome.status == 0)
            let kinds = try outcome.out.split(separator: "\n").map { try JSONLine.decode(LabEvent.self, from: $0.utf8).event }
            #expect(kinds.contains(.machineStarting) && kinds.last == .labStopped, "\(kinds)")
        }
    }
}
