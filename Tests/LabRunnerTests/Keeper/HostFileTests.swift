import Foundation
import Host
import TestSupport
import Testing

extension `played labs` {
    @Suite(.serialized) struct `a file of the host on a machine's disk` {
        @Test func `is put there anew when it has changed, and only then`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")], more: ", files: [{to: /etc/note, from: ./note}]")
            try Self.giveADisk(person)
            func note(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: lab + "/note")) }
            func plan() throws -> CommandOutcome { try person.vmlab("plan", lab, "--detailed-exitcode") }
            try note("the first of two notes")
            let up = try person.vmlab("up", lab)
            #expect(up.status == 0, "\(up.all)")
            #expect(try Self.holds("the first of two notes", person) && plan().status == 0)

            try note("the first of two notes")
            #expect(try plan().status == 0, "the same bytes, written again")
            try note("the second of two notes")
            let changed = try plan()
            #expect(changed.status == 2 && changed.out.contains("files changed"), "\(changed.all)")
            #expect(changed.out.contains("the guest's writes go with it"), "\(changed.all)")
            let again = try person.vmlab("up", lab)
            #expect(again.status == 0, "\(again.all)")
            #expect(try Self.holds("the second of two notes", person) && plan().status == 0)
            #expect(try !Self.holds("the first of two notes", person))

            try FileManager.default.removeItem(atPath: lab + "/note")
            let missing = try plan()
            #expect(missing.status == 65 && missing.err.contains("note cannot be put on the machine's disk"), "\(missing.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        /// The image gets one: a root of a few folders.
        private static func giveADisk(_ person: Person) throws {
            let image = person.home + "/Images/fake"
            try FileManager.default.createDirectory(atPath: image + "/root/etc", withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: image + "/kernel", toPath: image + "/root/kernel")
            let tar = try ChildProcess(
                program: "/bin/tar", arguments: ["tar", "-C", image + "/root", "-cf", image + "/root.tar", "."], environment: [],
                inherited: [])
            #expect(try tar.wait(limitMilliseconds: 60_000) == .exited(0))
            let recipe =
                "name: fake\nfrom: {archive: {path: root.tar}}\nboot: {protocol: pvh, kernel: /kernel}\ndisk: {filesystem: ext4, size: 16MiB}\n"
            try Data(recipe.utf8).write(to: URL(filePath: image + "/image.yaml"))
        }

        /// Any file of the lab's state has these bytes.
        private static func holds(_ text: String, _ person: Person) throws -> Bool {
            let state = person.home + "/v/state"
            let files = FileManager.default.enumerator(atPath: state)?.compactMap { $0 as? String } ?? []
            return files.contains { file in
                (try? Data(contentsOf: URL(filePath: state + "/" + file)))?.firstRange(of: Data(text.utf8)) != nil
            }
        }
    }
}
