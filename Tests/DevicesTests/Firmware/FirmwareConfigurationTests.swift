import Devices
import Testing

/// A file of so many bytes, each the low byte of its place.
private struct CountingFile: FirmwareFile {
    var byteCount: UInt64
    /// Reads past this fail, as when somebody cuts the file.
    var readable: UInt64 = .max

    @unsafe func read(at offset: UInt64, into place: UnsafeMutableRawBufferPointer) -> Bool {
        guard offset + UInt64(place.count) <= min(byteCount, readable) else { return false }
        for index in 0..<place.count { unsafe place[index] = UInt8(truncatingIfNeeded: offset + UInt64(index)) }
        return true
    }
}

@Suite("The firmware configuration device")
struct FirmwareConfigurationTests {
    let memory = makeMemory()
    let ports = Bus(name: "ports", limit: 0x1_0000)

    init() throws {
        let file = CountingFile(byteCount: 1000)
        let device = FirmwareConfiguration(
            numbered: [
                FirmwareConfiguration.Key.processors: .init(.bytes([2, 0])),
                FirmwareConfiguration.Key.kernel: .init(.file(file, offset: 100, count: 900)),
                FirmwareConfiguration.Key.initrd: .init(.file(CountingFile(byteCount: 1000, readable: 10), offset: 0, count: 1000)),
            ],
            files: [("etc/z", .init(.made(count: 3) { [7, 8, 9, 10] })), ("etc/a", .init(.bytes([1, 2, 3, 4, 5])))], memory: memory)
        try ports.attach(device, at: AddressMap.firmwareConfiguration, count: FirmwareConfiguration.portCount)
    }

    func select(_ key: UInt16) { ports.write(0x510, count: 2, value: UInt64(key)) }
    func next(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(ports.read(0x511, count: 1)) } }

    func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        stride(from: T.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> T($0)) }
    }

    /// Starts an access and gives back what its control word became.
    func access(_ control: UInt32, count: UInt32, at place: UInt64, from structure: UInt64 = 0x1000) -> UInt32? {
        memory.write(bigEndian(control) + bigEndian(count) + bigEndian(place), at: structure)
        ports.write(0x514, count: 4, value: UInt64(UInt32(structure >> 32).byteSwapped))
        ports.write(0x518, count: 4, value: UInt64(UInt32(truncatingIfNeeded: structure).byteSwapped))
        return memory.load(UInt32.self, at: structure)?.byteSwapped
    }

    @Test func `it says its name at both doors and that it knows both ways`() {
        select(0)
        #expect(next(4) == Array("QEMU".utf8))
        #expect(next(2) == [0, 0])
        select(1)
        #expect(next(4) == [3, 0, 0, 0])
        #expect(ports.read(0x514, count: 8) == Array("QEMU CFG".utf8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
        #expect(ports.read(0x518, count: 4) == Array(" CFG".utf8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }

    @Test func `the directory names every file with its size, in order`() {
        select(0x19)
        func name(_ text: String) -> [UInt8] { Array(text.utf8) + [UInt8](repeating: 0, count: 56 - text.utf8.count) }
        let directory = [0, 0, 0, 2] + [0, 0, 0, 5, 0, 0x20, 0, 0] + name("etc/a") + [0, 0, 0, 3, 0, 0x21, 0, 0] + name("etc/z")
        #expect(next(directory.count) == directory)
        select(0x21)
        #expect(next(4) == [7, 8, 9, 0])
        select(0x4321)
        #expect(next(2) == [0, 0])
    }

    @Test func `an access in memory selects, skips, reads, and goes on where it was`() {
        #expect(access(0x20 << 16 | 8 | 2, count: 2, at: 0x2000) == 0)
        #expect(memory.read(0x2000, count: 3) == [1, 2, 0])
        #expect(access(4, count: 1, at: 0) == 0)
        #expect(access(2, count: 4, at: 0x2000) == 0)
        #expect(memory.read(0x2000, count: 4) == [4, 5, 0, 0], "past its end an item is zeros")
        #expect(access(0x11 << 16 | 8, count: 0, at: 0) == 0)
        #expect(access(4, count: 898, at: 0) == 0)
        memory.write([0xAA, 0xAA, 0xAA, 0xAA], at: 0x2000)
        #expect(access(2, count: 3, at: 0x2000) == 0)
        #expect(memory.read(0x2000, count: 4) == [UInt8(998 & 255), UInt8(999 & 255), 0, 0xAA])
    }

    @Test func `a file that was cut is an error, not old memory`() {
        #expect(access(0x12 << 16 | 8 | 2, count: 20, at: 0x2000) == 1)
    }

    @Test(arguments: [0x10_0000, 0xF_FFFF, 0x1F_FFFF, 0x30_0000, 0xFEE0_0000, UInt64.max, UInt64.max - 1, 1 << 63])
    func `a place that is not RAM whole is refused and nothing is touched`(place: UInt64) {
        memory.write([0xAA, 0xAA], at: 0xF_FFFE)
        #expect(access(0x20 << 16 | 8 | 2, count: 2, at: place) == 1)
        #expect(memory.read(0xF_FFFE, count: 2) == [0xAA, 0xAA])
    }

    @Test func `lengths of four gibibytes, writes and structures outside RAM end at once`() {
        #expect(access(0x11 << 16 | 8 | 2, count: .max, at: 0x2000) == 1)
        for _ in 0..<100 { #expect(access(4, count: .max, at: 0) == 0) }
        #expect(access(2, count: 4, at: 0x2000) == 0 && memory.read(0x2000, count: 4) == [0, 0, 0, 0])
        #expect(access(0x20 << 16 | 8 | 16, count: 5, at: 0x2000) == 1, "nothing can be written")
        for structure in [0xF_FFF8, 0x10_0000, UInt64.max - 3] { _ = access(2, count: 1, at: 0x2000, from: structure) }
        // An access that is its own target is read once and answered once.
        #expect(access(0x20 << 16 | 8 | 2, count: 16, at: 0x1000) == 0)
        #expect(memory.read(0x1004, count: 4) == [5, 0, 0, 0])
    }

    @Test func `any width at any port is answered`() {
        for port in UInt64(0x50C)..<0x520 {
            for count in [1, 2, 3, 4, 8] {
                ports.write(port, count: count, value: .max)
                _ = ports.read(port, count: count)
            }
        }
        select(5)
        #expect(next(2) == [2, 0])
    }
}
