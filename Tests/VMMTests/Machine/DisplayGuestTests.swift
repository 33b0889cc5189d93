import Foundation
import Testing
import VMM

/// Guests that speak by what a PC has beside its first serial line: display, keyboard, speaker port, second serial line.
@Suite("Guests with a display", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct DisplayGuestTests {
    let scratch = try! Scratch()

    /// - Parameter words: what is said on the control stream, by a script whose output goes there.
    private func run(_ code: [UInt8], words: String = ":", _ options: String = "") throws -> MachineProgram.Result {
        try scratch.write(PVHImage(code: code, memoryCount: 65536).bytes, to: "kernel")
        mkfifo(scratch.path("fifo"), 0o600)
        return MachineProgram.shell(
            """
            { \(words); } 2>/dev/null >fifo &
            exec timeout --preserve-status -k 5 60 "$MACHINE" --name seen --memory 16MiB --kernel 10 --serial 0:1 --control 9:2 \(options) 10<kernel 9<>fifo
            """, in: scratch.url)
    }

    /// Characters and attributes from 0xB8000 on, as a Multiboot demonstration writes them.
    private func show(_ text: String, row: Int) -> [UInt8] {
        Array(text.utf8).enumerated().flatMap { column, byte in
            [0x66, 0xC7, 0x05] + littleEndian(UInt32(0xB_8000 + (row * 80 + column) * 2)) + [byte, 0x07]
        }
    }

    @Test func `what a guest writes into text memory is its screen`() throws {
        // The cursor by the CRTC, whose registers read back.
        let cursor = Code.out8(0x3D4, 0x0F) + Code.out8(0x3D5, 85) + [0x31, 0xC0, 0x66, 0xBA, 0xD5, 0x03, 0xEC] + Code.printIfEAX(is: 85)
        let back: [UInt8] = [0xA1] + littleEndian(UInt32(0xB_8000 + 320)) + Code.printIfEAX(is: 0x0765_0748)
        let result = try run(
            show("Hello, display", row: 1) + cursor + show("He", row: 2) + back + Code.put("go") + Code.halt,
            words: "sleep 1; echo screen; sleep 0.5; echo stop")
        #expect(result.output == "11go" && result.status == 0, "\(result.errors)")
        #expect(result.errors.contains(#"{"event":"screen","rows":["","Hello, display","He","","#), "\(result.errors)")
        #expect(result.errors.contains(#""row":1,"column":5}"#), "\(result.errors)")
    }

    @Test func `typed keys reach a guest that polls the keyboard`() throws {
        // again: in al, 0x64; test al, 1; jz again; in al, 0x60; then the byte in two digits would be long: print "1" where it is the right one
        func expect(_ byte: UInt8) -> [UInt8] {
            [0x31, 0xC0, 0xE4, 0x64, 0xA8, 0x01, 0x74, 0xFA, 0x31, 0xC0, 0xE4, 0x60] + Code.printIfEAX(is: UInt32(byte))
        }
        let result = try run(
            Code.put("?") + expect(0x23) + expect(0xA3) + expect(0x17) + expect(0x97) + Code.powerOff,
            words: "sleep 0.5; echo type 6869; echo type zz; echo type")
        #expect(result.output == "?1111" && result.status == 0, "\(result.errors)")
        #expect(result.errors.contains(#"{"event":"refused","word":"type zz"}"#))
    }

    @Test func `port 0x61 opens the gate of the timer's channel 2 and shows its output`() throws {
        // Gate on, speaker off; mode 0, count 0x400; again: in al, 0x61; test al, 0x20; jz again. Bit 0 reads back.
        let code =
            Code.out8(0x61, 1) + Code.out8(0x43, 0xB0) + Code.out8(0x42, 0) + Code.out8(0x42, 4)
            + [0xE4, 0x61, 0xA8, 0x20, 0x74, 0xFA, 0x83, 0xE0, 0x01] + Code.printIfEAX(is: 1) + Code.powerOff
        let result = try run(code)
        #expect(result.output == "1" && result.status == 0, "\(result.errors)")
    }

    @Test func `the second serial line is there where something is plugged in`() throws {
        // The scratch register tells an absent port from one that is there.
        let probe =
            Code.out8(0x2FF, 0x5A) + [0x31, 0xC0, 0x66, 0xBA, 0xFF, 0x02, 0xEC] + Code.printIfEAX(is: 0x5A)
            + Code.out8(0x2F8, UInt8(ascii: "2")) + Code.powerOff
        try scratch.write([], to: "second")
        let with = try run(probe, "--com2 12 12<>second")
        #expect(with.output == "1" && with.status == 0, "\(with.errors)")
        #expect(try scratch.read("second") == Array("2".utf8))
        let without = try run(probe)
        #expect(without.output == "0" && without.status == 0, "\(without.errors)")
    }
}
