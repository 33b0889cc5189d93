import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    /// The loops over every record: something is killed there, and then nothing may be left.
    @Suite(.serialized) struct `killed at every record of the ledger` {
        private static let machines = [("db", ""), ("web", "")]
        private static let networks = Person.networks

        /// How many records an undisturbed `up` writes.
        private func recordCount() throws -> UInt64 {
            let person = try Person()
            let lab = try person.lab(Self.machines, networks: Self.networks)
            try #require(try person.vmlab("up", lab).status == 0)
            let ledger = try Ledger.read(person.folders("shop").ledger)
            #expect(ledger.damagedLines.isEmpty)
            #expect(try person.vmlab("down", lab).status == 0)
            return UInt64(ledger.records.count)
        }

        @Test(arguments: Failpoint.Moment.allCases)
        func `the keeper: down leaves nothing`(moment: Failpoint.Moment) throws {
            let count = try recordCount()
            #expect(count > 10, "folders, image, disks, machines and their readiness: \(count)")
            for record in 1...count {
                let person = try Person()
                let lab = try person.lab(Self.machines, networks: Self.networks)
                let failpoint = Failpoint(moment: moment, record: record).description
                let up = try person.vmlab("up", lab, variables: [Failpoint.variable: failpoint])
                #expect(up.status == 71 && up.err.contains("the keeper"), "\(failpoint): \(up.all)")
                let ps = try person.vmlab("ps", lab)
                #expect(ps.status == 0 && ps.err.contains("lost"), "ps tells the truth at \(failpoint): \(ps.all)")
                let down = try person.vmlab("down", lab)
                #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(failpoint): \(down.all)")
                person.expectNothingLeft(failpoint)
            }
        }

        @Test func `the keeper: up goes on from there`() throws {
            for record in 1...(try recordCount()) {
                let person = try Person()
                let lab = try person.lab(Self.machines, networks: Self.networks)
                let failpoint = Failpoint(moment: .after, record: record).description
                _ = try person.vmlab("up", lab, variables: [Failpoint.variable: failpoint])
                let up = try person.vmlab("up", lab)
                #expect(up.status == 0, "\(failpoint): \(up.all)")
                #expect(person.processes(matching: "--name").count == 2, "\(failpoint): each machine runs once")
                let plan = try person.vmlab("plan", lab, "--detailed-exitcode")
                #expect(plan.status == 0, "\(failpoint): \(plan.all)")
                let down = try person.vmlab("down", lab)
                #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(failpoint): \(down.all)")
                person.expectNothingLeft(failpoint)
            }
        }

        @Test(arguments: [Failpoint.Victim.machines, .network, .uplinks])
        func `the others: the lab is told, goes down, and leaves nothing`(victim: Failpoint.Victim) throws {
            for record in 1...(try recordCount()) {
                let person = try Person()
                let lab = try person.lab(Self.machines, networks: Self.networks)
                let failpoint = Failpoint(moment: .after, record: record, victim: victim).description
                let up = try person.vmlab("up", lab, variables: [Failpoint.variable: failpoint])
                if up.status != 0 { #expect(up.err.contains("crashed(signal 9)"), "\(failpoint): \(up.all)") }
                let down = try person.vmlab("down", lab)
                #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(failpoint): \(down.all)")
                person.expectNothingLeft(failpoint)
            }
        }

        @Test func `a keeper whose machines ignore even its death`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "ignores-everything"), ("web", "ignores-everything")])
            #expect(try person.vmlab("up", lab).status == 0)
            kill(try person.keeper(), SIGKILL)
            // The leash is the kernel's: nobody is asked.
            try person.wait("their end") { person.processes().isEmpty }
            let down = try person.vmlab("down", lab)
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `a down that is killed half-way is finished by the next one`() throws {
            for microseconds in stride(from: UInt32(0), to: 300_000, by: 15_000) {
                let person = try Person()
                let lab = try person.lab(Self.machines, networks: Self.networks)
                try #require(try person.vmlab("up", lab).status == 0)
                let down = try person.start(["down", lab])
                usleep(microseconds)
                down.process.signal(SIGKILL)
                _ = try down.wait()
                let again = try person.vmlab("down", lab)
                #expect(again.status == 0 && again.out == "left behind: nothing\n", "after \(microseconds) us: \(again.all)")
                person.expectNothingLeft("after \(microseconds) us")
            }
        }

        @Test func `a stopped keeper is told as such, and down --force ends it`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            kill(try person.keeper(), SIGSTOP)
            let down = try person.vmlab("down", lab)
            #expect(down.status == 75 && down.err.contains("--force"), "\(down.all)")
            let forced = try person.vmlab("down", lab, "--force")
            #expect(forced.status == 0 && forced.out == "left behind: nothing\n", "\(forced.all)")
            person.expectNothingLeft()
        }

        @Test(arguments: ["file", "folder", "symlink"])
        func `down --force ends a keeper whose socket was replaced`(kind: String) throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            let socket = person.folders("shop").controlSocket
            try Folder.removeFile(socket)
            switch kind {
            case "file": try Data().write(to: URL(filePath: socket))
            case "folder": try Folder.makePrivate(socket + "/inside")
            default: try FileManager.default.createSymbolicLink(atPath: socket, withDestinationPath: "/etc/passwd")
            }
            let down = try person.vmlab("down", lab)
            #expect(down.status == 77 && down.err.contains("--force"), "\(down.all)")
            let forced = try person.vmlab("down", lab, "--force")
            #expect(forced.status == 0 && forced.out == "left behind: nothing\n", "\(forced.all)")
            person.expectNothingLeft()
        }

        @Test func `down tells of the lab that came from the file before its name was edited`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            let file = lab + "/lab.yaml"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try text.replacing("name: shop", with: "name: store").write(toFile: file, atomically: true, encoding: .utf8)
            let other = try person.vmlab("down", lab)
            #expect(other.status == 0 && other.err.contains("--name shop"), "\(other.all)")
            let down = try person.vmlab("down", "--name", "shop")
            #expect(down.status == 0 && down.out == "left behind: nothing\n", "\(down.all)")
            person.expectNothingLeft()
        }

        @Test func `a relative VMLAB_HOME begins at the working folder`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            let depth = FileManager.default.currentDirectoryPath.split(separator: "/").count
            let home = String(repeating: "../", count: depth) + person.home.dropFirst() + "/v"
            let up = try person.vmlab("up", lab, variables: ["VMLAB_HOME": home])
            #expect(up.status == 0, "\(up.all)")
            let down = try person.vmlab("down", lab)
            #expect(down.err.contains("db: powered off") && down.out == "left behind: nothing\n", "the same lab: \(down.all)")
            person.expectNothingLeft()
        }
    }
}
