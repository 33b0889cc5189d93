import Devices
import Testing

@Suite struct MSIXTests {
    private let sink = RecordingSink()

    private func make(_ count: Int = 3, enabled: Bool = true) -> MSIX {
        let msix = MSIX(count: count, sink: sink)
        if enabled { msix.setControl(enabled: true, masked: false) }
        return msix
    }

    private func map(_ msix: MSIX, _ vector: UInt64, data: UInt64 = 0x41, address: UInt64 = 0xFEE0_1000, masked: Bool = false) {
        msix.writeTable(offset: 16 * vector, width: .eight, value: address)
        msix.writeTable(offset: 16 * vector + 8, width: .eight, value: data | (masked ? 1 << 32 : 0))
    }

    @Test func `a vector sends what its entry says`() {
        let msix = make()
        map(msix, 1, data: 0x1_0055 & 0xFFFF_FFFF)
        msix.send(1)
        #expect(sink.sent == [1])
        #expect(sink.messages == [MSIMessage(address: 0xFEE0_1000, data: 0x1_0055)])
    }

    @Test func `a vector starts masked and keeps one pending bit`() {
        let msix = make()
        msix.send(2)
        msix.send(2)
        #expect(sink.sent.isEmpty)
        #expect(msix.readPending(offset: 0, width: .eight) == 0b100)
        map(msix, 2)
        #expect(sink.sent == [2])
        #expect(msix.readPending(offset: 0, width: .one) == 0)
    }

    @Test func `masking the function holds everything back until it ends`() {
        let msix = make()
        map(msix, 0)
        map(msix, 1)
        msix.setControl(enabled: true, masked: true)
        msix.send(0)
        msix.send(1)
        #expect(sink.sent.isEmpty)
        #expect(msix.readPending(offset: 0, width: .four) == 0b11)
        msix.setControl(enabled: true, masked: false)
        #expect(sink.sent == [0, 1])
    }

    @Test func `nothing is sent or remembered while MSI-X is off`() {
        let msix = make(enabled: false)
        map(msix, 0)
        msix.send(0)
        msix.setControl(enabled: true, masked: false)
        #expect(sink.sent.isEmpty)
    }

    @Test(arguments: [3, 4, 2047, 0xFFFE, 0xFFFF] as [UInt16])
    func `H20 vectors past the table do not exist`(vector: UInt16) {
        let msix = make()
        msix.send(vector)
        msix.writeTable(offset: 16 * UInt64(vector), width: .eight, value: .max)
        #expect(msix.readTable(offset: 16 * UInt64(vector), width: .eight) == 0)
        #expect(sink.sent.isEmpty)
    }

    @Test(arguments: [0, 0x1000, 0xFED0_0000, 0xFEF0_0000, 0x1_FEE0_0000, 0xFFFF_FFFF_FEE0_0000, 0xFFFF_FFFF_FFFF_FFFC] as [UInt64])
    func `H20 a message to anywhere but a local APIC is never sent or routed`(address: UInt64) {
        let msix = make()
        map(msix, 0, address: address)
        msix.send(0)
        #expect(sink.sent.isEmpty && sink.routes == 0)
        #expect(msix.readTable(offset: 0, width: .eight) == address)
    }

    @Test func `H20 the pending bits cannot be written and the table only by whole registers`() {
        let msix = make()
        map(msix, 0, data: 0x77, masked: true)
        for (offset, width) in [(0, .one), (8, .two), (2, .four), (4, .eight), (9, .one)] as [(UInt64, AccessWidth)] {
            msix.writeTable(offset: offset, width: width, value: .max)
        }
        #expect(msix.readTable(offset: 0, width: .eight) == 0xFEE0_1000)
        #expect(msix.readTable(offset: 8, width: .eight) == 0x1_0000_0077)
        #expect(msix.readTable(offset: 1, width: .two) == 0xE010 & 0xFFFF)
        #expect(msix.readTable(offset: 14, width: .four) == 0)
    }

    @Test func `H20 a storm of masks costs no routing`() {
        let msix = make()
        map(msix, 0)
        msix.send(0)
        #expect(sink.routes == 1)
        for _ in 0..<10_000 {
            msix.writeTable(offset: 12, width: .four, value: 1)
            msix.writeTable(offset: 12, width: .four, value: 0)
            msix.setControl(enabled: true, masked: true)
            msix.setControl(enabled: true, masked: false)
            msix.send(0)
        }
        #expect(sink.routes == 1)
        #expect(sink.sent.count == 10_001)
        map(msix, 0, data: 0x42)
        msix.send(0)
        #expect(sink.routes == 2)
    }

    @Test func `a reset masks everything and forgets what was pending`() {
        let msix = make()
        msix.send(1)
        msix.reset()
        msix.setControl(enabled: true, masked: false)
        #expect(msix.readPending(offset: 0, width: .eight) == 0)
        #expect(msix.readTable(offset: 12, width: .four) == 1)
    }

    @Test func `pending bits of many vectors lie 64 to a word`() {
        let msix = make(100)
        msix.send(0)
        msix.send(63)
        msix.send(64)
        msix.send(99)
        #expect(msix.readPending(offset: 0, width: .eight) == 0x8000_0000_0000_0001)
        #expect(msix.readPending(offset: 8, width: .eight) == 0x8_0000_0001)
        #expect(msix.readPending(offset: 16, width: .eight) == 0)
    }
}
