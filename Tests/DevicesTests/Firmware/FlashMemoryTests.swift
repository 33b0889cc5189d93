import Devices
import Synchronization
import Testing

private final class RecordingVisibility: FlashVisibility {
    private let state = Mutex((isMemory: true, changes: 0))
    var isMemory: Bool { state.withLock { $0.isMemory } }
    var changes: Int { state.withLock { $0.changes } }

    func show(asMemory: Bool) {
        state.withLock { state in
            #expect(state.isMemory != asMemory, "told of what it knows")
            state = (asMemory, state.changes + 1)
        }
    }
}

@Suite("A flash chip")
struct FlashMemoryTests {
    static let blocks = 3
    static let count = UInt64(blocks) * FlashMemory.blockSize
    let storage = MemoryStorage(sectors: blocks * 8)
    private let visibility = RecordingVisibility()
    let troubles = TroubleCounter()
    let chip: FlashMemory

    final class TroubleCounter: Sendable {
        private let state = Mutex(0)
        var count: Int { state.withLock { $0 } }
        func add() { state.withLock { $0 += 1 } }
    }

    init() {
        let block = HostBlock(byteCount: Int(Self.count))
        let contents = unsafe GuestMemory(
            [GuestMemory.Region(address: 0, host: block.start, byteCount: block.byteCount)], keeper: block)
        contents.write(storage.content, at: 0)
        let troubles = troubles
        chip = FlashMemory(contents: contents, byteCount: Self.count, storage: storage, visibility: visibility) { _ in troubles.add() }
    }

    func write(_ offset: UInt64, _ bytes: UInt8...) { for byte in bytes { chip.write(offset: offset, width: .one, value: UInt64(byte)) } }
    func read(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: chip.read(offset: offset, width: .one)) }

    @Test func `firmware's probe finds a chip, neither RAM nor ROM`() {
        let original = read(0x10)
        write(0x10, 0x50)
        #expect(read(0x10) != 0x50, "RAM would give back what was written")
        write(0x10, 0x70)
        #expect(read(0x10) == 0 && read(0x10) != original, "a cleared status is zero; ROM would not change")
        write(0x10, 0xFF)
        #expect(read(0x10) == original)
        #expect(visibility.isMemory && visibility.changes == 2)
    }

    @Test func `a block is erased and programmed, and the storage has it when the array is back`() {
        write(0x1234, 0x20, 0xD0)
        #expect(read(0x1234) == 0x80)
        for (index, byte) in Array("variable".utf8).enumerated() { write(0x1800 + UInt64(index), 0x10, byte) }
        #expect(!visibility.isMemory)
        write(0x1800, 0xFF)
        #expect(visibility.isMemory)
        let content = storage.content
        #expect(Array(content[0x1800..<0x1808]) == Array("variable".utf8))
        #expect(content[0x1000..<0x1800].allSatisfy { $0 == 0xFF } && content[0x1808..<0x2000].allSatisfy { $0 == 0xFF })
        #expect(content[0xFFF] == 8 && content[0x2000] == 17, "other blocks are as they were")
        #expect(read(0x1803) == UInt8(ascii: "i"))
    }

    @Test func `programming only clears bits, and an erase needs its confirmation`() {
        write(0, 0x20, 0xD0, 0x10, 0xF0, 0x40, 0x3C, 0xFF)
        #expect(read(0) == 0x30)
        write(0x1000, 0x20, 0x12)
        #expect(read(0x1000) & 0x30 == 0x30, "a broken sequence says so")
        write(0x1000, 0x50, 0xFF)
        #expect(read(0x1000) == 9, "and erases nothing")
    }

    @Test func `the maker and the device can be asked for`() {
        write(0, 0x90)
        #expect([read(0), read(1), read(2)] == [0x89, 0x18, 0])
        write(0, 0xFF)
    }

    @Test func `a storage that is full is told of, the chip goes on, and a later save makes up for it`() {
        storage.fail(.failed(errno: 28))
        write(0x1000, 0x20, 0xD0)
        #expect(read(0x1000) & 0x20 != 0, "the erase is not on the storage")
        write(0x1000, 0x10, 0x42, 0xFF)
        #expect(read(0x1000) == 0x42)
        #expect(troubles.count >= 2)
        #expect(!chip.save())
        chip.reset()
        #expect(!chip.save(), "a reset forgets nothing")
        storage.fail(nil)
        #expect(chip.save())
        #expect(storage.content[0x1000] == 0x42 && storage.content[0x1001] == 0xFF)
    }

    @Test func `H42 commands of every kind at every width change nothing outside the chip`() {
        var random = Seeded(seed: 0xF1A5)
        let commands: [UInt64] = [0x10, 0x20, 0x40, 0x50, 0x70, 0x90, 0x98, 0xD0, 0xE8, 0xFF, 0, .max]
        for _ in 0..<20_000 {
            let offset = UInt64.random(in: 0..<Self.count - 8, using: &random)
            let width = AccessWidth.allCases.randomElement(using: &random) ?? .one
            chip.write(offset: offset, width: width, value: (commands.randomElement(using: &random) ?? 0) & width.allOnes)
            _ = chip.read(offset: offset, width: width)
        }
        write(0, 0xFF, 0xFF)
        #expect(visibility.isMemory)
        write(0, 0x20, 0xD0, 0xFF)
        #expect(read(5) == 0xFF)
    }
}
