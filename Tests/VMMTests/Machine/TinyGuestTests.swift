import Foundation
import Testing
import VMM

/// Guests of a few instructions, run by the program on this host's /dev/kvm, whatever it is.
@Suite("Tiny guests", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct TinyGuestTests {
    let scratch = try! Scratch()

    /// Runs a PVH guest of this code at 1 MiB with its console on the program's own streams and its events on standard error.
    func run(
        _ code: [UInt8], _ options: String = "", memory: String = "16MiB", input: String = "", is64: Bool = true
    ) throws -> MachineProgram.Result {
        try scratch.write(PVHImage(code: code, memoryCount: UInt64(max(code.count, 65536)), is64: is64).bytes, to: "kernel")
        return MachineProgram.run(
            "--name tiny --memory \(memory) --kernel 10 --serial 0:1 --control 9:2 \(options) 10<kernel 9<>fifo", in: try fifo(),
            input: input)
    }

    /// Runs a guest that does not end until a condition of bash holds.
    private func run(_ code: [UInt8], _ options: String = "", until condition: String) throws -> MachineProgram.Result {
        MachineProgram.run(
            "--name tiny --memory 16MiB --kernel 10 --serial 0:1 --control 9:2 \(options) 10<kernel 9<>fifo", in: try prepared(code),
            until: condition)
    }

    /// A control stream that says nothing and does not end.
    func fifo() throws -> URL {
        if !FileManager.default.fileExists(atPath: scratch.path("fifo")) { mkfifo(scratch.path("fifo"), 0o600) }
        return scratch.url
    }

    @Test(arguments: [true, false])
    func `a guest prints and powers off by ACPI`(is64: Bool) throws {
        let result = try run(Code.put("hello\n") + Code.powerOff, is64: is64)
        #expect(result.output == "hello\n")
        #expect(result.status == 0)
        let events = result.errors.split(separator: "\n").map { String($0) }
        #expect(events.count == 3 && events[0].hasPrefix(#"{"event":"started","startup_us":"#))
        #expect(Array(events.dropFirst()) == [#"{"event":"powered-off"}"#, #"{"event":"exiting","status":0}"#])
    }

    @Test func `a bzImage is entered in 64-bit mode with its command line and initial RAM disk`() throws {
        // mov rbx, rsi; mov eax, [rbx+0x228] (command line); mov al, [rax]; print; mov eax, [rbx+0x218] (initrd); mov al, [rax]; print
        let code: [UInt8] =
            [0x48, 0x89, 0xF3, 0x8B, 0x83] + littleEndian(UInt32(0x228)) + [0x8A, 0x00] + Code.putAL + [0x8B, 0x83]
            + littleEndian(UInt32(0x218)) + [0x8A, 0x00] + Code.putAL + Code.powerOff
        try scratch.write(BzImage(code: code).bytes, to: "kernel")
        try scratch.write(Array("initrd".utf8), to: "initrd")
        let result = MachineProgram.run(
            "--name tiny --memory 32MiB --kernel 10 --initrd 11 --cmdline 'quiet x' --serial 0:1 10<kernel 11<initrd", in: scratch.url)
        #expect(result.output == "qi")
        #expect(result.status == 0)
    }

    @Test(arguments: MultibootKernel.Form.allCases, [1, 2])
    func `a Multiboot kernel finds its magic number and its module`(form: MultibootKernel.Form, version: Int) throws {
        // cmp eax, magic; then the module's first byte by way of its list entry (1) or its tag, the third (2).
        let magic: UInt32 = version == 1 ? 0x2BAD_B002 : 0x36D7_6289
        // mov ecx, [ebx+24]; mov ecx, [ecx]; mov al, [ecx]   |   mov ecx, [ebx+8+16+16+8]; mov al, [ecx]
        let module: [UInt8] = version == 1 ? [0x8B, 0x4B, 24, 0x8B, 0x09, 0x8A, 0x01] : [0x8B, 0x4B, 8 + 16 + 16 + 8, 0x8A, 0x01]
        let code = Code.printIfEAX(is: magic) + module + Code.putAL + Code.powerOff
        try scratch.write(MultibootKernel(form: form, version: version, code: code).bytes, to: "kernel")
        try scratch.write(Array("module".utf8), to: "module")
        let result = MachineProgram.run(
            "--name tiny --memory 16MiB --kernel 10 --module '11:a $(b)' --serial 0:1 10<kernel 11<module", in: scratch.url)
        #expect(result.output == "1m", "\(result.errors)")
        #expect(result.status == 0)
    }

    @Test func `input reaches the guest by COM1`() throws {
        // again: in al, LSR; test al, 1; jz again; in al, RBR; inc al; out; repeat four times
        let wait: [UInt8] = [0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0xFB]
        let once = wait + [0x66, 0xBA, 0xF8, 0x03, 0xEC, 0xFE, 0xC0, 0xEE]
        let result = try run(once + once + once + Code.powerOff, input: "HAL")
        #expect(result.output == "IBM")
        #expect(result.status == 0)
    }

    @Test func `string output comes out whole, at every width`() throws {
        let text = "0123456789abcdef"
        // mov esi, text; mov ecx, count; mov dx, COM1; cld; rep outsb. Wider ones go byte by byte to COM1 and the registers after it: read as absent.
        func strings(_ at: UInt32) -> [UInt8] {
            [0xBE] + littleEndian(at) + [0xB9] + littleEndian(UInt32(text.utf8.count)) + [0x66, 0xBA, 0xF8, 0x03, 0xFC, 0xF3, 0x6E]
        }
        // 64 KiB in from a port that nobody answers: all ones; out again byte-wise is too slow, so one is looked at.
        func storm(_ to: UInt32) -> [UInt8] {
            [0xBF] + littleEndian(to) + [0xB9] + littleEndian(UInt32(4096)) + [0x66, 0xBA, 0x00, 0x50, 0xF3, 0x6D]
                + [0xA1] + littleEndian(to + 4095 * 4) + Code.printIfEAX(is: 0xFFFF_FFFF)
        }
        let body = strings(0) + storm(0) + Code.powerOff
        let place = UInt32(0x10_0000 + body.count)
        let result = try run(strings(place) + storm(0x10_8000) + Code.powerOff + Array(text.utf8))
        #expect(result.output == text + "1")
        #expect(result.status == 0)
    }

    @Test func `memory and ports that nobody answers read as all ones at every width`() throws {
        // mov eax, [0xD0000000]; movzx eax, word; movzx eax, byte; in eax, 0x5000
        let code: [UInt8] =
            [0xA1] + littleEndian(UInt32(0xD000_0000)) + Code.printIfEAX(is: 0xFFFF_FFFF)
            + [0x0F, 0xB7, 0x05] + littleEndian(UInt32(0xD000_0002)) + Code.printIfEAX(is: 0xFFFF)
            + [0x0F, 0xB6, 0x05] + littleEndian(UInt32(0xD000_0003)) + Code.printIfEAX(is: 0xFF)
            + [0xA1] + littleEndian(UInt32(0xD000_0FFD)) + Code.printIfEAX(is: 0xFFFF_FFFF)  // across a page
            + [0xA1] + littleEndian(UInt32(0xA_0000)) + Code.printIfEAX(is: 0xFFFF_FFFF)  // the VGA hole
            + Code.in32(0x5000) + Code.printIfEAX(is: 0xFFFF_FFFF)
        let result = try run(code + Code.powerOff)
        #expect(result.output == "111111")
        #expect(result.status == 0)
    }

    @Test func `the board's functions are where the tables say`() throws {
        func config(_ device: UInt32, _ function: UInt32) -> [UInt8] {
            Code.out32(0xCF8, 1 << 31 | device << 11 | function << 8) + Code.in32(0xCFC)
        }
        let code =
            config(0, 0) + Code.printIfEAX(is: 0x1237_8086) + config(1, 0) + Code.printIfEAX(is: 0x7000_8086)
            + config(1, 3) + Code.printIfEAX(is: 0x7113_8086) + config(2, 0) + Code.printIfEAX(is: 0x1042_1AF4)
            + config(3, 0) + Code.printIfEAX(is: 0x1043_1AF4) + config(4, 0) + Code.printIfEAX(is: 0x1044_1AF4)
            + config(5, 0) + Code.printIfEAX(is: 0xFFFF_FFFF)
        try scratch.write([UInt8](repeating: 0, count: 4096), to: "disk")
        let result = try run(code + Code.powerOff, "--disk id=d,fd=12 --console 13 12<>disk 13<>fifo")
        #expect(result.output == "1111111")
        #expect(result.status == 0)
    }

    @Test func `a board for Cloud Hypervisor's firmware has its bridge, timer and switch, and the tables know where the rest went`() throws
    {
        let timer: [UInt8] = [0x66, 0xBA, 0x08, 0x06, 0xED]  // mov dx, 0x608; in eax, dx
        let code: [UInt8] =
            Code.out32(0xCF8, 1 << 31) + Code.in32(0xCFC) + Code.printIfEAX(is: 0x0D57_8086)
            + Code.out32(0xCF8, 1 << 31 | 1 << 11 | 3 << 8 | 0x40) + Code.in32(0xCFC) + Code.printIfEAX(is: 0xB001)
            // The timer in both places: what the one says less than the other is a minute at most, however slow the host.
            + timer + [0x89, 0xC1] + Code.in32(0xB008) + [0x29, 0xC8, 0x0F, 0xBA, 0xF0, 31, 0xC1, 0xE8, 28] + Code.printIfEAX(is: 0)
            // Another sleep type, then off.
            + Code.out8(0x600, 0x30) + Code.put("o") + Code.out8(0x600, 0x34) + Code.halt
        let result = try run(code, "--board cloud-hypervisor")
        #expect(result.output == "111o" && result.status == 0, "\(result.errors)")
    }

    @Test(arguments: [true, false])
    func `event timers are there when they are asked for`(hasHPET: Bool) throws {
        func at(_ offset: UInt32) -> [UInt8] { littleEndian(0xFED0_0000 + offset) }
        let identity: [UInt8] = [0xA1] + at(4) + Code.printIfEAX(is: hasHPET ? 10_000_000 : 0xFFFF_FFFF)
        // Counts, timer 2 by level: mov dword [...], then wait for the status, print the counter's top half, clear.
        func put(_ offset: UInt32, _ value: UInt32) -> [UInt8] { [0xC7, 0x05] + at(offset) + littleEndian(value) }
        let wait: [UInt8] = [0xA1] + at(0x20) + [0x83, 0xF8, 0x04, 0x75, 0xF6]
        let event =
            put(0x140, 1 << 1 | 1 << 2 | 16 << 9) + put(0x148, 100_000) + put(0x14C, 0) + put(0x10, 1) + wait + Code.put("e")
            + put(0x20, 4) + [0xA1] + at(0x20) + Code.printIfEAX(is: 0)
        let result = try run(identity + (hasHPET ? event : []) + Code.powerOff, hasHPET ? "--hpet" : "")
        #expect(result.output == (hasHPET ? "1e1" : "1") && result.status == 0, "\(result.errors)")
    }

    @Test func `the root of the ACPI tables is found by a scan, and RAM ends where the map says`() throws {
        let code: [UInt8] =
            [0xA1] + littleEndian(UInt32(0xE_0000)) + Code.printIfEAX(is: 0x2044_5352)  // "RSD "
            + [0xA1] + littleEndian(UInt32(0x9_FC10)) + Code.printIfEAX(is: 0x5F50_4D5F)  // "_MP_"
            + [0xA1] + littleEndian(UInt32(0xFF_FFFC)) + Code.printIfEAX(is: 0)
            + [0xA1] + littleEndian(UInt32(0x100_0000)) + Code.printIfEAX(is: 0xFFFF_FFFF)
        let result = try run(code + Code.powerOff)
        #expect(result.output == "1111")
    }

    @Test(arguments: [(Code.out8(0xCF9, 6), "port-cf9"), (Code.out8(0x64, 0xFE), "keyboard"), (Code.out8(0x92, 1), "port-92")])
    func `a reset boots the same kernel again, with everything else as after power-on`(reset: [UInt8], cause: String) throws {
        // A mark in RAM must be gone after the reset; a mark on the disk's side does not exist here, so the machine goes round until it is stopped.
        let mark: UInt32 = 0x80_0000
        let code =
            [0xA1] + littleEndian(mark) + Code.printIfEAX(is: 0) + [0xC7, 0x05] + littleEndian(mark) + littleEndian(UInt32(0x1234)) + reset
            + Code.halt
        let result = try run(code, until: "[ $(wc -c <said) -ge 2 ]")
        #expect(result.status == 0, "SIGTERM is a stop")
        #expect(result.output.count >= 2 && result.output.allSatisfy { $0 == "1" })
        #expect(result.errors.contains(#"{"event":"reset","cause":"\#(cause)"}"#))
        #expect(result.errors.contains(#""started""#) && result.errors.split(separator: "\n").filter { $0.contains("started") }.count == 1)
    }

    @Test func `a triple fault is reported by name, or resets where that is asked for`() throws {
        let code = Code.tripleFault(tableAt: 0x10_8000)
        let result = try run(Code.put("x") + code)
        #expect(result.status == 86)
        #expect(result.output == "x")
        #expect(result.errors.contains(#"{"event":"guest-fault","kind":"triple-fault""#))
        #expect(result.errors.contains("vmlab-machine: tiny: guest fault: triple-fault"))
        let again = try run(Code.put("x") + code, "--triple-fault reset", until: "[ $(wc -c <said) -ge 2 ]")
        #expect(again.status == 0)
        #expect(again.output.count >= 2)
        #expect(again.errors.contains(#"{"event":"reset","cause":"triple-fault"}"#))
    }

    @Test func `a guest that is asleep for good costs nothing and stops when told`() throws {
        let start = Date()
        // The stream itself does not end.
        let result = MachineProgram.shell(
            """
            (sleep 1; echo nonsense; echo stop) >fifo 2>/dev/null &
            exec timeout --preserve-status -k 5 60 "$MACHINE" --name tiny --memory 16MiB --kernel 10 --serial 0:1 --control 9:2 10<kernel 9<>fifo
            """, in: try prepared(Code.put("z") + Code.halt))
        #expect(result.status == 0)
        #expect(result.output == "z")
        #expect(result.errors.contains(#"{"event":"refused","word":"nonsense"}"#))
        #expect(Date().timeIntervalSince(start) < 50, "SIGTERM was not waited for")
    }

    @Test func `the end of the control stream is a stop, even for a guest that loops`() throws {
        let start = Date()
        let result = MachineProgram.run(
            "--name tiny --memory 16MiB --kernel 10 --serial 0:1 --control 9:2 10<kernel 9< <(exec 2>/dev/null; sleep 1)",
            in: try prepared(Code.put("z") + [0xEB, 0xFE]))
        #expect(result.status == 0)
        #expect(Date().timeIntervalSince(start) < 50, "SIGTERM was not waited for")
        #expect(result.output == "z")
    }

    @Test func `the power button raises the fixed event`() throws {
        // Polls PM1_STS for bit 8.
        let poll: [UInt8] = [0x66, 0xBA, 0x00, 0x06, 0x66, 0xED, 0x66, 0xA9, 0x00, 0x01, 0x74, 0xF4]
        let result = MachineProgram.run(
            "--name tiny --memory 16MiB --kernel 10 --serial 0:1 --control 9:2 10<kernel 9< <(exec 2>/dev/null; sleep 1; echo power-button; sleep 3)",
            in: try prepared(poll + Code.put("b") + Code.powerOff))
        #expect(result.status == 0)
        #expect(result.output == "b")
    }

    @Test func `a flood that nobody reads neither stops the guest nor grows the machine`() throws {
        // 200,000 bytes by rep outsb, then off; standard output is a pipe that is read only after the machine's end.
        let flood: [UInt8] =
            [0xBE] + littleEndian(UInt32(0x10_0000)) + [0xB9] + littleEndian(UInt32(400_000)) + [0x66, 0xBA, 0xF8, 0x03, 0xFC, 0xF3, 0x6E]
        let result = MachineProgram.run(
            "--name tiny --memory 16MiB --kernel 10 --serial 8:7 10<kernel 8<>fifo 7<>fifo", in: try prepared(flood + Code.powerOff),
            limit: 60)
        #expect(result.status == 0)
    }

    @Test func `one to eight vCPUs start, and the others wait`() throws {
        for cpus in [1, 2, 8] {
            let result = try run(Code.put("\(cpus)") + Code.powerOff, "--cpus \(cpus)")
            #expect(result.output == "\(cpus)" && result.status == 0)
        }
    }

    @Test func `a hundred resets leave no descriptor behind`() throws {
        let result = MachineProgram.shell(
            """
            ulimit -n 48
            "$MACHINE" --name tiny --memory 16MiB --kernel 10 --serial 8:8 10<kernel 8<>/dev/null --control 9:2 9<>fifo 2>events &
            for i in $(seq 600); do [ $(grep -c port-cf9 events) -ge 100 ] && break; sleep 0.1; done
            kill $!; wait $!; echo "status $?"; tail -n 3 events >&2
            [ $(grep -c port-cf9 events) -ge 100 ] && echo "a hundred"
            """, in: try prepared(Code.out8(0xCF9, 6) + Code.halt))
        #expect(result.output == "status 0\na hundred\n", "\(result.errors)")
    }

    @Test func `a machine costs less than 5 MiB beyond its guest's memory`() throws {
        // 64 MiB of guest memory is the one mapping of that size; the map of it says how much of the rest is resident.
        let result = MachineProgram.shell(
            """
            "$MACHINE" --name tiny --memory 64MiB --cpus 2 --kernel 10 --serial 8:7 --disk id=a,fd=11 10<kernel 11<>disk 8<>fifo 7>said &
            for i in $(seq 600); do grep -q z said && break; sleep 0.1; done
            cat /proc/$!/smaps; kill $!; wait $!; echo "status $?"
            """, in: try prepared(Code.put("z") + Code.halt, disk: 1 << 20))
        #expect(result.output.contains("status 0"))
        var isGuest = false
        var resident = 0
        for line in result.output.split(separator: "\n") {
            let words = line.split(separator: " ")
            if let range = words.first?.split(separator: "-"), range.count == 2, let low = Int(range[0], radix: 16),
                let high = Int(range[1], radix: 16)
            {
                isGuest = high - low == 64 << 20
            } else if words.first == "Rss:", !isGuest {
                resident += Int(words[1]) ?? 0
            }
        }
        print("resident beyond guest memory: \(resident) KiB")
        #if DEBUG
            let limit = 8 << 10  // unoptimised code is larger
        #else
            let limit = 5 << 10
        #endif
        #expect(resident > 100 && resident < limit)
    }

    @Test func `a disk that another machine writes to is refused, and a read-only one is not`() throws {
        let result = MachineProgram.shell(
            """
            run="$MACHINE --name tiny --memory 16MiB --kernel 10"
            started() { for i in $(seq 600); do grep -q started "$1" && break; sleep 0.1; done 2>/dev/null; }
            # One that is told to stop as soon as it has started.
            brief() {
              who=$1; shift
              $run --control 3:4 3<>fifo 4>$who "$@" 10<kernel &
              started $who; kill $!; wait $!; echo "$who: $?"
            }
            $run --control 3:4 --disk id=d,fd=12 3<>fifo 4>events 10<kernel 12<>disk &
            first=$!
            started events
            $run --disk id=d,fd=12 10<kernel 12<>disk; echo "second: $?"
            $run --disk id=d,fd=11,delta=12 10<kernel 11<disk 12<>disk; echo "delta: $?"
            brief reader --disk id=d,fd=12,read-only 12<disk
            kill $first; wait $first; echo "first: $?"
            brief third --disk id=d,fd=12 12<>disk
            """, in: try prepared(Code.halt, disk: 1 << 20))
        #expect(result.output == "second: 75\ndelta: 75\nreader: 0\nfirst: 0\nthird: 0\n", "\(result.errors)")
        #expect(result.errors.contains("disk d is in use: another machine writes to it"))
    }

    @Test func `standard streams are as they were when the machine is gone`() throws {
        let result = MachineProgram.shell(
            """
            "$MACHINE" --name tiny --memory 16MiB --kernel 10 --serial 0:1 10<kernel
            grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1
            """, in: try prepared(Code.put("z") + Code.powerOff))
        let flags = result.output.split(separator: "\n").compactMap { Int($0.split(separator: "\t").last ?? "", radix: 8) }
        #expect(flags.count == 2 && flags.allSatisfy { $0 & 0o4000 == 0 })
    }

    private func prepared(_ code: [UInt8], disk: Int? = nil) throws -> URL {
        if let disk { try scratch.write([UInt8](repeating: 0, count: disk), to: "disk") }
        try scratch.write(PVHImage(code: code, memoryCount: 65536).bytes, to: "kernel")
        return try fifo()
    }
}
