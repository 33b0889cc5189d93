/// The output of one stream: records that wait to be written, bounded.
///
/// First come those that were copied here (`backlog`), then one run of records that still lie side by side in the gulp that is
/// being forwarded (`run`): whatever goes to one place in one piece is never copied. The run must be settled or written before its
/// gulp's buffer changes.
package struct RecordQueue: Sendable {
    private var copied: [UInt8] = []
    private var head = 0
    package private(set) var run = 0..<0
    /// The stream takes nothing at the moment: whoever writes is told when it does again.
    package var isBlocked = false

    package init() {}

    package var count: Int { copied.count - head + run.count }
    package var isEmpty: Bool { count == 0 }

    package var backlog: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { copied.span.extracting(head...) }
    }

    /// Adds a record by naming its place in the gulp; false if there is no room.
    @inline(__always)
    package mutating func add(_ record: Range<Int>, of gulp: Span<UInt8>) -> Bool {
        guard count + record.count <= Limits.queueBytes else { return false }
        if record.lowerBound == run.upperBound, !run.isEmpty {
            run = run.lowerBound..<record.upperBound
        } else {
            settle(gulp)
            run = record
        }
        return true
    }

    /// Adds a copy of bytes that lie elsewhere; false if there is no room.
    package mutating func append(_ bytes: Span<UInt8>, after gulp: Span<UInt8>) -> Bool {
        guard count + bytes.count <= Limits.queueBytes else { return false }
        settle(gulp)
        copy(bytes)
        return true
    }

    /// Adds a mark, for which there is always room: it comes twice for each taking up, and without it nothing else is read.
    mutating func append(mark: Span<UInt8>) {
        settle(Span())
        copy(mark)
    }

    /// Copies the run, so that its gulp may go.
    package mutating func settle(_ gulp: Span<UInt8>) {
        guard !run.isEmpty else { return }
        copy(gulp.extracting(run))
        run = 0..<0
    }

    /// So many bytes were written.
    package mutating func wrote(_ count: Int) {
        let fromBacklog = min(max(count, 0), copied.count - head)
        head += fromBacklog
        if head == copied.count {
            copied.removeAll(keepingCapacity: true)
            head = 0
        }
        let fromRun = min(max(count, 0) - fromBacklog, run.count)
        run = (run.lowerBound + fromRun)..<run.upperBound
        if run.isEmpty { run = 0..<0 }
    }

    package mutating func removeAll() {
        copied = []
        head = 0
        run = 0..<0
        isBlocked = false
    }

    private mutating func copy(_ bytes: Span<UInt8>) {
        if head > Limits.queueBytes / 2 {
            copied.removeFirst(head)
            head = 0
        }
        // Safe because the buffer is the span's own, and is copied here.
        unsafe bytes.withUnsafeBufferPointer { unsafe copied.append(contentsOf: $0) }
    }
}
