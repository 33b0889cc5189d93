import Synchronization

/// Port 0x402: bytes written come out, a read of 0xE9 says that somebody listens. Attach 1 port at `AddressMap.debugConsole`.
package final class DebugConsole: ByteBusDevice {
    private let sink: any ByteSink

    package init(sink: any ByteSink) {
        self.sink = sink
    }

    package func readByte(offset: UInt64) -> UInt8 { 0xE9 }

    package func writeByte(offset: UInt64, value: UInt8) {
        let byte: InlineArray<1, UInt8> = [value]
        // Safe because a byte is a byte.
        _ = unsafe sink.write(byte.span.bytes)
    }
}

/// Port 0xF4: a test guest ends its machine with a number. Attach 4 ports at `AddressMap.debugExit`, only where that is wanted.
package final class DebugExit: BusDevice {
    private let machine: any MachineControl

    package init(machine: any MachineControl) {
        self.machine = machine
    }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 { 0 }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        if offset == 0 { machine.debugExit(UInt32(truncatingIfNeeded: value)) }
    }
}

/// Port 0x92: bit 0 resets the machine when it rises, bit 1 is the A20 gate, which stays open whatever it says. Attach 1 port at `AddressMap.systemControl`.
package final class SystemControl: ByteBusDevice, ResettableDevice {
    private let machine: any MachineControl
    private let value = Mutex<UInt8>(0x02)

    package init(machine: any MachineControl) {
        self.machine = machine
    }

    package func readByte(offset: UInt64) -> UInt8 { value.withLock { $0 } }

    package func writeByte(offset: UInt64, value: UInt8) {
        let rises = self.value.withLock { old in
            defer { old = value & 0x03 }
            return value & 1 != 0 && old & 1 == 0
        }
        if rises { machine.reset(.port92) }
    }

    package func reset() {
        value.withLock { $0 = 0x02 }
    }
}
