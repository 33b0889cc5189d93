import Foundation
import Glibc
import Host
import Testing

extension `pulse on our monitor` {
    @Suite struct endings {
        @Test func `power off is an event and status 0`() throws {
            let machine = try PulseMachine("run=poweroff")
            #expect(try machine.end() == .exited(0))
            #expect(machine.count(of: "\"event\":\"powered-off\"") == 1)
            #expect(machine.events.last?.contains("\"exiting\"") == true)
        }

        @Test(arguments: ["acpi", "cf9", "keyboard"])
        func `a reboot really reboots, as often as wanted`(way: String) throws {
            let machine = try PulseMachine(disks: [.init(id: "root", base: try PulseDisk.blank(1 << 20))])
            for round in 1...3 {
                try machine.expect("pulse: ready\r\n> ")
                try machine.expect("pulse: ready\r\n> ", on: .console)
                #expect(try machine.command("write 0 1 round \(round)") == "written\n")
                try machine.type("reboot \(way)\r")
                try machine.expect("\"reset\"", on: .control)
            }
            try machine.expect("pulse: ready\r\n> ")
            #expect(try machine.command("read 0 1").contains("round 3"))
            #expect(try machine.command("random 4").count == 9)
            try machine.type("poweroff\r")
            #expect(try machine.end() == .exited(0))
            #expect(machine.count(of: "\"event\":\"reset\"") == 3)
        }

        @Test func `a reboot wakes every processor again`() throws {
            let machine = try PulseMachine(cpus: 4)
            for _ in 1...2 {
                try machine.expect("pulse: ready\r\n> ")
                #expect(try machine.command("cpus") == "cpus: 4 listed, 4 awake\n")
                try machine.type("reboot\r")
            }
            try machine.expect("pulse: ready\r\n> ")
        }

        @Test func `a triple fault ends the machine by its name`() throws {
            let machine = try PulseMachine("run=triplefault")
            #expect(try machine.end() == .exited(86))
            #expect(machine.count(of: "\"kind\":\"triple-fault\"") == 1)
            #expect(machine.errors.contains("triple fault"))
        }

        @Test func `a triple fault is a reset where that is wanted`() throws {
            let machine = try PulseMachine(extra: ["--triple-fault", "reset"])
            try machine.expect("ready\r\n> ")
            try machine.type("triplefault\r")
            try machine.expect("ready\r\n> ")
            #expect(machine.count(of: "\"cause\":\"triple-fault\"") == 1)
        }

        @Test func `a panic is told by the guest, and stop ends it`() throws {
            let machine = try PulseMachine("run=panic")
            try machine.expect("pulse: panic: exception 6 code 0 at ")
            #expect(machine.process.reap() == nil)
            try machine.type("stop\n", on: .control)
            #expect(try machine.end() == .exited(0))
        }

        @Test func `a halted machine is quiet, alive, and can be stopped`() throws {
            let machine = try PulseMachine("run=halt")
            try machine.expect("pulse: halted")
            let before = machine.processorTime
            Thread.sleep(forTimeInterval: 2)
            #expect(machine.processorTime - before < 0.1)
            #expect(machine.process.reap() == nil)
            try machine.type("stop\n", on: .control)
            #expect(try machine.end() == .exited(0))
        }

        @Test(arguments: [1, 4])
        func `a looping machine can be stopped`(cpus: Int) throws {
            let machine = try PulseMachine("run=loop", cpus: cpus)
            try machine.expect("pulse: looping")
            try machine.type("stop\n", on: .control)
            #expect(try machine.end() == .exited(0))
        }

        @Test func `a looping machine can be reset from outside`() throws {
            let machine = try PulseMachine()
            try machine.expect("ready\r\n> ")
            try machine.type("loop\r")
            try machine.expect("looping")
            try machine.type("reset\n", on: .control)
            try machine.expect("ready\r\n> ")
        }

        @Test func `the power button is pressed and the guest leaves by itself`() throws {
            let disk = try PulseDisk.blank(1 << 20)
            let machine = try PulseMachine(disks: [.init(id: "root", base: disk)])
            try machine.expect("> ")
            try machine.type("power-button\n", on: .control)
            try machine.expect("pulse: powering off")
            #expect(try machine.end() == .exited(0))
            #expect(machine.count(of: "\"event\":\"powered-off\"") == 1)
        }

        @Test func `the power button works after a reboot too`() throws {
            let machine = try PulseMachine()
            try machine.expect("ready\r\n> ")
            try machine.type("reboot\r")
            try machine.expect("ready\r\n> ")
            try machine.type("power-button\n", on: .control)
            #expect(try machine.end() == .exited(0))
        }

        @Test func `a killed machine is gone at once with all its streams`() throws {
            let machine = try PulseMachine(cpus: 2)
            try machine.expect("> ")
            machine.process.signal(SIGKILL)
            #expect(try machine.end() == .signalled(SIGKILL))
        }

        @Test func `a keeper that is gone stops the machine`() throws {
            let machine = try PulseMachine("run=loop")
            try machine.expect("looping")
            machine.hangUp(.control)
            #expect(try machine.end() == .exited(0))
        }

        @Test func `an unknown control word is refused by name and changes nothing`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ")
            try machine.type("sing\n" + String(repeating: "x", count: 5000) + "\n", on: .control)
            try machine.expect("\"sing\"", on: .control)
            #expect(machine.count(of: "\"event\":\"refused\"") >= 1)
            #expect(try machine.command("echo alive") == "alive\n")
        }
    }
}
