import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    @Suite(.serialized) struct `a lab's life` {
        @Test func `a lab goes up, a second up changes nothing, and it goes down without a trace`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")])
            let up = try person.vmlab("up", lab)
            #expect(up.status == 0 && up.err.contains("lab shop is up: 2 machines"), "\(up.all)")
            #expect(up.out.contains("db") && up.out.contains("ready"), "up ends with the table of ps: \(up.out)")
            let pids = person.processes()
            let again = try person.vmlab("up", lab)
            #expect(again.status == 0 && again.err.contains("nothing to do"), "\(again.all)")
            #expect(person.processes() == pids, "no process was started or ended")
            let plan = try person.vmlab("plan", lab, "--detailed-exitcode")
            #expect(plan.status == 0, "\(plan.all)")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `down is done twice, and of a lab that never was, with success`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("down", lab).status == 0)
            #expect(try person.vmlab("up", lab).status == 0)
            #expect(try person.vmlab("down", lab).status == 0)
            let twice = try person.vmlab("down", lab)
            #expect(twice.status == 0 && twice.out == "left behind: nothing\n", "\(twice.all)")
            person.expectNothingLeft()
        }

        @Test func `down finds a lab whose file is gone, or wrong by now`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            try FileManager.default.removeItem(atPath: lab + "/lab.yaml")
            let gone = try person.vmlab("down", lab)
            #expect(gone.status == 0 && gone.out == "left behind: nothing\n", "\(gone.all)")
            person.expectNothingLeft()

            try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            try Data("machines: [".utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let wrong = try person.vmlab("down", lab)
            #expect(wrong.status == 0 && wrong.out == "left behind: nothing\n", "\(wrong.all)")
            person.expectNothingLeft()
        }

        @Test func `up reconciles: what changed is started anew, what is gone is deleted, the rest is left alone`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", ""), ("old", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            let before = try #require(try KeeperClient.connect(person.folders("shop"))?.status())
            try person.lab([("db", ""), ("web", "echoes"), ("new", "")])
            let up = try person.vmlab("up", lab)
            #expect(up.status == 0, "\(up.all)")
            let after = try #require(try KeeperClient.connect(person.folders("shop"))?.status())
            #expect(after.machines.map(\.name) == ["db", "web", "new"])
            #expect(after.machines[0].pid == before.machines[0].pid, "db was not touched")
            #expect(after.machines[1].pid != before.machines[1].pid, "web was started anew")
            #expect(!FileManager.default.fileExists(atPath: person.folders("shop").machine("old")))
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `two ups at once: one works, the other is told by whom and since when`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "silent")])
            let first = try person.start(["up", lab])
            try first.awaitOutput("db: started")
            let second = try person.vmlab("up", lab)
            #expect(second.status == 75, "\(second.all)")
            #expect(second.err.contains("busy: process \(try person.keeper()) ") && second.err.contains("since 20"), "\(second.err)")
            first.process.signal(SIGINT)
            #expect(try first.wait().status == 130)
            person.expectNothingLeft()
        }

        @Test func `many ups at the same instant leave one lab`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            let all = try (0..<6).map { _ in try person.start(["up", lab]) }
            let statuses = try all.map { try $0.wait().status }
            #expect(statuses.allSatisfy { $0 == 0 || $0 == 75 } && statuses.contains(0), "\(statuses)")
            #expect(person.processes(matching: "keep\0").count == 1)
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
        func `a signal during up takes back what it began`(signal: Int32) throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "silent")])
            let up = try person.start(["up", lab])
            try up.awaitOutput("web: started")
            up.process.signal(signal)
            let outcome = try up.wait()
            #expect(outcome.status == 128 + signal, "\(outcome.all)")
            #expect(outcome.err.contains("left behind: nothing"), "\(outcome.all)")
            person.expectNothingLeft()
        }

        @Test func `a signal during a second up takes back only what that began`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            let before = try #require(try KeeperClient.connect(person.folders("shop"))?.status())
            try person.lab([("db", ""), ("web", "silent")])
            let up = try person.start(["up", lab])
            try up.awaitOutput("web: started")
            up.process.signal(SIGINT)
            #expect(try up.wait().status == 130)
            let after = try #require(try KeeperClient.connect(person.folders("shop"))?.status())
            #expect(after.machines[0].pid == before.machines[0].pid, "db was not touched")
            #expect(after.machines.first { $0.name == "web" }?.pid == nil, "web is stopped again")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `two signals stop a machine that listens to nothing, hard and still audited`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "silent ignores-everything")])
            // On a busy host the end itself may take as long as the ladder's first rungs, but not each time.
            var shortest = UInt64.max
            for _ in 0..<4 where shortest >= 4_900_000_000 {
                let up = try person.start(["up", lab])
                try up.awaitOutput("db: started")
                up.process.signal(SIGINT)
                try up.awaitOutput("interrupted")
                let start = EventLoop.now()
                up.process.signal(SIGINT)
                let outcome = try up.wait()
                #expect(outcome.status == 130 && outcome.err.contains("left behind: nothing"), "\(outcome.all)")
                shortest = min(shortest, EventLoop.now() - start)
                person.expectNothingLeft()
            }
            #expect(shortest < 4_900_000_000, "the ladder's first rungs were not waited for")
        }

        @Test func `a machine that ignores its power button is stopped by the next rung`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "ignores-everything"), ("web", "refuses-button")])
            #expect(try person.vmlab("up", lab).status == 0)
            let down = try person.vmlab("down", lab, "--timeout", "500ms")
            #expect(down.status == 0 && down.err.contains("was killed(signal 9)"), "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `down during up gives the up up`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "silent")])
            let up = try person.start(["up", lab])
            try up.awaitOutput("db: started")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            let outcome = try up.wait()
            #expect(outcome.status == 75 && outcome.err.contains("taken down meanwhile"), "\(outcome.all)")
            person.expectNothingLeft()
        }

        @Test func `a machine that cannot start is named, with its own words and status, and the others live on`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "refuses-to-start"), ("web", "")])
            let up = try person.vmlab("up", lab)
            #expect(up.status == 65 && up.err.contains("the kernel is not a kernel"), "\(up.all)")
            let status = try #require(try KeeperClient.connect(person.folders("shop"))?.status())
            #expect(status.machines.first { $0.name == "web" }?.state == .ready)
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `a machine that is never ready is told with the end of its console, and stays to be looked at`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "silent")])
            var text = try String(contentsOfFile: lab + "/lab.yaml", encoding: .utf8)
            text = text.replacingOccurrences(of: "within: 60s", with: "within: 4s")
            try Data(text.utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let up = try person.vmlab("up", lab)
            #expect(up.status == 75 && up.err.contains("first byte of db"), "\(up.all)")
            #expect(try person.vmlab("ps", lab).out.contains("unready"))
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `no more machines start at once than asked for, and each waits for those it names`() throws {
            let person = try Person()
            let lab = try person.lab([("a", ""), ("b", ""), ("c", ""), ("d", "")])
            #expect(try person.vmlab("up", lab, "--parallel", "1").status == 0)
            let events = try person.vmlab("events", "--name", "shop", "--past", "--no-follow").out
            let kinds = try events.split(separator: "\n").map { try JSONLine.decode(LabEvent.self, from: $0.utf8).event }
            let starts = kinds.filter { $0 == .machineStarting || $0 == .machineReady }
            #expect(
                starts == [
                    .machineStarting, .machineReady, .machineStarting, .machineReady, .machineStarting, .machineReady, .machineStarting,
                    .machineReady,
                ])
            #expect(try person.vmlab("down", lab).status == 0)

            try person.lab([("a", "")], more: ", after: [z]")
            var text = try String(contentsOfFile: lab + "/lab.yaml", encoding: .utf8)
            text += "  z: {image: fake, memory: 16MiB, cmdline: silent, ready: {console: \"fake: ready\", within: 1s}}\n"
            try Data(text.utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            let up = try person.vmlab("up", lab)
            #expect(up.status == 75 && up.err.contains("a: start machine a: it needs a step that failed"), "\(up.all)")
            #expect(try person.vmlab("ps", lab).out.contains("waiting"))
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `on a terminal a region is drawn again in place, elsewhere and for NO_COLOR's sake no colour is`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            // script(1) gives the command a terminal; its record is what the terminal saw.
            let seen = person.home + "/typescript"
            let variables = ["TERM": "xterm", "SHELL": "/bin/sh"]
            let program = "\(person.programs)/vmlab"
            let outcome = try person.run(
                "/usr/bin/script", ["-qec", "\(program) up \(lab); \(program) up \(lab)/nowhere", seen], variables: variables)
            let text = (try? String(contentsOfFile: seen, encoding: .utf8)) ?? ""
            #expect(text.contains("\u{1B}[1A\r\u{1B}[J") && text.contains("\u{1B}[31m"), "\(outcome.all)\(text)")
            let plain = variables.merging(["NO_COLOR": "1"]) { $1 }
            _ = try person.run("/usr/bin/script", ["-qec", "\(program) up \(lab)/nowhere", seen], variables: plain)
            let colourless = (try? String(contentsOfFile: seen, encoding: .utf8)) ?? ""
            #expect(colourless.contains("does not exist") && !colourless.contains("\u{1B}[31m"), "\(colourless)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }
    }
}
