internal import Devices
internal import Host
internal import Synchronization

// The board's wires into KVM: interrupt lines, message-signalled interrupts, doorbells.

/// A line of the in-kernel interrupt controllers.
struct KVMLine: InterruptLine {
    let machine: VirtualMachine
    let number: UInt32

    func setLevel(_ asserted: Bool) {
        // It fails only for lines that do not exist, and there are no such lines here.
        try? machine.setLine(number, asserted)
    }
}

/// All message-signalled interrupts of a machine: one event descriptor and one entry of the routing table for each vector that a guest has set up.
final class MessageInterrupts: Sendable {
    /// The first sources belong to the lines.
    private static let firstSource: UInt32 = 24

    private struct State {
        var next = MessageInterrupts.firstSource
        var routes: [UInt32: MessageRoute] = [:]
    }

    private let machine: VirtualMachine
    private let state = Mutex(State())
    /// Told when the kernel refuses a route.
    private let trouble: @Sendable (String) -> Void

    init(_ machine: VirtualMachine, trouble: @escaping @Sendable (String) -> Void) {
        self.machine = machine
        self.trouble = trouble
    }

    /// The vectors of one function.
    func sink(vectors: Int) -> any MSISink {
        let first = state.withLock { state in
            defer { state.next += UInt32(vectors) }
            return state.next
        }
        return Sink(owner: self, first: first, count: vectors)
    }

    private func route(_ source: UInt32, to message: MSIMessage) {
        do throws(KVMError) {
            // The table goes to the kernel inside the lock, so that an older one never replaces a newer.
            try state.withLock { (state) throws(KVMError) in
                state.routes[source] = MessageRoute(source: source, address: message.address, data: message.data)
                try machine.setRoutes(messages: state.routes.values.sorted { $0.source < $1.source })
            }
        } catch {
            trouble("\(error)")
        }
    }

    private final class Sink: MSISink {
        private let owner: MessageInterrupts
        private let first: UInt32
        private let count: Int
        /// One for each vector, made when it is first routed.
        private let events: Mutex<[EventCounter?]>

        init(owner: MessageInterrupts, first: UInt32, count: Int) {
            self.owner = owner
            self.first = first
            self.count = count
            events = Mutex(Array(repeating: nil, count: count))
        }

        func route(vector: Int, to message: MSIMessage) {
            guard vector >= 0, vector < count else { return }
            let source = first + UInt32(vector)
            owner.route(source, to: message)
            events.withLock { events in
                guard events[vector] == nil else { return }
                do {
                    let event = try EventCounter(isBlocking: false)
                    try event.descriptor.with { (descriptor) throws(KVMError) in
                        try owner.machine.attachInterrupt(descriptor, source: source)
                    }
                    events[vector] = event
                } catch {
                    owner.trouble("\(error)")
                }
            }
        }

        func send(vector: Int, message: MSIMessage) {
            guard vector >= 0, vector < count else { return }
            events.withLock { $0[vector] }?.signal()
        }
    }
}

/// The doorbells of one device: all its queues ring the same event descriptor, which its worker waits for.
///
/// While a queue's doorbell is armed the guest's write wakes the worker without leaving the guest.
struct DeviceBell: Doorbells {
    let machine: VirtualMachine
    let event: EventCounter

    func arm(queue: Int, at address: UInt64) {
        // Where the kernel refuses, the write arrives as an ordinary access and rings all the same.
        event.descriptor.with { try? machine.attachDoorbell($0, address: address) }
    }

    func disarm(queue: Int, at address: UInt64) {
        event.descriptor.with { try? machine.detachDoorbell($0, address: address) }
    }

    func ring(queue: Int) { event.signal() }
}
