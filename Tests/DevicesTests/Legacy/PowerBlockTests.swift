import Devices
import Testing

@Suite struct PowerBlockTests {
    private let clock = ManualClock()
    private let line = RecordingLine()
    private let alarm = RecordingAlarm()
    private let machine = RecordingMachine()
    private let block: PowerBlock

    init() {
        block = PowerBlock(clock: clock, line: line, machine: machine, alarm: alarm)
    }

    private var timer: UInt64 { block.read(offset: 8, width: .four) }

    @Test func `the timer counts 3579545 times a second in 32 bits`() {
        #expect(timer == 0)
        clock.advance(1_000_000_000)
        #expect((3_579_544...3_579_545).contains(timer))
        clock.advance(999_000_000_000)
        #expect((3_579_544_999...3_579_545_000).contains(timer))
        clock.advance(1_000_000_000_000)
        #expect(timer <= 7_159_090_000 % (1 << 32))
        #expect(timer >= 7_159_090_000 % (1 << 32) - 1)
        // By other widths it is the same number.
        #expect(block.read(offset: 8, width: .two) == timer & 0xFFFF)
        #expect(block.read(offset: 0x0A, width: .two) == timer >> 16)
        #expect(block.read(offset: 8, width: .eight) & 0xFFFF_FFFF == timer)
    }

    @Test func `the power button interrupts until it is acknowledged`() {
        #expect(!block.pressPowerButton(), "nobody has switched it on")
        #expect(!line.level)
        #expect(block.read(offset: 0, width: .two) == 0x0100)
        block.write(offset: 2, width: .two, value: 0x0120)
        #expect(line.level)
        block.write(offset: 0, width: .two, value: 0x0001)
        #expect(line.level)
        block.write(offset: 0, width: .two, value: 0x0100)
        #expect(!line.level)
        #expect(block.read(offset: 0, width: .four) == 0x0120_0000)
    }

    @Test func `soft off needs the right sleep type and the enable bit, in any width`() {
        block.write(offset: 4, width: .two, value: 0)
        block.write(offset: 4, width: .two, value: 5 << 10 | 1 << 13)
        block.write(offset: 4, width: .two, value: 3 << 10 | 1 << 13)
        #expect(machine.powerOffs == 0)
        // As firmware writes that knows the chip: first the type, then the bit.
        block.write(offset: 4, width: .two, value: 1)
        block.write(offset: 4, width: .two, value: 1 << 13 | 1)
        #expect(machine.powerOffs == 1)
        block.write(offset: 5, width: .one, value: 0x20)
        #expect(machine.powerOffs == 2)
        block.write(offset: 4, width: .four, value: 0x2000)
        #expect(machine.powerOffs == 3)
        // The enable bit is never read back, and ACPI mode cannot be left.
        block.write(offset: 4, width: .two, value: 5 << 10 | 1 << 13)
        #expect(block.read(offset: 4, width: .two) == 5 << 10 | 1)
    }

    @Test func `the sleep control tells the same time, and one word of it switches off`() {
        let ports = SleepControl(timer: block, machine: machine)
        clock.advance(1_000_000_000)
        #expect(ports.read(offset: 8, width: .four) == timer && timer > 0)
        #expect(ports.read(offset: 10, width: .two) == timer >> 16)
        for width in [AccessWidth.one, .two, .four, .eight] { #expect(ports.read(offset: 0, width: width) == 0) }
        for value: UInt64 in 0...255 where value & 0x3C != 0x34 { ports.write(offset: 0, width: .one, value: value) }
        for offset: UInt64 in 1..<12 { ports.write(offset: offset, width: .one, value: 0x34) }
        #expect(machine.powerOffs == 0 && block.read(offset: 0, width: .eight) == 1 << 32)
        ports.write(offset: 0, width: .one, value: 0x34)
        #expect(machine.powerOffs == 1)
    }

    @Test func `the timer's carry is noticed, and timed only when wanted`() {
        #expect(alarm.moment == nil)
        block.write(offset: 2, width: .two, value: 1)
        let carry = alarm.moment ?? 0
        let half: UInt64 = (1 << 31) * 1_000_000_000 / 3_579_545
        #expect(carry - clock.monotonicNanoseconds() >= half && carry - clock.monotonicNanoseconds() <= half + 4)
        clock.advance(carry - clock.monotonicNanoseconds())
        alarm.set(nil)
        block.alarmFired()
        #expect(line.level)
        #expect(alarm.moment == nil)
        block.write(offset: 0, width: .two, value: 1)
        #expect(!line.level)
        #expect(alarm.moment != nil)
    }

    @Test func `general purpose events are stored and never happen`() {
        block.write(offset: 0x0C, width: .four, value: 0xFFFF_FFFF)
        #expect(block.read(offset: 0x0C, width: .four) == 0xFFFF_0000)
        #expect(!line.level)
        #expect(block.read(offset: 0x10, width: .four) == 0)
        #expect(block.read(offset: 0x3C, width: .eight) == 0)
    }

    @Test func `a reset clears events and keeps the timer running`() {
        clock.advance(1_000_000)
        block.write(offset: 2, width: .two, value: 0x0100)
        #expect(block.pressPowerButton())
        block.reset()
        #expect(!line.level)
        #expect(block.read(offset: 0, width: .four) == 0)
        #expect(timer > 3500)
    }
}
