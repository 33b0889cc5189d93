import Foundation
import Testing

/// Real guests on the host's /dev/kvm, one at a time.
@Suite(.serialized, .enabled(if: PulseMachine.obstacle == nil, PulseMachine.obstacle), .timeLimit(.minutes(10)))
struct `pulse on our monitor` {
    @Suite struct starting {
        @Test func `the banner tells memory and command line, on both consoles`() throws {
            let machine = try PulseMachine("hello world")
            for stream in [PulseMachine.Stream.serial, .console] {
                try machine.expect("pulse 1.0: 32 MiB, command line: hello world\r\npulse: ready\r\n> ", on: stream)
            }
            try machine.expect("\"started\"", on: .control)
        }

        @Test(arguments: ["16MiB", "128MiB", "3072MiB", "5120MiB"])
        func `memory has the size that was asked for, below and above the hole`(memory: String) throws {
            let machine = try PulseMachine("run=mem", memory: memory)
            let text = try machine.expect("pulse: ready\r\n")
            #expect(text.contains("pulse 1.0: \(memory.dropLast(3)) MiB,"))
            let map = try machine.expect("free")
            #expect(map.contains("0000000000100000-"))
            #expect(map.contains("0000000100000000-") == (memory == "5120MiB"))
        }

        @Test func `a long command line arrives whole`() throws {
            let words = (0..<180).map { "word\($0)=\($0 * 31)" }.joined(separator: " ")
            let machine = try PulseMachine(words + " run=cmdline")
            try machine.expect("ready\r\n\(words) run=cmdline\r\n")
        }

        @Test(arguments: [1, 2, 4, 8])
        func `every processor is listed and wakes`(count: Int) throws {
            let machine = try PulseMachine("run=cpus", cpus: count)
            try machine.expect("cpus: \(count) listed, \(count) awake\r\n")
        }

        @Test func `a machine without any stream but control runs and powers off`() throws {
            let machine = try PulseMachine("run=poweroff", streams: [.control])
            #expect(try machine.end() == .exited(0))
            #expect(machine.count(of: "\"event\":\"powered-off\"") == 1)
        }

        @Test func `commands of the command line run in order and a mistake in one is said`() throws {
            let machine = try PulseMachine("run=echo one;nonsense;echo two;poweroff")
            try machine.expect("one\r\nnonsense: unknown command, try help\r\ntwo\r\npulse: powering off\r\n")
            #expect(try machine.end() == .exited(0))
        }

        @Test func `an idle machine costs no processor time`() throws {
            let machine = try PulseMachine(cpus: 2)
            try machine.expect("> ")
            try machine.expect("> ", on: .console)
            let before = machine.processorTime
            Thread.sleep(forTimeInterval: 3)
            #expect(machine.processorTime - before < 0.15)
        }

        @Test(arguments: ["msix", "intx", "poll"])
        func `devices report by messages, by their pin, or when asked`(mode: String) throws {
            let disk = try PulseDisk.patterned(sectors: 64)
            let machine = try PulseMachine(
                "irq=\(mode) run=pci;sum 0 0 64;random 8", disks: [.init(id: "root", base: disk)])
            let name = ["msix": "MSI-X", "intx": "INTx", "poll": "polled"][mode] ?? ""
            try machine.expect("\(name) features")
            try machine.expect(PulseDisk.sum(try PulseDisk.bytes(of: disk)))
            try machine.expect("> ", on: .console)
            // What comes before the machine sleeps needs no interrupt: one that was slow to begin its sleep is asked again.
            var counts = ""
            for _ in 0..<50 {
                Thread.sleep(forTimeInterval: 0.05)
                #expect(try machine.command("echo still here", on: .console) == "still here\n")
                counts = try machine.command("irqs", on: .console)
                if mode == "poll" || counts.contains(mode == "msix" ? Self.messages : Self.line) { break }
            }
            #expect(counts.contains(Self.messages) == (mode == "msix"))
            #expect(counts.contains(Self.line) == (mode == "intx"))
        }

        private static var messages: Regex<Substring> { #/0x4[0-9a-f]: [1-9]/# }
        private static var line: Regex<Substring> { #/0x32: [1-9]/# }

        @Test func `a kernel that is none is refused before anything runs`() throws {
            let machine = try PulseMachine(kernel: "/etc/passwd")
            #expect(try machine.end() == .exited(65))
            #expect(machine.errors.hasPrefix("vmlab-machine: pulse: "))
        }
    }
}
