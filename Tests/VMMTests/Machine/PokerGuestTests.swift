import Foundation
import Testing
import VMM

/// H18 to H22, H37, H42 and H44: a guest that pokes at all of its machine. The machine lives, or ends with a guest fault that it names; nothing else.
///
/// `VMLAB_POKER_SECONDS=600` pokes for longer than the few seconds of an ordinary run, and `VMLAB_POKER_SEED` repeats one.
@Suite("A poker guest", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct PokerGuestTests {
    let scratch = try! Scratch()

    /// Runs code with every kind of device there is; it stops when it has said "done" or its time is over.
    private func run(_ code: [UInt8], limit: Int) throws -> MachineProgram.Result {
        let kernel = BzImage(code: code, memoryNeeded: UInt32(code.count + 0x10_0000), isRelocatable: false)
        try scratch.write(kernel.bytes, to: "kernel")
        for name in ["disk", "drive"] { try scratch.write([UInt8](repeating: 0x5A, count: 1 << 20), to: name) }
        try scratch.write([], to: "console")
        for name in ["fifo", "net"] where !FileManager.default.fileExists(atPath: scratch.path(name)) {
            mkfifo(scratch.path(name), 0o600)
        }
        return MachineProgram.shell(
            """
            "$MACHINE" --name poked --memory 32MiB --kernel 10 --serial 8:7 --console 12 --control 9:6 --disk id=d,fd=11 --disk id=r,fd=14,read-only \\
              --disk id=i,fd=15,bus=ide --cdrom id=c,fd=16 15<>drive 16<drive \\
              --net id=n,fd=13,mac=02:00:00:00:00:01 10<kernel 8<>fifo 7>said 9<>fifo 6>events 11<>disk 14<disk 12<>console 13<>net &
            for tick in $(seq \(limit * 10)); do
              kill -0 $! 2>/dev/null || break
              grep -q done said 2>/dev/null && break
              sleep 0.1
            done
            echo "resident $(awk '/VmRSS/ {print $2}' /proc/$!/status 2>/dev/null || echo 0)"
            kill $! 2>/dev/null; wait $!
            echo "status $?"; echo "events $(wc -l < events)"; grep guest-fault events; cat said
            """, in: scratch.url)
    }

    /// - Returns: whether the program came to its end.
    @discardableResult
    private func expectSurvival(_ code: [UInt8], _ what: String, limit: Int) throws -> Bool {
        let result = try run(code, limit: limit)
        func number(_ word: String) -> Int? {
            result.output.split(separator: "\n").first { $0.hasPrefix(word + " ") }.flatMap { Int($0.dropFirst(word.count + 1)) }
        }
        let status = try #require(number("status"), "\(what): \(result.output)")
        // Off or stopped, or a guest fault that was told.
        #expect(status == 0 || status == 86 && result.output.contains("guest-fault"), "\(what): \(result.output)\(result.errors)")
        // 32 MiB of its own memory, what a machine costs, and 16 MiB at most for what it was made to keep.
        #expect((number("resident") ?? 0) < (32 + 8 + 16) << 10, "\(what): \(result.output)")
        #expect((number("events") ?? 0) < 200, "\(what): \(result.output)")
        return result.output.contains("done")
    }

    @Test func `H44 survives blind accesses to everything`() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["VMLAB_POKER_SECONDS"].flatMap { Double($0) } ?? 8
        let first = environment["VMLAB_POKER_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
        let start = Date()
        var seed = first
        var runs = 0
        var completed = 0
        repeat {
            if try expectSurvival(PokerProgram(seed: seed, count: 4000).code, "poker seed \(seed)", limit: 15) { completed += 1 }
            runs += 1
            seed &+= 1
        } while Date().timeIntervalSince(start) < seconds
        print("poker: \(runs) runs from seed \(first), \(completed) to the end of their 4000 accesses")
    }

    @Test func `H42 reads every port at every width, and strings of bytes at ports all over`() throws {
        #expect(try expectSurvival(PokerProgram.everyPort + PokerProgram.everyString + Code.put("done\n") + Code.halt, "ports", limit: 120))
    }

    /// In one blow each: no descriptor table, sleep with interrupts off, INT3 for ever, a jump to where nothing is, INIT and NMI to oneself.
    @Test(
        arguments: [
            ("undefined instruction", [0x0F, 0x0B]), ("sleep for good", [0xFA, 0xF4]), ("INT3 for ever", [0xCC, 0xEB, 0xFD]),
            ("a jump into nothing", [0xB8, 0x00, 0x00, 0x00, 0xD0, 0xFF, 0xE0]),
            ("a jump into the local APIC", [0xB8, 0x00, 0x00, 0xE0, 0xFE, 0xFF, 0xE0]),
            ("NMI to itself", [0xBF, 0x00, 0x03, 0xE0, 0xFE, 0xC7, 0x07, 0x00, 0x44, 0x04, 0x00, 0xEB, 0xFE]),
            ("INIT to itself", [0xBF, 0x00, 0x03, 0xE0, 0xFE, 0xC7, 0x07, 0x00, 0x45, 0x04, 0x00, 0xEB, 0xFE]),
            ("a string into a device", [0xBF, 0x00, 0x00, 0x00, 0xC0, 0xB9, 0x00, 0x40, 0x00, 0x00, 0xF3, 0xAB, 0xFA, 0xF4]),
        ] as [(String, [UInt8])])
    func `H42 ends by a fault that is told, or sleeps until it is stopped`(what: String, code: [UInt8]) throws {
        try expectSurvival(code, what, limit: 1)
    }
}
