import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    /// A host that is full, closed, or laid out badly: one clear error, and nothing left of the attempt.
    @Suite(.serialized) struct `trouble with the host` {
        @Test func `a socket path that is too long is named, with the way out`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            let long = person.home + "/" + String(repeating: "x", count: 80)
            let up = try person.vmlab("up", lab, variables: ["VMLAB_HOME": long])
            #expect(up.status == 73 && up.err.contains("socket path") && up.err.contains("VMLAB_HOME"), "\(up.all)")
            #expect(Folder.names(long + "/state").isEmpty && Folder.names(long + "/run").isEmpty)
            let doctor = try person.vmlab("doctor", variables: ["VMLAB_HOME": long])
            #expect(doctor.out.contains("labs with names of more than"), "\(doctor.all)")
        }

        @Test func `a state folder that is a file, or a symlink, is refused`() throws {
            for kind in ["file", "symlink"] {
                let person = try Person()
                let lab = try person.lab([("db", "")])
                try FileManager.default.createDirectory(atPath: person.home + "/v/state", withIntermediateDirectories: true)
                let path = person.folders("shop").state
                if kind == "file" {
                    try Data().write(to: URL(filePath: path))
                } else {
                    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: person.home)
                }
                let up = try person.vmlab("up", lab)
                #expect(up.status == 73 && up.err.contains(path), "\(kind): \(up.all)")
                #expect(person.processes().isEmpty)
            }
        }

        @Test func `a state folder on a full filesystem is told with what to do, and a retry works once there is room`() throws {
            let scratch = try Scratch()
            guard let small = try scratch.smallFileSystem(kibibytes: 8) else { return }
            let person = try Person()
            let lab = try person.lab([("db", "")])
            // The cache has room: only the records have not.
            try FileManager.default.createDirectory(atPath: person.home + "/v", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: person.home + "/v/state", withDestinationPath: small)
            let up = try person.vmlab("up", lab)
            #expect(up.status == 73 && up.err.contains("No space left") && up.err.contains("VMLAB_HOME"), "\(up.all)")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0, "\(down.all)")
            #expect(person.processes().isEmpty && Folder.names(small).isEmpty)
            try #require(try Scratch.run("/usr/bin/mount", "-o", "remount,size=8192k", small) == 0)
            let again = try person.vmlab("up", lab)
            #expect(again.status == 0, "\(again.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            #expect(person.processes().isEmpty && Folder.names(small).isEmpty)
        }

        @Test func `a state folder that may not be written is told as such`() throws {
            let scratch = try Scratch()
            guard let small = try scratch.smallFileSystem(kibibytes: 64) else { return }
            try #require(try Scratch.run("/usr/bin/mount", "-o", "remount,ro", small) == 0)
            let person = try Person()
            let lab = try person.lab([("db", "")])
            try FileManager.default.createDirectory(atPath: person.home + "/v", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: person.home + "/v/state", withDestinationPath: small)
            let up = try person.vmlab("up", lab)
            #expect(up.status == 73 && up.err.contains("Read-only") && up.err.contains("VMLAB_HOME"), "\(up.all)")
            #expect(person.processes().isEmpty)
        }

        @Test func `running machines survive a state filesystem that fills up`() throws {
            let scratch = try Scratch()
            guard let small = try scratch.smallFileSystem(kibibytes: 512) else { return }
            let person = try Person()
            let lab = try person.lab([("db", "floods"), ("web", "echoes")])
            try FileManager.default.createDirectory(atPath: person.home + "/v", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: person.home + "/v/state", withDestinationPath: small)
            let up = try person.vmlab("up", lab)
            #expect(up.status == 0, "\(up.all)")
            let events = try person.start(["events", "--name", "shop", "--past"])
            try events.awaitOutput("console-lost")
            let ps = try person.vmlab("ps", lab)
            #expect(ps.status == 0 && ps.out.components(separatedBy: "ready").count == 3, "\(ps.all)")
            let answer = try person.vmlab("console", "web", "-f", lab, "--until", "heard it", "--timeout", "60s", input: "it\n")
            #expect(answer.status == 0, "\(answer.all)")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            #expect(person.processes().isEmpty && Folder.names(small).isEmpty)
        }

        @Test func `a machine program that is missing is named`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            try FileManager.default.removeItem(atPath: person.programs + "/vmlab-machine")
            let up = try person.vmlab("up", lab)
            #expect(up.status == 66 && up.err.contains("vmlab-machine"), "\(up.all)")
            person.expectNothingLeft()
        }
    }

    @Suite(.serialized) struct `a machine's ends` {
        private func status(_ person: Person) throws -> MachineStatus {
            let client = try #require(try KeeperClient.connect(person.folders("shop")))
            return try #require(try client.status().machines.first)
        }

        /// Polls until the machine is in a state; at most a minute.
        private func wait(for state: MachineStatus.State, _ person: Person) throws -> MachineStatus {
            for _ in 0..<3000 {
                let now = try status(person)
                if now.state == state { return now }
                usleep(20_000)
            }
            return try status(person)
        }

        @Test(arguments: [
            ("crashes", "crashed(signal 11)"), ("faults", "guest fault: triple-fault: at 0x1000"), ("powers-off", "powered off"),
        ])
        func `are told by name, and the others live on`(words: String, reason: String) throws {
            let person = try Person()
            let lab = try person.lab([("db", words), ("web", "")])
            _ = try person.vmlab("up", lab)
            let ended = try wait(for: .ended, person)
            #expect(ended.detail == reason && ended.pid == nil)
            let ps = try person.vmlab("ps", lab)
            #expect(ps.out.contains(reason) && ps.out.contains("web"), "\(ps.all)")
            let plan = try person.vmlab("plan", lab)
            #expect(plan.out.contains("db \(reason)") && !plan.out.contains("machine web"), "\(plan.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `by somebody's SIGKILL are seen`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            kill(try #require(try status(person).pid), SIGKILL)
            #expect(try wait(for: .ended, person).detail == "crashed(signal 9)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `are followed by a new start where the policy says so, after a pause that grows`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "crashes")], more: ", restart: on-failure")
            #expect(try person.vmlab("up", lab).status == 0)
            #expect(try wait(for: .restarting, person).detail == "crashed(signal 11)")
            try person.wait("its second start anew") { try status(person).restarts >= 2 }
            let events = try person.vmlab("events", "--name", "shop", "--past", "--no-follow")
            #expect(events.out.contains("\"in 1 s\"") && events.out.contains("\"in 2 s\""), "\(events.out)")
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `are followed by a new start also when the host could not do it at first`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], more: ", restart: always")
            #expect(try person.vmlab("up", lab).status == 0)
            let (program, away) = (person.programs + "/vmlab-leash", person.programs + "/away")
            try FileManager.default.moveItem(atPath: program, toPath: away)
            kill(try #require(try status(person).pid), SIGKILL)
            var events = ""
            try person.wait("a start that fails") {
                events = try person.vmlab("events", "--name", "shop", "--past", "--no-follow").out
                return events.contains("cannot be started again")
            }
            try FileManager.default.moveItem(atPath: away, toPath: program)
            try person.wait("one that does not") { try status(person).state == .ready }
            #expect(try status(person).restarts >= 2)
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `by power-off need no new start under on-failure`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "powers-off")], more: ", restart: on-failure")
            _ = try person.vmlab("up", lab)
            #expect(try wait(for: .ended, person).detail == "powered off")
            usleep(1_500_000)
            #expect(try status(person).state == .ended)
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `are had by hand: stop, start, restart, kill`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            let first = try status(person).pid
            #expect(try person.vmlab("stop", "db", "-f", lab).status == 0)
            #expect(try status(person).state == .ended)
            #expect(try person.vmlab("start", "db", "-f", lab).status == 0)
            #expect(try status(person).state == .ready)
            #expect(try person.vmlab("restart", "db", "-f", lab).status == 0)
            let third = try status(person).pid
            #expect(third != nil && third != first)
            #expect(try person.vmlab("kill", "db", "-f", lab).status == 0)
            #expect(try status(person).detail == "was killed(signal 9)")
            let unknown = try person.vmlab("kill", "dbb", "-f", lab)
            #expect(unknown.status == 64 && unknown.err.contains("db, web"), "\(unknown.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }
    }
}
