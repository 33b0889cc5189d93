import CPU

/// A modern virtio device on PCI: the four windows that its capabilities describe, its status, its features (virtio 1.2, 4.1).
final class Transport {
    let function: Function
    let interrupts: Interrupts
    private(set) var features: UInt64 = 0
    /// The device's own configuration.
    let config: Window

    private let common: Window
    private let notify: Window
    private let notifyMultiplier: UInt32
    private let isr: Window
    private let messages: MessageTable?
    private let messageVector: UInt8
    /// A vector of its own for changes of the configuration, so that seeing one costs no access to the device.
    private let changeVector: UInt8?
    private var changesSeen: UInt64 = 0
    private var hasChanged = false

    static let vendor: UInt16 = 0x1AF4

    enum Feature {
        static let eventIndex: UInt64 = 1 << 29
        static let version1: UInt64 = 1 << 32
    }

    private enum Status {
        static let acknowledge: UInt8 = 1
        static let driver: UInt8 = 2
        static let driverOK: UInt8 = 4
        static let featuresOK: UInt8 = 8
        static let needsReset: UInt8 = 64
        static let failed: UInt8 = 128
    }

    private enum Common {
        static let deviceFeatureSelect: UInt32 = 0x00
        static let deviceFeature: UInt32 = 0x04
        static let driverFeatureSelect: UInt32 = 0x08
        static let driverFeature: UInt32 = 0x0C
        static let configVector: UInt32 = 0x10
        static let status: UInt32 = 0x14
        static let queueSelect: UInt32 = 0x16
        static let queueSize: UInt32 = 0x18
        static let queueVector: UInt32 = 0x1A
        static let queueEnable: UInt32 = 0x1C
        static let queueNotifyOffset: UInt32 = 0x1E
        static let queueDescriptors: UInt32 = 0x20
        static let queueDriver: UInt32 = 0x28
        static let queueDevice: UInt32 = 0x30
        static let size: UInt32 = 0x38
    }

    /// Finds the windows, resets the device and settles the features: those of `wanted` that it has, and VERSION_1.
    /// - Parameter tellsChanges: whether its driver wants to know when its configuration changes.
    init(_ function: Function, wanted: UInt64, interrupts: Interrupts, tellsChanges: Bool = false) throws(Fault) {
        self.function = function
        var windows = InlineArray<5, Window?>(repeating: nil)
        var multiplier: UInt32 = 0
        var table: MessageTable?
        for capability in function.capabilities() {
            if capability.identity == MessageTable.capability { table = try MessageTable(of: function, at: capability.register) }
            guard capability.identity == 0x09 else { continue }
            let type = Int(function.read(capability.register) >> 24)
            guard (1...4).contains(type), windows[type] == nil else { continue }
            windows[type] = try Window(of: function, at: capability.register)
            if type == 2 { multiplier = function.read(capability.register &+ 16) }
        }
        guard let common = windows[1], let notify = windows[2], let isr = windows[3] else { throw .noSuchDevice("modern virtio") }
        guard common.length >= Common.size else { throw .deviceRefused("its common configuration") }
        self.common = common
        self.notify = notify
        self.isr = isr
        config = windows[4] ?? Window(address: 0, length: 0)
        notifyMultiplier = multiplier
        let vector = table == nil ? nil : interrupts.newMessageVector()
        messages = vector == nil ? nil : table
        messageVector = vector ?? Interrupts.Vector.line
        let hasTwo = vector != nil && table.map { $0.entries >= 2 } ?? false
        changeVector = tellsChanges && hasTwo ? interrupts.newMessageVector() : nil
        if let changeVector { changesSeen = interrupts.count(of: changeVector) }
        self.interrupts = interrupts
        function.enable(lineInterrupt: messages == nil && interrupts.mode != .polled)
        prepareInterrupt()
        try negotiate(wanted | Feature.version1)
    }

    /// One vector for all of a device: its driver looks at every queue anyway. Without MSI-X, its INTx pin.
    private func prepareInterrupt() {
        if let messages {
            messages.set(0, vector: messageVector)
            if let changeVector { messages.set(1, vector: changeVector) }
            messages.enable()
        } else if interrupts.mode != .polled, function.interruptLine < 24 {
            let line = ACPI.InterruptLine(number: UInt32(function.interruptLine), isLevel: true, isActiveLow: true)
            interrupts.route(line, to: Interrupts.Vector.line)
        }
    }

    private func negotiate(_ wanted: UInt64) throws(Fault) {
        reset()
        common.write8(Common.status, Status.acknowledge | Status.driver)
        common.write32(Common.deviceFeatureSelect, 0)
        let low = common.read32(Common.deviceFeature)
        common.write32(Common.deviceFeatureSelect, 1)
        let offered = UInt64(common.read32(Common.deviceFeature)) << 32 | UInt64(low)
        features = offered & wanted
        for half in 0...1 as ClosedRange<UInt32> {
            common.write32(Common.driverFeatureSelect, half)
            common.write32(Common.driverFeature, UInt32(truncatingIfNeeded: features >> (half &* 32)))
        }
        common.write8(Common.status, Status.acknowledge | Status.driver | Status.featuresOK)
        guard common.read8(Common.status) & Status.featuresOK != 0 else {
            common.write8(Common.status, Status.failed)
            throw .deviceRefused("our features")
        }
        if messages != nil {
            let entry: UInt16 = changeVector == nil ? 0 : 1
            common.write16(Common.configVector, entry)
            guard common.read16(Common.configVector) == entry else { throw .deviceRefused("an interrupt vector") }
        }
    }

    /// Makes queue `index` of at most `limit` entries and gives it to the device.
    func queue(_ index: UInt16, limit: UInt16) throws(Fault) -> Virtqueue {
        common.write16(Common.queueSelect, index)
        let size = min(common.read16(Common.queueSize), limit)
        guard size != 0 else { throw .deviceRefused("a queue") }
        let doorbell = UInt64(common.read16(Common.queueNotifyOffset)) &* UInt64(notifyMultiplier)
        guard doorbell &+ 2 <= UInt64(notify.length) else { throw .deviceRefused("a doorbell") }
        let queue = try Virtqueue(index: index, size: size, doorbell: notify.address &+ doorbell, usesEvents: has(Feature.eventIndex))
        common.write16(Common.queueSize, size)
        common.write64(Common.queueDescriptors, queue.descriptors)
        common.write64(Common.queueDriver, queue.available)
        common.write64(Common.queueDevice, queue.used)
        if messages != nil {
            common.write16(Common.queueVector, 0)
            guard common.read16(Common.queueVector) == 0 else { throw .deviceRefused("an interrupt vector") }
        }
        common.write16(Common.queueEnable, 1)
        return queue
    }

    /// Afterwards the device touches no memory any more.
    func reset() {
        common.write8(Common.status, 0)
        while common.read8(Common.status) != 0 { pause_spin() }
    }

    /// From here on the device may use its queues.
    func start() {
        common.write8(Common.status, common.read8(Common.status) | Status.driverOK)
    }

    func has(_ feature: UInt64) -> Bool { features & feature != 0 }

    var needsReset: Bool { common.read8(Common.status) & Status.needsReset != 0 }

    /// What the interrupt is told by, for the list of devices.
    var interruptName: StaticString {
        if messages != nil { return "MSI-X" }
        return interrupts.mode == .polled ? "polled" : "INTx"
    }

    /// Sleeps until the device, or another one, said something. Reading the ISR register lets go of a shared INTx pin.
    func wait() {
        interrupts.wait()
        quiet()
    }

    func quiet() {
        if messages == nil, isr.read8(0) & 2 != 0 { hasChanged = true }
    }

    /// Whether the device's configuration changed since the last time somebody asked.
    func takeChange() -> Bool {
        if let changeVector {
            let count = interrupts.count(of: changeVector)
            hasChanged = hasChanged || count != changesSeen
            changesSeen = count
        }
        defer { hasChanged = false }
        return hasChanged
    }
}
