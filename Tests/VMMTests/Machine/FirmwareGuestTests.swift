import Foundation
import Testing
import VMM

/// ROMs of a few instructions, run by the program on this host's /dev/kvm, whatever it is.
@Suite("Firmware of our own", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct FirmwareGuestTests {
    let scratch = try! Scratch()

    func run(_ code: [UInt8], _ options: String = "") throws -> MachineProgram.Result {
        try scratch.write(ROMImage(code: code).bytes, to: "rom")
        return MachineProgram.run("--name rom --memory 16MiB --firmware 10 --serial 0:1 \(options) 10<rom", in: scratch.url)
    }

    @Test func `the boot processor begins in the ROM, which nobody can write to, and its shadow is RAM`() throws {
        let place: UInt32 = 0x8000
        let code =
            Code.put("R") + Code.load8(ROMImage.base + place) + Code.printIfEAX(is: 0xFF) + Code.store8(ROMImage.base + place, 0x5A)
            + Code.load8(ROMImage.base + place) + Code.printIfEAX(is: 0xFF)
            // The last 64 KiB lie below 1 MiB too, and take what is written.
            + Code.load32(0xF_FFF0) + Code.printIfEAX(is: 0xFFFF_4DE9) + Code.store8(0xF_0000 + place, 0x5A)
            + Code.load8(0xF_0000 + place) + Code.printIfEAX(is: 0x5A)
        let result = try run(code + Code.powerOffFromROM)
        #expect(result.output == "R1111", "\(result.errors)")
        #expect(result.status == 0)
    }

    @Test func `a reset begins anew, with the shadow as it was`() throws {
        let code =
            Code.load8(0xF_8000) + Code.printIfEAX(is: 0xFF) + Code.store8(0xF_8000, 1) + Code.out8(0xCF9, 6) + Code.halt
        try scratch.write(ROMImage(code: code).bytes, to: "rom")
        let result = MachineProgram.shell(
            "timeout --preserve-status -k 5 20 \"$MACHINE\" --name rom --memory 16MiB --firmware 10 --serial 1 10<rom | head -c 3",
            in: scratch.url)
        #expect(result.output == "111", "\(result.errors)")
    }

    @Test func `firmware reads its configuration through ports and through memory`() throws {
        func select(_ key: UInt16) -> [UInt8] { Code.out16(0x510, key) }
        // in al, dx; movzx eax, al
        let next: [UInt8] = [0x66, 0xBA, 0x11, 0x05, 0xEC, 0x0F, 0xB6, 0xC0]
        var code = select(0) + next + Code.putAL + next + Code.putAL + next + Code.putAL + next + Code.putAL
        code += select(5) + next + Code.printIfEAX(is: 2)
        // The command line's first four bytes into 0x2000.
        code += Code.store32(0x1000, UInt32(0x15 << 16 | 8 | 2).byteSwapped) + Code.store32(0x1004, UInt32(4).byteSwapped)
        code += Code.store32(0x1008, 0) + Code.store32(0x100C, UInt32(0x2000).byteSwapped)
        code += Code.out32(0x518, UInt32(0x1000).byteSwapped) + Code.load32(0x1000) + Code.printIfEAX(is: 0)
        code += Code.load32(0x2000) + Code.printIfEAX(is: 0x6975_7121)
        // A place where nothing is, 4 GiB less one long.
        code += Code.store32(0x1000, UInt32(0x15 << 16 | 8 | 2).byteSwapped) + Code.store32(0x1004, .max)
        code += Code.out32(0x518, UInt32(0x1000).byteSwapped) + Code.load32(0x1000) + Code.printIfEAX(is: UInt32(1).byteSwapped)
        try scratch.write([UInt8](repeating: 1, count: 4096), to: "kernel")
        let result = try run(code + Code.powerOffFromROM, "--cpus 2 --kernel 11 --cmdline '!quiet' 11<kernel")
        #expect(result.output == "QEMU1111", "\(result.errors)")
        #expect(result.status == 0)
    }

    @Test func `what firmware writes to its flash chip is there at the next start`() throws {
        let chip = ROMImage.base - 0x2000
        // Erase the second block, program two bytes, back to memory; read them without leaving the guest.
        let write =
            Code.store8(chip + 0x1000, 0x20) + Code.store8(chip + 0x1000, 0xD0) + Code.load8(chip) + Code.printIfEAX(is: 0x80)
            + Code.store8(chip + 0x1004, 0x10) + Code.store8(chip + 0x1004, 0x56) + Code.store8(chip + 0x1005, 0x10)
            + Code.store8(chip + 0x1005, 0x57) + Code.store8(chip, 0xFF) + Code.load32(chip + 0x1004) + Code.printIfEAX(is: 0xFFFF_5756)
        try scratch.write([UInt8](repeating: 0, count: 0x2000), to: "nvram")
        var result = try run(write + Code.powerOffFromROM, "--nvram fd=11 11<>nvram")
        #expect(result.output == "11", "\(result.errors)")
        #expect(result.status == 0)
        let stored = try scratch.read("nvram")
        #expect(
            stored == [UInt8](repeating: 0, count: 0x1000) + [0xFF, 0xFF, 0xFF, 0xFF, 0x56, 0x57] + [UInt8](repeating: 0xFF, count: 0xFFA))
        result = try run(Code.load32(chip + 0x1004) + Code.printIfEAX(is: 0xFFFF_5756) + Code.powerOffFromROM, "--nvram fd=11 11<>nvram")
        #expect(result.output == "1" && result.status == 0, "\(result.errors)")
        // Read-only: a ROM, whose first commands change nothing.
        result = try run(
            Code.store8(chip + 0x1004, 0x70) + Code.load32(chip + 0x1004) + Code.printIfEAX(is: 0xFFFF_5756) + Code.powerOffFromROM,
            "--nvram fd=11,read-only 11<nvram")
        #expect(result.output == "1" && result.status == 0, "\(result.errors)")
        #expect(try scratch.read("nvram") == stored)
    }

    @Test func `the debug console is there only when somebody listens`() throws {
        let code =
            Code.load8(ROMImage.base) + [0x66, 0xBA, 0x02, 0x04, 0xEC, 0x0F, 0xB6, 0xC0] + Code.printIfEAX(is: 0xE9)
            + Code.out8(0x402, UInt8(ascii: "d"))
        #expect(try run(code + Code.powerOffFromROM).output == "0")
        let result = try run(code + Code.powerOffFromROM, "--debug 2")
        #expect(result.output == "1" && result.errors == "d")
    }

    @Test(arguments: [
        ("head -c 4096 /dev/zero >rom", "", "it has 4096 bytes"), ("head -c 65537 /dev/zero >rom", "", "it has 65537 bytes"),
        ("head -c 16781312 /dev/zero >rom", "", "it has 16781312 bytes"), ("head -c 65536 /dev/zero >rom", "", "nothing stands at its end"),
        (": >rom", "", "it has 0 bytes"), (": >nvram", "--nvram fd=11 11<>nvram", "it has 0 bytes"),
        ("head -c 5000 /dev/zero >nvram", "--nvram fd=11 11<>nvram", "it has 5000 bytes"),
        ("head -c 16777216 /dev/zero >nvram", "--nvram fd=11 11<>nvram", "it has 16777216 bytes"),
        ("head -c 4096 /dev/zero >nvram", "--nvram fd=11 11<nvram", "open for reading only"),
    ])
    func `firmware that is none is refused before there is a machine`(spoil: String, options: String, reason: String) throws {
        try scratch.write(ROMImage(code: Code.powerOffFromROM).bytes, to: "rom")
        let result = MachineProgram.shell(
            "\(spoil); exec \"$MACHINE\" --name rom --memory 16MiB --firmware 10 \(options) 10<rom", in: scratch.url)
        #expect(result.status == 65)
        #expect(result.errors.hasPrefix("vmlab-machine: rom: the firmware") && result.errors.contains(reason), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `options of firmware are checked`() {
        for (line, reason) in [
            ("--memory 16MiB", "--kernel or --firmware is missing"),
            ("--memory 16MiB --kernel 0 --nvram fd=1", "--nvram is for --firmware"),
            ("--memory 16MiB --firmware 0 --nvram 1", "--nvram takes fd=N"),
            ("--memory 16MiB --firmware 0 --nvram id=x,fd=1", "--nvram takes fd=N"),
        ] {
            let result = MachineProgram.run("--name rom \(line)")
            #expect(result.status == 64 && result.errors.contains(reason), "\(result.errors)")
        }
    }
}
