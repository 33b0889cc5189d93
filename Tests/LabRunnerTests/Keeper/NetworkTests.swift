import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    /// The bridge and passt are played too: what counts is what they are told, and what becomes of them.
    @Suite(.serialized) struct `a lab's networks` {
        private func status(_ person: Person) throws -> LabStatus {
            try #require(try KeeperClient.connect(person.folders("shop"))).status()
        }

        private func networkProcess(_ person: Person) throws -> Int32? { try status(person).networks?.first?.pid }

        private func events(_ person: Person) throws -> [LabEvent] {
            try person.vmlab("events", "--name", "shop", "--past", "--no-follow").out.split(separator: "\n")
                .map { try JSONLine.decode(LabEvent.self, from: $0.utf8) }
        }

        /// What the bridge was told, once so many lines of it begin like this: it reads at its own pace.
        private func words(_ person: Person, beginning start: String, _ count: Int) throws -> [String] {
            try person.wait("\(count) words \(start)") { person.lines("network-words").count { $0.hasPrefix(start) } >= count }
            return person.lines("network-words")
        }

        /// The mark of the last `port-up` of a port.
        private func mark(_ port: String, in words: [String]) -> String? {
            words.last { $0.hasPrefix("port-up \(port) ") }?.split(separator: " ").last.map(String.init)
        }

        @Test func `are there before the first machine, told of each, and gone after the last`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")], networks: Person.networks)
            let up = try person.vmlab("up", lab)
            #expect(up.status == 0, "\(up.all)")
            let words = try words(person, beginning: "port-up", 4)
            for port in ["db/lan", "db/wan", "web/lan", "web/wan"] {
                #expect(words.count { $0.hasPrefix("port-up \(port) ") } == 1, "\(words)")
                #expect(mark(port, in: words)?.utf8.count == 32)
            }
            #expect(Set(words.compactMap { $0.hasPrefix("port-up") ? $0.split(separator: " ").last : nil }).count == 4, "marks differ")
            #expect(words.count { $0.hasPrefix("uplink-up") } == 2, "\(words)")
            try person.wait("both uplinks") { person.lines("uplink-starts").count == 2 }
            let kinds = try events(person).map(\.event)
            let started = try #require(kinds.firstIndex(of: .networkStarted))
            #expect(started < (try #require(kinds.firstIndex(of: .machineStarting))))
            let networks = try #require(try status(person).networks)
            #expect(networks.map(\.name) == ["lan", "wan"] && networks.allSatisfy { $0.state == .up })
            #expect(networks.flatMap(\.ports).allSatisfy { $0.isPlugged && $0.isUp })
            #expect(networks[0].captures.allSatisfy { FileManager.default.fileExists(atPath: $0) })
            let ps = try person.vmlab("ps", lab)
            #expect(ps.out.contains("ADDRESS") && ps.out.contains("10.20.0."), "\(ps.all)")
            let again = try person.vmlab("plan", lab, "--detailed-exitcode")
            #expect(again.status == 0, "a second up changes nothing: \(again.all)")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            #expect(person.lines("network-words").last == "stop")
            person.expectNothingLeft()
        }

        @Test func `are started again when they die, with fresh marks on both sides, and told what people said`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            for arguments in [["set", "lan", "delay=40ms", "loss=0.5%"], ["set", "web/wan", "down"], ["partition", "lan", "db", "web"]] {
                let said = try person.start(["link"] + arguments + ["-f", lab]).wait()
                #expect(said.status == 0, "\(said.all)")
            }
            let machines = try status(person).machines.map(\.pid)
            let first = try #require(try networkProcess(person))
            let before = mark("db/lan", in: person.lines("network-words"))
            let told = person.lines("network-words").count
            kill(first, SIGKILL)
            try person.wait("another network") { try status(person).networks?.first.map { $0.state == .up && $0.pid != first } ?? false }
            try person.wait("its words") { person.lines("network-words").count { $0.hasPrefix("uplink-up") } == 4 }
            let words = Array(person.lines("network-words")[told...])
            #expect(words.contains("link web/wan down") && words.contains("partition lan db|web"), "\(words)")
            #expect(words.contains { $0.hasPrefix("link lan ") && $0.contains("delay=40000") && $0.contains("loss=5000") }, "\(words)")
            let after = try #require(mark("db/lan", in: words))
            #expect(after != before)
            try person.wait("the machine's word") { person.lines("machine-words").contains("db port-restart lan \(after)") }
            #expect(try status(person).machines.map(\.pid) == machines, "machines live on")
            let kinds = try events(person).map(\.event)
            #expect(kinds.contains(.networkEnded) && kinds.contains(.networkRestarting) && kinds.count { $0 == .networkStarted } == 2)
            let show = try person.vmlab("link", "show", lab)
            #expect(show.out.contains("delay 40 ms, loss 0.5 %, divided: db | web"), "\(show.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `let a machine go, and take it up again with another mark`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            let before = mark("db/lan", in: try words(person, beginning: "port-up", 4))
            #expect(try person.vmlab("kill", "db", "-f", lab).status == 0)
            try person.wait("the port's end") { person.lines("network-words").contains("port-down db/lan") }
            #expect(try status(person).networks?[0].ports.map(\.isPlugged) == [false, true])
            #expect(try person.vmlab("start", "db", "-f", lab).status == 0)
            let after = mark("db/lan", in: try words(person, beginning: "port-up", 6))
            #expect(after != nil && after != before)
            let command = person.processes(matching: "db\0").compactMap {
                (try? readFile("/proc/\($0)/cmdline", limit: 65536)).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(command.contains { $0.contains("mark=\(after ?? "-")") }, "\(command)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `have uplinks that are started again once the bridge has let go of them`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            try person.wait("the first") { person.lines("uplink-starts").count == 1 }
            let first = try #require(person.lines("uplink-starts").first?.split(separator: " ").first.flatMap { Int32($0) })
            kill(first, SIGKILL)
            try person.wait("the second") { person.lines("uplink-starts").count == 2 }
            try person.wait("its word") { person.lines("network-words").count { $0 == "uplink-up db/wan" } == 2 }
            let words = person.lines("network-words").filter { $0.hasPrefix("uplink") }
            #expect(words == ["uplink-up db/wan", "uplink-down db/wan", "uplink-up db/wan"])
            let event = try #require(try events(person).first { $0.event == .uplinkEnded })
            #expect(event.machine == "db" && event.network == "wan" && event.detail?.contains("signal 9") == true)
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `do without a way out where passt is missing, and say what to install`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], networks: Person.networks)
            let up = try person.vmlab("up", lab, variables: ["VMLAB_PASST": "", "PATH": "/nowhere"])
            #expect(up.status == 0 && up.err.contains("install the package passt"), "\(up.all)")
            #expect(try status(person).networks?[1].ports[0].uplink == "missing")
            let doctor = try person.vmlab("doctor", variables: ["VMLAB_PASST": "", "PATH": "/nowhere"])
            #expect(doctor.out.contains("apt-get install passt"), "\(doctor.out)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `are not what they should be: told with their own words, and no machine is started`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], networks: Person.networks)
            try Data().write(to: URL(filePath: person.home + "/network-refuses"))
            let up = try person.vmlab("up", lab)
            #expect(up.status == 70 && up.err.contains("no such option"), "\(up.all)")
            #expect(person.processes(matching: "--name").isEmpty)
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `end at a system call that their sandbox forbids: that is told, and they are started again`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            let first = try #require(try networkProcess(person))
            // As the kernel does it.
            kill(first, SIGSYS)
            try person.wait("another network") { try status(person).networks?.first.map { $0.state == .up && $0.pid != first } ?? false }
            let ended = try #require(try events(person).first { $0.event == .networkEnded })
            #expect(ended.detail?.contains("sandbox forbids") == true, "\(ended)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `refuse what cannot be, and change nothing`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            for (arguments, text) in [
                (["set", "lan", "delya=40ms"], "delay"), (["set", "lan", "delay=40"], "unit"), (["set", "lan", "sideways"], "key=value"),
                (["set", "nowhere", "down"], "it has: db/lan"), (["partition", "lan", "db", "db"], "two groups"),
                (["partition", "lan", "db,nobody"], "nobody is not on"), (["partition", "lan", "db,,web"], "commas"),
                (["set", "lan", "loss=99.9999%"], "too much"), (["set", "lan", "reorder=5%"], "without a delay"),
            ] {
                let said = try person.start(["link"] + arguments + ["-f", lab]).wait()
                #expect(said.status == 64 && said.err.contains(text), "\(arguments): \(said.all)")
            }
            let networks = try #require(try status(person).networks)
            #expect(networks.allSatisfy { $0.isUp && $0.shape.isNothing && $0.partition.isEmpty })
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test(arguments: ["tcp: 80", "ping: true"]) func `say when a machine is ready, or how far it came`(ready: String) throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], networks: Person.networks)
            var text = try String(contentsOfFile: lab + "/lab.yaml", encoding: .utf8)
            text = text.replacing("console: \"fake: ready\", within: 60s", with: "\(ready), within: 60s")
            try Data(text.utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let up = try person.vmlab("up", lab, limitSeconds: 120)
            #expect(up.status == 0, "\(up.all)")
            let words = try words(person, beginning: "probe-stop p1", 1)
            #expect(words.contains { $0.hasPrefix("probe p1 db/lan") }, "\(words)")
            #expect(try person.vmlab("down", lab).status == 0)

            try Data().write(to: URL(filePath: person.home + "/probe-fails"))
            try Data(text.replacing("within: 60s", with: "within: 4s").utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let late = try person.vmlab("up", lab, limitSeconds: 120)
            #expect(late.status == 75 && late.err.contains("db is not ready after 4s: it runs, but does not"), "\(late.all)")
            #expect(late.err.contains("first byte of db") && late.err.contains("vmlab logs db"), "\(late.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `are replaced when the file changes them, while machines live on`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")], networks: Person.networks)
            #expect(try person.vmlab("up", lab).status == 0)
            let machines = try status(person).machines.map(\.pid)
            let first = try #require(try networkProcess(person))
            var text = try String(contentsOfFile: lab + "/lab.yaml", encoding: .utf8)
            // A wire's shape is told to the running process.
            text = text.replacing("lan: {subnet: 10.20.0.0/24}", with: "lan: {subnet: 10.20.0.0/24, link: {delay: 10ms}}")
            try Data(text.utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let shaped = try person.vmlab("up", lab)
            #expect(shaped.status == 0, "\(shaped.all)")
            #expect(try networkProcess(person) == first)
            #expect(person.lines("network-words").contains { $0.hasPrefix("link lan delay=10000") })
            // Its ring is not.
            text = text.replacing("link: {delay: 10ms}", with: "link: {delay: 10ms}, capture: off")
            try Data(text.utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let replaced = try person.vmlab("up", lab)
            #expect(replaced.status == 0, "\(replaced.all)")
            #expect(try networkProcess(person) != first)
            #expect(try status(person).machines.map(\.pid) == machines)
            let last = try #require(mark("db/lan", in: try words(person, beginning: "port-up db/lan", 2)))
            try person.wait("the machine's word") { person.lines("machine-words").contains("db port-restart lan \(last)") }
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }
    }
}
