import Devices
import Synchronization
import Testing

@Suite struct HPETTests {
    private let clock = ManualClock()
    private let lines = (0..<24).map { _ in RecordingLine() }
    private let alarm = RecordingAlarm()
    private let replaced = Mutexed()
    private let hpet: HPET

    final class Mutexed: Sendable {
        private let state = Mutex<[Bool]>([])
        var values: [Bool] { state.withLock { $0 } }
        func append(_ value: Bool) { state.withLock { $0.append(value) } }
    }

    init() {
        hpet = HPET(clock: clock, lines: lines, alarm: alarm) { [replaced] in replaced.append($0) }
    }

    private static let enabled: UInt64 = 1 << 2
    private static let level: UInt64 = 1 << 1
    private static let periodic: UInt64 = 1 << 3
    private static let setsValue: UInt64 = 1 << 6
    private static let short: UInt64 = 1 << 8

    private var counter: UInt64 { read(0xF0) }
    private func read(_ offset: UInt64) -> UInt64 { hpet.read(offset: offset, width: .eight) }
    private func write(_ offset: UInt64, _ value: UInt64) { hpet.write(offset: offset, width: .eight, value: value) }
    private func configure(_ timer: UInt64, _ bits: UInt64, line: UInt64 = 16) { write(0x100 + 0x20 * timer, bits | line << 9) }
    private func compare(_ timer: UInt64, _ value: UInt64) { write(0x108 + 0x20 * timer, value) }

    /// Lets time pass as a host does: whenever the alarm is due, it rings.
    private func pass(_ nanoseconds: UInt64) {
        let end = clock.monotonicNanoseconds() + nanoseconds
        while let moment = alarm.moment, moment <= end {
            clock.advance(max(moment, clock.monotonicNanoseconds()) - clock.monotonicNanoseconds())
            alarm.set(nil)
            hpet.alarmFired()
        }
        clock.advance(end - clock.monotonicNanoseconds())
    }

    @Test func `it says what it is, and its counter counts 10 nanoseconds while it is on`() {
        let identity = read(0)
        #expect(identity >> 32 == 10_000_000 && identity & 0xFF == 1 && identity >> 8 & 0x1F == 2, "femtoseconds, revision, three timers")
        #expect(identity >> 13 & 1 == 1 && identity >> 15 & 1 == 1, "64 bits; can replace the old timers")
        for timer in 0..<3 as Range<UInt64> {
            let configuration = read(0x100 + 0x20 * timer)
            #expect(configuration & 0xC030 == 0x30 && configuration >> 32 == 0xFF_0000, "periodic, 64 bits, no messages, pins 16 to 23")
        }
        pass(1000)
        #expect(counter == 0)
        write(0x10, 1)
        pass(1009)
        #expect(counter == 100)
        write(0x10, 0)
        pass(5000)
        #expect(counter == 100)
        write(0xF0, 0x1_FFFF_FFFF)
        write(0x10, 1)
        pass(10)
        #expect(hpet.read(offset: 0xF4, width: .four) == 2 && hpet.read(offset: 0xF0, width: .four) & 0xFFFF_FFFF == 0)
        hpet.write(offset: 0xF4, width: .four, value: 7)
        #expect(counter == 7 << 32)
    }

    @Test func `a long time leaves no drift, however often it is looked at`() {
        write(0x10, 1)
        for _ in 0..<1000 {
            clock.advance(1_000_003)
            _ = counter
        }
        #expect(counter == 1000 * 1_000_003 / 10)
    }

    @Test func `one shot comes once, at its time and not before`() {
        write(0x10, 1)
        configure(0, Self.enabled)
        compare(0, 1000)
        pass(9_999)
        #expect(lines[16].edges == 0)
        pass(1)
        #expect(lines[16].edges == 1 && !lines[16].level)
        pass(1_000_000_000)
        #expect(lines[16].edges == 1 && alarm.moment == nil)
        // What has passed while the guest was writing it is now; what is switched off is not at all.
        compare(0, counter - 50)
        #expect(lines[16].edges == 2)
        configure(0, 0)
        compare(0, counter + 10)
        pass(1000)
        #expect(lines[16].edges == 2 && alarm.moment == nil)
    }

    @Test func `32 bits come round`() {
        write(0xF0, 0xFFFF_FF00)
        write(0x10, 1)
        configure(1, Self.enabled | Self.short, line: 20)
        compare(1, 0x10)
        #expect(read(0x128) == 0x10)
        pass(0x10F * 10)
        #expect(lines[20].edges == 0)
        pass(10)
        #expect(lines[20].edges == 1)
        pass((1 << 32) * 10)
        #expect(lines[20].edges == 2)
        // More than half a round ahead is ahead all the same.
        let ahead: UInt64 = 0xC000_0000
        compare(1, (counter + ahead) & 0xFFFF_FFFF)
        pass(ahead * 10 - 10)
        #expect(lines[20].edges == 2)
        pass(10)
        #expect(lines[20].edges == 3)
    }

    @Test func `periods keep their place in the row though each is seen late`() {
        write(0x10, 1)
        configure(0, Self.enabled | Self.periodic | Self.setsValue)
        // As Linux does it: the first moment, then the time between two.
        compare(0, 100_000)
        compare(0, 25_000)
        #expect(read(0x108) == 100_000)
        pass(1_000_000)
        #expect(lines[16].edges == 1 && read(0x108) == 125_000)
        for _ in 0..<100 {
            clock.advance(((alarm.moment ?? 0) - clock.monotonicNanoseconds()) + 77_777)
            alarm.set(nil)
            hpet.alarmFired()
        }
        #expect(lines[16].edges == 101 && read(0x108) == 125_000 + 100 * 25_000)
        // A long sleep is one event, and the next has its old place.
        clock.advance(1_000_000_003)
        hpet.alarmFired()
        #expect(lines[16].edges == 102 && read(0x108) % 25_000 == 0 && read(0x108) > counter && read(0x108) - counter <= 25_000)
        // One write with the bit set is both.
        configure(0, Self.enabled | Self.periodic | Self.setsValue | Self.short)
        let begin = counter
        hpet.write(offset: 0x108, width: .four, value: begin & 0xFFFF_FFFF)
        #expect(lines[16].edges == 103 && read(0x108) == 2 * begin)
    }

    @Test func `a level waits to be cleared`() {
        write(0x10, 1)
        configure(2, Self.enabled | Self.level, line: 23)
        compare(2, 100)
        pass(1000)
        #expect(lines[23].level && read(0x20) == 4)
        write(0x20, 3)
        #expect(lines[23].level)
        write(0x10, 0)
        #expect(!lines[23].level, "nothing interrupts while it is off")
        write(0x10, 1)
        #expect(lines[23].level)
        write(0x20, 4)
        #expect(!lines[23].level && read(0x20) == 0)
        // Two on one line: it stays up until both are done.
        configure(1, Self.enabled | Self.level, line: 23)
        compare(1, counter)
        compare(2, counter)
        write(0x20, 2)
        #expect(lines[23].level)
        write(0x20, 4)
        #expect(!lines[23].level)
    }

    @Test func `the old timers are replaced and get their place back`() {
        write(0x10, 3)
        #expect(replaced.values == [true] && read(0x10) == 3)
        for timer in 0..<2 as Range<UInt64> {
            configure(timer, Self.enabled)
            compare(timer, counter)
        }
        #expect(lines[0].edges == 1 && lines[8].edges == 1 && lines[16].edges == 0)
        write(0x10, 3)
        write(0x10, 1)
        #expect(replaced.values == [true, false])
        // A line that it cannot use is not taken.
        configure(0, Self.enabled, line: 5)
        #expect(read(0x100) >> 9 & 0x1F == 16)
    }

    @Test func `an hour of the shortest period costs what the longest allowed rate costs`() {
        write(0x10, 1)
        configure(0, Self.enabled | Self.periodic | Self.setsValue)
        compare(0, 1)
        compare(0, 1)
        pass(1_000_000_000)
        #expect((19_000...20_001).contains(lines[16].edges))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `H44 whatever is written nothing breaks, and time goes on`(seed: UInt64) {
        var random = Seeded(seed: seed)
        for _ in 0..<50_000 {
            let offset = UInt64.random(in: 0..<0x180, using: &random)
            let value = RandomPokeTests.value(&random)
            let width = AccessWidth.allCases.randomElement(using: &random) ?? .one
            switch Int.random(in: 0..<4, using: &random) {
            case 0: hpet.write(offset: offset & ~3, width: .four, value: value & 0xFFFF_FFFF)
            case 1: hpet.write(offset: offset & ~7, width: .eight, value: value)
            case 2: hpet.write(offset: offset, width: width, value: value & width.allOnes)
            default: _ = hpet.read(offset: offset, width: width)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                clock.advance(UInt64.random(in: 0..<1_000_000_000_000, using: &random))
                hpet.alarmFired()
            }
        }
        for line in [1, 5, 15] { #expect(lines[line].edges == 0) }
        write(0x10, 0)
        write(0xF0, 0)
        write(0x20, 7)
        for timer in 0..<3 as Range<UInt64> { configure(timer, 0) }
        configure(1, Self.enabled, line: 22)
        compare(1, 10)
        let before = lines[22].edges
        write(0x10, 1)
        pass(100)
        #expect(lines[22].edges == before + 1 && counter == 10)
    }

    @Test func `a line taken from its device hears of it later`() {
        let line = RecordingLine()
        let switched = SwitchedLine(line)
        switched.setLevel(true)
        #expect(line.level)
        switched.connect(false)
        #expect(!line.level)
        switched.setLevel(false)
        switched.setLevel(true)
        #expect(!line.level && line.edges == 1)
        switched.connect(true)
        #expect(line.level)
    }
}
