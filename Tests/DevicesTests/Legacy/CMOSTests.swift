import Devices
import Testing

@Suite struct CMOSTests {
    // 2023-11-14 22:13:20 UTC, a Tuesday.
    private let clock = ManualClock(wall: 1_700_000_000)
    private let line = RecordingLine()
    private let alarm = RecordingAlarm()
    private let cmos: CMOS

    init() {
        cmos = CMOS(clock: clock, line: line, lowMemory: 3 << 30, highMemory: 5 << 30, processors: 4, alarm: alarm)
    }

    private func read(_ index: UInt8) -> UInt8 {
        cmos.writeByte(offset: 0, value: index)
        return cmos.readByte(offset: 1)
    }

    private func write(_ index: UInt8, _ value: UInt8) {
        cmos.writeByte(offset: 0, value: index)
        cmos.writeByte(offset: 1, value: value)
    }

    /// The alarm passes: it is set no more, and its owner says so.
    private func fire() {
        alarm.set(nil)
        cmos.alarmFired()
    }

    private var time: [UInt8] { [0x32, 0x09, 0x08, 0x07, 0x06, 0x04, 0x02, 0x00].map { read($0) } }

    @Test func `the time is the host's, in BCD and 24 hours`() {
        #expect(time == [0x20, 0x23, 0x11, 0x14, 0x03, 0x22, 0x13, 0x20])
        clock.advance(86_400_000_000_000 + 46_000_000_000_000)
        #expect(time == [0x20, 0x23, 0x11, 0x16, 0x05, 0x11, 0x00, 0x00])
    }

    @Test func `binary and 12 hours are followed`() {
        write(0x0B, 0x06)
        #expect(time == [20, 23, 11, 14, 3, 22, 13, 20])
        write(0x0B, 0x04)
        #expect(read(0x04) == 10 | 0x80)
        write(0x0B, 0x00)
        #expect(read(0x04) == 0x90)
        clock.advance(2 * 3_600_000_000_000)
        #expect(read(0x04) == 0x12)
        clock.advance(12 * 3_600_000_000_000)
        #expect(read(0x04) == 0x92)
    }

    @Test func `an update is announced 244 microseconds before the second turns`() {
        #expect(read(0x0A) == 0x26)
        clock.advance(999_755_000)
        #expect(read(0x0A) & 0x80 == 0)
        clock.advance(1_500)
        #expect(read(0x0A) & 0x80 == 0x80)
        #expect(read(0x00) == 0x20)
        clock.advance(243_500)
        #expect(read(0x0A) & 0x80 == 0)
        #expect(read(0x00) == 0x21)
    }

    @Test func `a guest sets the time while it holds the clock`() {
        write(0x0B, 0x82)
        clock.advance(10_000_000_000)
        #expect(read(0x00) == 0x20)
        for (index, value) in [(0x32, 0x20), (0x09, 0x24), (0x08, 0x02), (0x07, 0x29), (0x04, 0x23), (0x02, 0x59), (0x00, 0x58)]
            as [(UInt8, UInt8)]
        {
            write(index, value)
        }
        write(0x0B, 0x02)
        clock.advance(3_000_000_000)
        #expect(time == [0x20, 0x24, 0x03, 0x01, 0x06, 0x00, 0x00, 0x01])
    }

    @Test func `a single register set without holding the clock moves it too`() {
        write(0x02, 0x30)
        #expect(time == [0x20, 0x23, 0x11, 0x14, 0x03, 0x22, 0x30, 0x20])
    }

    @Test func `memory sizes are where firmware looks`() {
        #expect(UInt16(read(0x15)) | UInt16(read(0x16)) << 8 == 640)
        #expect(UInt16(read(0x30)) | UInt16(read(0x31)) << 8 == 0xFFFF)
        #expect(UInt16(read(0x34)) | UInt16(read(0x35)) << 8 == UInt16((3 << 30 - 16 << 20) >> 16 & 0xFFFF))
        #expect(UInt32(read(0x5B)) | UInt32(read(0x5C)) << 8 | UInt32(read(0x5D)) << 16 == 5 << 14)
        #expect(read(0x5F) == 3)
        let small = CMOS(clock: clock, line: line, lowMemory: 8 << 20, highMemory: 0, processors: 1)
        small.writeByte(offset: 0, value: 0x31)
        #expect(small.readByte(offset: 1) == 0x1C)
        small.writeByte(offset: 0, value: 0x34)
        #expect(small.readByte(offset: 1) == 0)
    }

    @Test func `the shutdown byte and free memory are kept over a reset, the battery is good, the index port reads nothing`() {
        write(0x0F, 0x0A)
        write(0x7F, 0x55)
        write(0x0D, 0)
        cmos.reset()
        #expect(read(0x0F) == 0x0A)
        #expect(read(0xFF) == 0x55)
        #expect(read(0x0D) == 0x80)
        #expect(cmos.readByte(offset: 0) == 0xFF)
        #expect(cmos.readByte(offset: 2) == 0xFF)
    }

    @Test func `the update interrupt comes each second and is served by reading the flags`() {
        write(0x0A, 0x20)
        write(0x0B, 0x12)
        let due = alarm.moment
        #expect(due == clock.monotonicNanoseconds() + 1_000_000_000)
        clock.advance(1_000_000_000)
        fire()
        #expect(line.level)
        #expect(alarm.moment == nil)
        #expect(read(0x0C) == 0x90)
        #expect(!line.level)
        #expect(read(0x0C) == 0)
        #expect(alarm.moment != nil)
        write(0x0B, 0x02)
        #expect(alarm.moment == nil)
    }

    @Test func `the alarm rings at its time of day, any value matching any`() {
        write(0x0A, 0x20)
        write(0x05, 0xFF)
        write(0x03, 0x14)
        write(0x01, 0x05)
        write(0x0B, 0x22)
        clock.advance(44_000_000_000)
        fire()
        #expect(!line.level)
        clock.advance(1_000_000_000)
        fire()
        #expect(line.level)
        #expect(read(0x0C) == 0xB0)
    }

    @Test func `the periodic interrupt keeps its rate, but never costs the host more than a thousand turns a second`() {
        write(0x0A, 0x26)
        write(0x0B, 0x42)
        let first = alarm.moment ?? 0
        #expect(first > clock.monotonicNanoseconds() && first <= clock.monotonicNanoseconds() + 976_563)
        clock.advance(976_563)
        fire()
        #expect(line.level)
        #expect(read(0x0C) & 0x40 != 0)
        // 8192 Hz.
        write(0x0A, 0x23)
        _ = read(0x0C)
        #expect((alarm.moment ?? 0) >= clock.monotonicNanoseconds() + 976_000)
        write(0x0A, 0x20)
        #expect(alarm.moment == nil)
    }

    @Test func `nonsense as time is shown as nonsense and harms nobody`() {
        var random = Seeded(seed: 0x5EED_0042)
        for _ in 0..<30_000 {
            let index = UInt8.random(in: 0...0x7F, using: &random)
            write(index, UInt8.random(in: 0...255, using: &random))
            _ = time
            _ = read(0x0C)
            clock.advance(UInt64.random(in: 0..<2_000_000_000, using: &random))
            fire()
        }
        // Going on to hold and set an impossible date over and over.
        write(0x0B, 0x86)
        for _ in 0..<20_000 { write(0x09, 0xFF) }
        for _ in 0..<20_000 { write(0x32, 0xFF) }
        write(0x0B, 0x06)
        _ = time
    }
}
