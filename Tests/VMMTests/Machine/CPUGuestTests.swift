import Foundation
import Testing
import VMM

/// What a guest's own CPUID instruction answers, on this host's /dev/kvm, whatever it is.
@Suite("A guest's processor", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct CPUGuestTests {
    let scratch = try! Scratch()

    struct Registers: Hashable {
        var eax: UInt32
        var ebx: UInt32
        var ecx: UInt32
        var edx: UInt32
    }

    /// Asks for leaves (and sub-leaves) in a guest; the answers come as 16 bytes each over the serial port.
    func ask(_ leaves: [(UInt32, UInt32)], _ options: String) throws -> [Registers] {
        let place = UInt32(0x20_0000)
        func at(_ offset: UInt32) -> [UInt8] { littleEndian(place + offset) }
        let code = leaves.flatMap { function, index -> [UInt8] in
            // mov eax, function; mov ecx, index; cpuid; mov [place], eax; [+4], ebx; [+8], ecx; [+12], edx
            [0xB8] + littleEndian(function) + [0xB9] + littleEndian(index) + [0x0F, 0xA2, 0xA3] + at(0) + [0x89, 0x1D] + at(4) + [
                0x89, 0x0D,
            ]
                + at(8) + [0x89, 0x15] + at(12)
                // mov esi, place; mov ecx, 16; mov dx, 0x3F8; cld; rep outsb
                + [0xBE] + at(0) + [0xB9] + littleEndian(UInt32(16)) + [0x66, 0xBA, 0xF8, 0x03, 0xFC, 0xF3, 0x6E]
        }
        try scratch.write(PVHImage(code: code + Code.powerOff, memoryCount: 65536, is64: false).bytes, to: "kernel")
        let result = MachineProgram.run(
            "--name cpu --memory 16MiB --kernel 10 --serial 0:8 \(options) 10<kernel 8>answers", in: scratch.url)
        let bytes = try scratch.read("answers")
        try #require(result.status == 0 && bytes.count == leaves.count * 16, "\(result.status) \(bytes.count) \(result.errors)")
        func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) } }
        return leaves.indices.map { Registers(eax: word($0 * 16), ebx: word($0 * 16 + 4), ecx: word($0 * 16 + 8), edx: word($0 * 16 + 12)) }
    }

    /// An emulation of KVM may add features of its own to what it is told to show.
    private func isHardware() throws -> Bool {
        let measured = MachineProgram.run("--measure-kvm", limit: 20).output
        let object = try #require(try JSONSerialization.jsonObject(with: Data(measured.utf8)) as? [String: Any])
        return object["instructions_per_second"] as? Int ?? 0 >= 50_000_000
    }

    @Test func `a baseline shows these bits and no other, wherever it runs`() throws {
        let answers = try ask(
            [(0, 0), (1, 0), (7, 0), (0xB, 0), (0xB, 1), (0x8000_0001, 0), (0x8000_0008, 0), (0x4000_0001, 0), (0x8000_0002, 0)],
            "--cpu baseline --cpus 3")
        let isAMD = answers[0].ebx == 0x6874_7541
        #expect(answers[0].eax == 0xB)
        #expect(answers[1].eax == (isAMD ? 0x6_0FB1 : 0xF61) && answers[1].ebx == 3 << 16 | 8 << 8)
        let board: UInt32 = 1 << 21 | 1 << 24 | 1 << 31
        #expect(answers[1].ecx & board == board && answers[1].edx & 0x178B_FBFD == 0x178B_FBFD, "\(answers[1])")
        if try isHardware() {
            #expect(answers[1].ecx == board && answers[1].edx == 0x178B_FBFD, "\(answers[1])")
            #expect(answers[2] == Registers(eax: 0, ebx: 0, ecx: 0, edx: 0))
        }
        #expect(answers[3] == Registers(eax: 0, ebx: 1, ecx: 0x100, edx: 0))
        #expect(answers[4] == Registers(eax: 2, ebx: 3, ecx: 0x201, edx: 0))
        #expect(answers[5].edx & 0x2C10_0800 == 0x2010_0800, "system call, no-execute, 64 bits; no 1 GiB pages, no RDTSCP")
        #expect(answers[6].eax == 0x3027)
        #expect(answers[7].eax == 0x0100_004B)
        #expect(answers[8] == Registers(eax: 0x616C_6D76, ebx: 0x6162_2062, ecx: 0x696C_6573, edx: 0x656E), "vmlab baseline")
        #expect(try ask([(0, 0), (1, 0)], "--cpu baseline --cpus 3") == Array(answers[..<2]))
    }

    @Test func `a feature that is off is off, and nothing else`() throws {
        let whole = try ask([(1, 0), (0x8000_0001, 0)], "")
        let less = try ask([(1, 0), (0x8000_0001, 0), (0x4000_0000, 0)], "--cpu host,x2apic=off,hypervisor=off")
        #expect(whole[0].ecx & ~(1 << 21 | 1 << 31) == less[0].ecx && whole[0].edx == less[0].edx && whole[1] == less[1])
        #expect(whole[0].ecx & 1 << 21 != 0 && less[2].ebx != 0x4B4D_564B)
    }

    @Test func `what the host cannot give is said before the machine starts`() throws {
        // No processor has these: AMD's dropped vector instructions, and Intel's newest.
        try scratch.write(PVHImage(code: Code.put("!") + Code.powerOff, memoryCount: 65536, is64: false).bytes, to: "kernel")
        let result = MachineProgram.run(
            "--name cpu --memory 16MiB --kernel 10 --serial 0:1 --cpu baseline,fma4=on,avx10=on 10<kernel", in: scratch.url)
        #expect(result.status == 69 && result.output.isEmpty && result.errors.contains("it lacks"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `what guests can have is one line of JSON`() throws {
        let result = MachineProgram.run("--show-cpu")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let lacks = try #require(object["lacks"] as? [String: [String]])
        #expect(
            object["kvm"] as? String == "ok" && lacks["host"] == [] && Set(lacks.keys) == ["host", "baseline", "x86-64-v2", "x86-64-v3"])
        #expect((object["features"] as? [String] ?? []).contains("sse2") && object["address_bits"] as? Int ?? 0 >= 32)
    }
}
