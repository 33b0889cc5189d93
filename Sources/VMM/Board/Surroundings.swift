internal import CLinux
internal import Devices
internal import Glibc
internal import Host

// The world as this program gives it to devices: clocks, randomness, storage, timers, room for input.

struct SystemClock: MachineClock {
    func monotonicNanoseconds() -> UInt64 { EventLoop.now() }

    func wallNanoseconds() -> UInt64 {
        var time = timespec()
        // Safe because the structure outlives the call.
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }
}

struct KernelEntropy: EntropySource {
    func fill(_ bytes: inout MutableRawSpan) -> Int {
        // Safe because the kernel writes at most the span's bytes, inside the call.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe getrandom($0.baseAddress, $0.count, 0) }
        return max(0, count)
    }
}

struct LoopAlarm: Alarm {
    let timer: TimerDescriptor

    func set(_ monotonicNanoseconds: UInt64?) { timer.set(monotonicNanoseconds) }
}

/// Tells the loop's thread that a device has room for input again.
struct CounterGate: InputGate {
    let counter: EventCounter

    func roomForInput() { counter.signal() }
}

struct NowhereSink: ByteSink {
    func write(_ bytes: RawSpan) -> Int { bytes.byteCount }
}

/// A disk of the host as a block device wants it.
struct DiskStorage: BlockStorage {
    let disk: any Disk

    var byteCount: UInt64 { disk.byteCount }
    var isReadOnly: Bool { disk.isReadOnly }
    var canDiscard: Bool { disk.canDiscard }

    func read(at offset: UInt64, into ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {
        do throws(DiskError) { try unsafe disk.read(at: offset, into: ranges) } catch { throw StorageError(error) }
    }

    func write(at offset: UInt64, from ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {
        do throws(DiskError) { try unsafe disk.write(at: offset, from: ranges) } catch { throw StorageError(error) }
    }

    func flush() throws(StorageError) {
        do throws(DiskError) { try disk.flush() } catch { throw StorageError(error) }
    }

    func discard(at offset: UInt64, count: UInt64) throws(StorageError) {
        do throws(DiskError) { try disk.discard(at: offset, count: count) } catch { throw StorageError(error) }
    }

    func writeZeroes(at offset: UInt64, count: UInt64, mayFree: Bool) throws(StorageError) {
        do throws(DiskError) { try disk.writeZeros(at: offset, count: count) } catch { throw StorageError(error) }
    }
}

extension StorageError {
    init(_ error: DiskError) {
        switch error {
        case .system(let error): self = .failed(errno: error.code.rawValue)
        case .truncated: self = .truncated
        case .readOnly, .delta: self = .unsupported
        }
    }

    /// For the line that reports it.
    var reason: String {
        switch self {
        // Safe because strerror returns a string of the C library, which is copied at once.
        case .failed(let number): unsafe String(cString: strerror(number))
        case .truncated: "the file is shorter than the disk"
        case .unsupported: "the request is not supported"
        }
    }
}
