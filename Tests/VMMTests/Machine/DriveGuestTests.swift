import Foundation
import Testing

/// Guests without a driver: a few instructions that speak to the IDE channels by hand, on this host's /dev/kvm.
@Suite("IDE drives", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct DriveGuestTests {
    let scratch = try! Scratch()

    private func run(_ code: [UInt8], _ options: String, _ redirections: String) throws -> MachineProgram.Result {
        try scratch.write(PVHImage(code: code, memoryCount: UInt64(max(code.count, 65536))).bytes, to: "kernel")
        return MachineProgram.run(
            "--name drives --memory 16MiB --kernel 10 --serial 0:1 \(options) 10<kernel \(redirections)", in: scratch.url)
    }

    /// mov dx, status; again: in al, dx; test al, bits; then on while they are clear, or while they are set.
    private func wait(_ port: UInt16, for bits: UInt8) -> [UInt8] { [0x66, 0xBA] + littleEndian(port) + [0xEC, 0xA8, bits, 0x74, 0xFB] }
    private func wait(_ port: UInt16, without bits: UInt8) -> [UInt8] {
        [0x66, 0xBA] + littleEndian(port) + [0xEC, 0xA8, bits, 0x75, 0xFB]
    }

    private func command(_ code: UInt8, block: UInt8) -> [UInt8] {
        Code.out8(0x1F6, 0xE0) + Code.out8(0x1F2, 1) + Code.out8(0x1F3, block) + Code.out8(0x1F4, 0) + Code.out8(0x1F5, 0)
            + Code.out8(0x1F7, code)
    }

    @Test func `a disk is read and written through its ports, and the CD drive signs as one`() throws {
        try scratch.write((0..<4096).map { UInt8($0 / 512 + 0x40) }, to: "disk")
        try scratch.write([UInt8](repeating: 1, count: 65536), to: "iso")
        // mov esi, 1 MiB; mov ecx, 256; mov dx, 0x1F0; rep outsw: the guest's own first bytes, an ELF's segment, become sector 5.
        let fill: [UInt8] = [0xBE] + littleEndian(UInt32(0x10_0000)) + [0xB9] + littleEndian(UInt32(256)) + [0x66, 0xBA, 0xF0, 0x01]
        let code =
            command(0x20, block: 3) + wait(0x1F7, for: 8) + Code.in32(0x1F0) + Code.printIfEAX(is: 0x4343_4343)
            + Code.out8(0x3F6, 4) + Code.out8(0x3F6, 0) + Code.in32(0x172) + Code.printIfEAX(is: 0xEB14_0101)
            + command(0x30, block: 5) + wait(0x1F7, for: 8) + fill + [0xFC, 0xF3, 0x66, 0x6F] + wait(0x1F7, without: 0x80)
            + command(0xE7, block: 0) + wait(0x1F7, without: 0x80) + Code.put("w")
        let result = try run(code + Code.powerOff, "--disk id=d,fd=11,bus=ide --cdrom id=c,fd=12", "11<>disk 12<iso")
        #expect(result.output == "11w", "\(result.errors)")
        #expect(result.status == 0)
        let disk = try scratch.read("disk")
        #expect(Array(disk[(5 * 512)..<(5 * 512 + 64)]) == Array(code[..<64]))
        #expect(disk[..<(5 * 512)].elementsEqual((0..<(5 * 512)).map { UInt8($0 / 512 + 0x40) }) && disk[6 * 512] == 0x46)
    }

    @Test func `a machine without drives has no IDE function, and nobody is busy at its ports`() throws {
        let probe = Code.out32(0xCF8, 1 << 31 | 1 << 11 | 1 << 8) + Code.in32(0xCFC)
        var result = try run(
            probe + Code.printIfEAX(is: .max) + Code.in32(0x1F4) + Code.printIfEAX(is: 0x7F7F_7F7F) + Code.powerOff, "", "")
        #expect(result.output == "11", "\(result.errors)")
        // With a CD drive there is one, and the first channel's cable ends nowhere.
        try scratch.write([UInt8](repeating: 1, count: 65536), to: "iso")
        result = try run(
            probe + Code.printIfEAX(is: 0x7010_8086) + Code.in32(0x1F4) + Code.printIfEAX(is: 0x7F7F_7F7F) + Code.powerOff,
            "--cdrom id=c,fd=12", "12<iso")
        #expect(result.output == "11", "\(result.errors)")
    }

    @Test func `storage that fails is the guest's error and an event, not the machine's end`() throws {
        try scratch.write([UInt8](repeating: 1, count: 65536), to: "disk")
        // The file shrinks under the machine: the guest waits for a key first.
        let key: [UInt8] = [0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0xFB]
        let code =
            Code.put("r") + key + command(0x20, block: 100) + wait(0x1F7, without: 0x80)
            // movzx eax, al
            + [0x0F, 0xB6, 0xC0] + Code.printIfEAX(is: 0x51) + Code.put("\n") + Code.powerOff
        try scratch.write(PVHImage(code: code, memoryCount: 65536).bytes, to: "kernel")
        let result = MachineProgram.shell(
            """
            mkfifo in in2
            "$MACHINE" --name drives --memory 16MiB --kernel 10 --serial 3:4 --control 9:2 --disk id=d,fd=11,bus=ide \\
              10<kernel 11<>disk 3<>in 4>said 9<>in2 &
            for tick in $(seq 600); do grep -q r said && break; sleep 0.1; done
            : >disk; echo x >in; wait $!; cat said
            """, in: scratch.url)
        #expect(result.output == "r1\n", "\(result.errors)")
        #expect(result.errors.contains(#""device":"disk d""#) && result.errors.contains("shorter than the disk"), "\(result.errors)")
    }
}
