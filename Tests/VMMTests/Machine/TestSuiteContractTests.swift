import Foundation
import Testing
import VMM

/// What test suites for monitors count on: a Multiboot image with one module and a command line, an exit status, test devices, and processors that are started from
/// physical page 0. Tiny guests of our own stand for them.
@Suite("What monitor test suites count on", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct TestSuiteContractTests {
    let scratch = try! Scratch()

    func run(
        _ code: [UInt8], _ options: String = "--test-devices", form: MultibootKernel.Form = .elf32, limit: Int = 30
    ) throws -> MachineProgram.Result {
        try scratch.write(MultibootKernel(form: form, code: code).bytes, to: "kernel")
        try scratch.write(Array("MEMSIZE=16\n".utf8), to: "env")
        return MachineProgram.run(
            "--name suite --memory 16MiB --kernel 10 --module 11 --serial 0:1 \(options) 10<kernel 11<env", in: scratch.url, limit: limit)
    }

    @Test(arguments: [(0, 1), (1, 3), (5, 11), (127, 255), (128, 1), (0x1234, 0x69)])
    func `the debug exit port's number is the exit status, doubled and plus one`(value: Int, status: Int32) throws {
        let result = try run(Code.put("a") + Code.out32(0xF4, UInt32(value)) + Code.halt)
        #expect(result.status == status && result.output == "a", "\(result.errors)")
    }

    @Test func `without the option there is no such port, and no test memory`() throws {
        let code =
            Code.out32(0xF4, 1) + Code.in32(0xE0) + Code.printIfEAX(is: .max)
            + [0xA1] + littleEndian(UInt32(0xFF00_0000)) + Code.printIfEAX(is: .max) + Code.powerOff
        let result = try run(code, "")
        #expect(result.status == 0 && result.output == "11", "\(result.errors)")
    }

    @Test(arguments: [MultibootKernel.Form.elf32, .elf64])
    func `the command line and the one module arrive`(form: MultibootKernel.Form) throws {
        // mov eax, [ebx+20]; mov eax, [eax] (count of modules); the module's first four bytes; the command line's, after the image's name
        let code: [UInt8] =
            [0x8B, 0x43, 20] + Code.printIfEAX(is: 1) + [0x8B, 0x4B, 24, 0x8B, 0x09, 0x8B, 0x01] + Code.printIfEAX(is: 0x534D_454D)
            + [0x8B, 0x4B, 16, 0x8B, 0x41, 0x07] + Code.printIfEAX(is: 0x6F74_7561) + Code.out8(0xF4, 0) + Code.halt
        let result = try run(code, "--test-devices --cmdline 'auto x=1'", form: form)
        #expect(result.output == "111" && result.status == 1, "\(result.errors)")
    }

    @Test func `test ports and test memory read back at every width`() throws {
        func at(_ address: UInt32) -> [UInt8] { littleEndian(address) }
        let code: [UInt8] =
            Code.out32(0xE0, 0x1234_5678) + Code.in32(0xE0) + Code.printIfEAX(is: 0x1234_5678)
            + [0x31, 0xC0, 0x66, 0xBA, 0xE1, 0x00, 0xEC] + Code.printIfEAX(is: 0x56)  // in al, 0xE1
            + [0x31, 0xC0, 0x66, 0xBA, 0xE2, 0x00, 0x66, 0xED] + Code.printIfEAX(is: 0x1234)  // in ax, 0xE2
            + Code.out8(0xE3, 0xAB) + Code.in32(0xE0) + Code.printIfEAX(is: 0xAB34_5678)
            + [0x31, 0xC0, 0x66, 0xBA, 0xEB, 0x00, 0xEC] + Code.printIfEAX(is: 0xAB)  // in al, 0xEB
            + [0xC7, 0x05] + at(0xFF00_0000) + at(0x0102_0304) + [0xA1] + at(0xFF00_0000) + Code.printIfEAX(is: 0x0102_0304)
            + [0xC6, 0x05] + at(0xFF00_FFFF) + [0x77, 0x0F, 0xB6, 0x05] + at(0xFF00_FFFF) + Code.printIfEAX(is: 0x77)
            + [0xA1] + at(0xFF00_FFFC) + Code.printIfEAX(is: 0x7700_0000)
            + Code.out32(0xE4, 0x10_0000)  // the page that runs: forgotten and found again
            + Code.out32(0xE4, 0xFFFF_FFFF) + Code.out8(0xF4, 1) + Code.halt
        let result = try run(code)
        #expect(result.output == "11111111" && result.status == 3, "\(result.output) \(result.errors)")
    }

    /// Local APIC on; IOAPIC pin to vector 0x40, edge, to APIC 0. Interrupts stay off in the processor: the request register shows what came.
    private func route(pin: UInt32) -> [UInt8] {
        func store(_ address: UInt32, _ value: UInt32) -> [UInt8] { [0xC7, 0x05] + littleEndian(address) + littleEndian(value) }
        return [0xFA] + store(0xFEE0_00F0, 0x1FF)
            + store(0xFEC0_0000, 0x10 + 2 * pin) + store(0xFEC0_0010, 0x40) + store(0xFEC0_0000, 0x11 + 2 * pin) + store(0xFEC0_0010, 0)
    }

    /// mov eax, [request register of vectors 0x40 to 0x5F]
    private let requests: [UInt8] = [0xA1] + littleEndian(UInt32(0xFEE0_0220))

    @Test(arguments: [UInt16(5), 10, 14, 20, 23])
    func `a write to a line's port raises that line`(line: UInt16) throws {
        let code =
            route(pin: UInt32(line)) + requests + Code.printIfEAX(is: 0) + Code.out8(0x2000 + line, 1) + requests + Code.printIfEAX(is: 1)
            + Code.out8(0x2000 + line, 0) + Code.out8(0xF4, 0) + Code.halt
        let result = try run(code)
        #expect(result.output == "11" && result.status == 1, "\(result.errors)")
    }

    @Test func `the timer reaches pin 2 of the IOAPIC, as the tables say`() throws {
        // Channel 0, mode 2, a short count; then wait for the request: again: mov eax, [..]; test al, 1; jz again
        let wait: [UInt8] = requests + [0xA8, 0x01, 0x74, 0xF7]
        let code =
            route(pin: 2) + Code.out8(0x43, 0x34) + Code.out8(0x40, 0x00) + Code.out8(0x40, 0x10) + wait + Code.put("t")
            + Code.out8(0xF4, 0) + Code.halt
        let result = try run(code)
        #expect(result.output == "t" && result.status == 1, "\(result.errors)")
    }

    @Test(arguments: [1, 2, 4, 8], [false, true])
    func `other processors start from page 0, with x2APIC and without`(cpus: Int, isX2: Bool) throws {
        // At page 0, 16-bit: lock inc byte [0x600]; hlt; jmp to it.
        let start: [UInt8] = [0xC7, 0x05, 0, 0, 0, 0, 0xF0, 0xFE, 0x06, 0x00, 0xC7, 0x05, 4, 0, 0, 0, 0x06, 0xF4, 0xEB, 0xFD]
        func store(_ address: UInt32, _ value: UInt32) -> [UInt8] { [0xC7, 0x05] + littleEndian(address) + littleEndian(value) }
        func command(_ value: UInt32) -> [UInt8] {
            // mov ecx, 0x830; xor edx, edx; mov eax, value; wrmsr
            isX2
                ? [0xB9] + littleEndian(UInt32(0x830)) + [0x31, 0xD2, 0xB8] + littleEndian(value) + [0x0F, 0x30] : store(0xFEE0_0300, value)
        }
        let enable: [UInt8] =
            isX2
            // rdmsr 0x1B; or eax, 0xC00; wrmsr; then the spurious vector register, 0x80F
            ? [0xB9] + littleEndian(UInt32(0x1B)) + [0x0F, 0x32, 0x0D] + littleEndian(UInt32(0xC00)) + [0x0F, 0x30, 0xB9]
                + littleEndian(UInt32(0x80F)) + [0x31, 0xD2, 0xB8] + littleEndian(UInt32(0x1FF)) + [0x0F, 0x30]
            : store(0xFEE0_00F0, 0x1FF)
        // again: pause; cmp byte [0x600], cpus - 1; jne again
        let wait: [UInt8] = [0xF3, 0x90, 0x80, 0x3D] + littleEndian(UInt32(0x600)) + [UInt8(cpus - 1), 0x75, 0xF5]
        let code =
            store(0x600, 0) + start + enable + command(0xC_4500) + command(0xC_4600) + command(0xC_4600) + wait + Code.put("all")
            + Code.out8(0xF4, 0) + Code.halt
        let result = try run(code, "--test-devices --cpus \(cpus)", limit: 60)
        #expect(result.output == "all" && result.status == 1, "\(result.errors)")
    }

    @Test func `KVM's clock is offered and ticks`() throws {
        // cpuid 0x40000000: "KVMK" in EBX; cpuid 0x40000001: bit 3, the clock at MSR 0x4B564D01
        let code: [UInt8] =
            [0xB8] + littleEndian(UInt32(0x4000_0000)) + [0x0F, 0xA2, 0x89, 0xD8] + Code.printIfEAX(is: 0x4B4D_564B)
            + [0xB8] + littleEndian(UInt32(0x4000_0001)) + [0x0F, 0xA2, 0x83, 0xE0, 0x08] + Code.printIfEAX(is: 8)
            // wrmsr 0x4B564D01 <- 0x700001; version even and not 0, time not 0
            + [0xB9] + littleEndian(UInt32(0x4B56_4D01)) + [0x31, 0xD2, 0xB8] + littleEndian(UInt32(0x70_0001)) + [0x0F, 0x30]
            // test eax, eax; setne cl; not eax; and eax, 1; and al, cl
            + [0xA1] + littleEndian(UInt32(0x70_0000)) + [0x85, 0xC0, 0x0F, 0x95, 0xC1, 0xF7, 0xD0, 0x83, 0xE0, 0x01, 0x20, 0xC8]
            + Code.printIfEAX(is: 1) + Code.out8(0xF4, 0) + Code.halt
        let result = try run(code)
        #expect(result.output == "111" && result.status == 1, "\(result.errors)")
    }
}
