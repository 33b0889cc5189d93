import Foundation
import Host
import Testing

extension `pulse on our monitor` {
    /// Blind writes from a seed. Whatever comes of them in the guest, the monitor lives or reports a guest fault, and
    /// stays small.
    @Suite struct hostility {
        /// A guest may break itself by what it does; the monitor then says so by this status, or the guest hangs and can be stopped.
        private static let guestFault: Int32 = 86

        private static func misuse(_ command: String, cpus: Int = 1) throws {
            let disk = try PulseDisk.patterned(sectors: 256)
            let other = try PulseDisk.patterned(sectors: 64)
            let untouched = try PulseDisk.bytes(of: other)
            let machine = try PulseMachine(
                cpus: cpus,
                disks: [
                    .init(id: "root", base: disk), .init(id: "other", base: try PulseDisk.readOnlyView(of: other), isReadOnly: true),
                ])
            try machine.expect("> ")
            let before = machine.anonymousMemory
            try machine.type(command + "\r")
            let deadline = ContinuousClock.now + .seconds(120)
            while true {
                if (try? machine.expect("survived", within: 1)) != nil { break }
                if let ending = machine.process.reap() {
                    #expect(ending == .exited(guestFault) || ending == .exited(0), "\(command): \(machine.errors)")
                    return
                }
                guard machine.text(of: .serial).contains("panic") == false, ContinuousClock.now < deadline else {
                    try machine.type("stop\n", on: .control)
                    #expect(try machine.end() == .exited(0), "\(command)")
                    return
                }
            }
            #expect(machine.anonymousMemory - before < 16 * 1024, "\(command)")
            // The guest came through, so its devices, reset and begun anew, must work.
            try machine.expect("> ")
            #expect(try machine.command("random 8").count == 17, "\(command)")
            #expect(try machine.command("sum 1 0 64") == PulseDisk.sum(untouched) + "\n", "\(command)")
            #expect(try machine.command("write 0 9 afterwards") == "written\n", "\(command)")
            try machine.type("poweroff\r")
            #expect(try machine.end() == .exited(0), "\(command)")
            #expect(try PulseDisk.bytes(of: other) == untouched)
        }

        @Test(arguments: 1...3)
        func `any port, at any width`(seed: Int) throws {
            try Self.misuse("poke ports \(seed) 3000")
            try Self.misuse("poke known \(seed) 3000")
        }

        @Test(arguments: 1...3)
        func `string instructions over any port`(seed: Int) throws { try Self.misuse("poke strings \(seed) 3") }

        @Test(arguments: 1...4)
        func `configuration space, at any width and offset, of what is there and what is not`(seed: Int) throws {
            try Self.misuse("poke config \(seed) 3000")
        }

        @Test(arguments: 1...4)
        func `device memory, at any width, aligned or not, and beyond its end`(seed: Int) throws {
            try Self.misuse("poke bars \(seed) 600")
        }

        @Test(arguments: 1...6)
        func `live queues full of lies`(seed: Int) throws { try Self.misuse("poke queues \(seed) 320") }

        @Test(arguments: 1...2)
        func `interrupt controllers`(seed: Int) throws {
            try Self.misuse("poke ioapic \(seed) 1000", cpus: 2)
            try Self.misuse("poke lapic \(seed) 300", cpus: 2)
        }

        @Test(arguments: 10...11)
        func `all of it in a row`(seed: Int) throws { try Self.misuse("poke all \(seed) 1000", cpus: 2) }

        @Test func `a machine that is hostile shares nothing with its neighbour`() throws {
            let neighbour = try PulseMachine()
            try neighbour.expect("> ")
            let hostile = try PulseMachine("run=poke all 99 100000")
            try hostile.expect("ready")
            Thread.sleep(forTimeInterval: 1)
            #expect(try neighbour.command("echo alive") == "alive\n")
            hostile.process.signal(9)
        }
    }
}
