import Devices
import Synchronization

/// Remembers its level and counts rising edges.
final class RecordingLine: InterruptLine {
    private let state = Mutex((level: false, edges: 0))

    var level: Bool { state.withLock { $0.level } }
    var edges: Int { state.withLock { $0.edges } }

    func setLevel(_ asserted: Bool) {
        state.withLock { state in
            if asserted, !state.level { state.edges += 1 }
            state.level = asserted
        }
    }
}

/// Remembers what was sent and routed.
final class RecordingSink: MSISink {
    private let state = Mutex((sent: [(vector: Int, message: MSIMessage)](), routes: 0))

    var sent: [Int] { state.withLock { $0.sent.map(\.vector) } }
    var messages: [MSIMessage] { state.withLock { $0.sent.map(\.message) } }
    var routes: Int { state.withLock { $0.routes } }

    func route(vector: Int, to message: MSIMessage) { state.withLock { $0.routes += 1 } }
    func send(vector: Int, message: MSIMessage) { state.withLock { $0.sent.append((vector, message)) } }
}

/// Remembers which doorbells are where and how often each queue rang.
final class RecordingDoorbells: Doorbells {
    private let state = Mutex((armed: [UInt64: Int](), rings: [Int: Int]()))

    var armed: [UInt64: Int] { state.withLock { $0.armed } }
    func rings(_ queue: Int) -> Int { state.withLock { $0.rings[queue] ?? 0 } }

    func arm(queue: Int, at address: UInt64) { state.withLock { $0.armed[address] = queue } }
    func disarm(queue: Int, at address: UInt64) { state.withLock { $0.armed[address] = nil } }
    func ring(queue: Int) { state.withLock { $0.rings[queue, default: 0] += 1 } }
}

/// Time that moves only when a test moves it.
final class ManualClock: MachineClock {
    private let state = Mutex((monotonic: UInt64(5_000_000_000), wall: UInt64(0)))

    /// - Parameter wall: seconds since 1970.
    init(wall: UInt64 = 1_700_000_000) {
        state.withLock { $0.wall = wall * 1_000_000_000 }
    }

    func advance(_ nanoseconds: UInt64) {
        state.withLock { state in
            state.monotonic += nanoseconds
            state.wall += nanoseconds
        }
    }

    func monotonicNanoseconds() -> UInt64 { state.withLock { $0.monotonic } }
    func wallNanoseconds() -> UInt64 { state.withLock { $0.wall } }
}

/// Remembers the moment it was last set to.
final class RecordingAlarm: Alarm {
    private let state = Mutex<UInt64?>(nil)
    var moment: UInt64? { state.withLock { $0 } }
    func set(_ monotonicNanoseconds: UInt64?) { state.withLock { $0 = monotonicNanoseconds } }
}

/// Remembers what a guest asked of its machine.
final class RecordingMachine: MachineControl {
    private let state = Mutex((resets: [ResetCause](), offs: 0, exits: [UInt32]()))

    var resets: [ResetCause] { state.withLock { $0.resets } }
    var powerOffs: Int { state.withLock { $0.offs } }
    var exits: [UInt32] { state.withLock { $0.exits } }

    func reset(_ cause: ResetCause) { state.withLock { $0.resets.append(cause) } }
    func powerOff() { state.withLock { $0.offs += 1 } }
    func debugExit(_ value: UInt32) { state.withLock { $0.exits.append(value) } }
}

/// Keeps what it is given, up to `room` bytes.
final class CollectingSink: ByteSink {
    private let state: Mutex<(bytes: [UInt8], room: Int)>

    init(room: Int = .max) {
        state = Mutex(([], room))
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    func makeRoom(_ count: Int) { state.withLock { $0.room += count } }

    func write(_ bytes: RawSpan) -> Int {
        state.withLock { state in
            let count = min(bytes.byteCount, state.room)
            for index in 0..<count { unsafe state.bytes.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
            state.room -= count
            return count
        }
    }
}

final class CountingGate: InputGate {
    private let state = Mutex(0)
    var count: Int { state.withLock { $0 } }
    func roomForInput() { state.withLock { $0 += 1 } }
}

/// Random bytes that are always 0xA5, as many as allowed.
final class FixedEntropy: EntropySource {
    let limit: Int

    init(limit: Int = .max) {
        self.limit = limit
    }

    func fill(_ bytes: inout MutableRawSpan) -> Int {
        let count = min(limit, bytes.byteCount)
        for index in 0..<count { bytes.storeBytes(of: 0xA5, toByteOffset: index, as: UInt8.self) }
        return count
    }
}

/// A disk in memory that can be told to fail.
final class MemoryStorage: BlockStorage {
    struct State {
        var bytes: [UInt8]
        var failure: StorageError?
        var flushes = 0
        var discards: [Range<UInt64>] = []
        var reads = 0
        var writes = 0
    }
    let byteCount: UInt64
    let isReadOnly: Bool
    let canDiscard: Bool
    let state: Mutex<State>

    init(sectors: Int, isReadOnly: Bool = false, canDiscard: Bool = true) {
        byteCount = UInt64(sectors * 512)
        self.isReadOnly = isReadOnly
        self.canDiscard = canDiscard
        state = Mutex(State(bytes: (0..<sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 + 1) }))
    }

    func fail(_ error: StorageError?) { state.withLock { $0.failure = error } }
    var content: [UInt8] { state.withLock { $0.bytes } }

    private func use(_ state: inout State) throws(StorageError) {
        if let failure = state.failure { throw failure }
    }

    func read(at offset: UInt64, into ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try use(&state)
            state.reads += 1
            var place = Int(offset)
            for index in unsafe ranges.indices {
                let count = unsafe ranges[index].count
                unsafe ranges[index].copyBytes(from: state.bytes[place..<(place + count)])
                place += count
            }
        }
    }

    func write(at offset: UInt64, from ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try use(&state)
            precondition(!isReadOnly, "a device wrote to a read-only disk")
            state.writes += 1
            var place = Int(offset)
            for index in unsafe ranges.indices {
                let piece = unsafe [UInt8](ranges[index])
                state.bytes.replaceSubrange(place..<(place + piece.count), with: piece)
                place += piece.count
            }
        }
    }

    func flush() throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try use(&state)
            state.flushes += 1
        }
    }

    func discard(at offset: UInt64, count: UInt64) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try use(&state)
            state.discards.append(offset..<(offset + count))
        }
    }

    func writeZeroes(at offset: UInt64, count: UInt64, mayFree: Bool) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try use(&state)
            for index in Int(offset)..<Int(offset + count) { state.bytes[index] = 0 }
        }
    }
}

/// Takes everything and only counts.
final class CountingSink: ByteSink {
    private let state = Mutex(0)
    var count: Int { state.withLock { $0 } }

    func write(_ bytes: RawSpan) -> Int {
        let count = bytes.byteCount
        state.withLock { $0 += count }
        return count
    }
}
