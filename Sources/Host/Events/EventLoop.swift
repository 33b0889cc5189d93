internal import CLinux
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// One thread's wait for descriptors, timers, signals and calls from other threads (epoll).
///
/// Everything but `post` and `stop` belongs to the thread that runs the loop. Handlers run there, one at a time. The loop
/// does not own the descriptors it watches: `remove` one before closing it.
package final class EventLoop {
    private let poll: Descriptor
    private let wakeup: Descriptor
    private var watches: [CInt: Watch] = [:]
    private var timers: [Timer] = []
    private var nextIdentity: UInt64 = 1
    private let shared: SharedState

    /// What other threads may touch.
    fileprivate final class SharedState: Sendable {
        let posted = Mutex<[@Sendable () -> Void]>([])
        let stopped = Atomic<Bool>(false)
        let wakeup: CInt

        init(wakeup: CInt) { self.wakeup = wakeup }
    }

    private struct Watch {
        var identity: UInt64
        var interest: Interest
        var handler: (Readiness) -> Void
    }

    private struct Timer {
        var identity: UInt64
        var deadline: UInt64
        var handler: () -> Void
    }

    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: 1)
        package static let write = Interest(rawValue: 2)
    }

    /// What a descriptor is ready for; `hangup` also when the peer is gone or the descriptor is in error.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Readiness(rawValue: 1)
        package static let write = Readiness(rawValue: 2)
        package static let hangup = Readiness(rawValue: 4)
    }

    /// Names a timer, to cancel it.
    package struct TimerID: Hashable, Sendable { fileprivate var identity: UInt64 }

    /// Events taken from the kernel at once: enough for a busy lab, small on the stack.
    private static let batch = 64

    package init() throws(OSError) {
        poll = Descriptor(owning: try retrying("create an event loop") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
        wakeup = Descriptor(
            owning: try retrying("create an event") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) })
        shared = SharedState(wakeup: wakeup.number)
        try control(EPOLL_CTL_ADD, wakeup.number, .read)
    }

    // MARK: Descriptors

    /// Calls `handler` whenever the descriptor is ready (level-triggered), until it is removed.
    package func watch(_ number: CInt, _ interest: Interest, _ handler: @escaping (Readiness) -> Void) throws(OSError) {
        try control(watches[number] == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, number, interest)
        watches[number] = Watch(identity: takeIdentity(), interest: interest, handler: handler)
    }

    /// Changes what a watched descriptor is waited for; none at all leaves only `hangup`.
    package func change(_ number: CInt, to interest: Interest) throws(OSError) {
        guard let watch = watches[number], watch.interest != interest else { return }
        try control(EPOLL_CTL_MOD, number, interest)
        watches[number]?.interest = interest
    }

    /// Forgets a descriptor; unknown ones are ignored.
    package func remove(_ number: CInt) {
        guard watches.removeValue(forKey: number) != nil else { return }
        // Safe because a deletion reads no event structure.
        _ = epoll_ctl(poll.number, EPOLL_CTL_DEL, number, nil)
    }

    // MARK: Time

    /// Nanoseconds of `CLOCK_MONOTONIC`.
    package static func now() -> UInt64 {
        var time = timespec()
        // Safe because the structure outlives the call.
        unsafe _ = clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }

    /// Nanoseconds of processor time that this process has used so far.
    package static func processorTime() -> UInt64 {
        var time = timespec()
        // Safe because the structure outlives the call.
        unsafe _ = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }

    /// Calls `handler` once, after so many nanoseconds.
    @discardableResult
    package func after(nanoseconds: UInt64, _ handler: @escaping () -> Void) -> TimerID {
        let identity = takeIdentity()
        timers.append(Timer(identity: identity, deadline: Self.now() &+ nanoseconds, handler: handler))
        return TimerID(identity: identity)
    }

    @discardableResult
    package func after(milliseconds: Int, _ handler: @escaping () -> Void) -> TimerID {
        after(nanoseconds: UInt64(clamping: milliseconds) &* 1_000_000, handler)
    }

    /// Cancels a timer; one that fired already is ignored.
    package func cancel(_ timer: TimerID) {
        timers.removeAll { $0.identity == timer.identity }
    }

    // MARK: Other threads

    /// A handle that other threads may keep: to run something on the loop's thread, or to stop it.
    package struct Remote: Sendable {
        private let shared: SharedState

        fileprivate init(_ shared: SharedState) { self.shared = shared }

        /// Runs `body` on the loop's thread, soon. Ignored once the loop is gone.
        package func post(_ body: @escaping @Sendable () -> Void) {
            shared.posted.withLock { $0.append(body) }
            EventLoop.wake(shared.wakeup)
        }

        /// Makes `run` return after the handler that is running.
        package func stop() {
            shared.stopped.store(true, ordering: .releasing)
            EventLoop.wake(shared.wakeup)
        }
    }

    /// The loop must outlive the use of its remote: its wake-up descriptor is closed with it.
    package var remote: Remote { Remote(shared) }

    private static func wake(_ number: CInt) { _ = eventfd_write(number, 1) }

    // MARK: Running

    /// Runs handlers until `stop`.
    package func run() throws(OSError) {
        while !shared.stopped.load(ordering: .acquiring) { try turn(limitMilliseconds: -1) }
        shared.stopped.store(false, ordering: .relaxed)
    }

    package func stop() { remote.stop() }

    /// Waits for one batch of events, at most so long (-1: for ever), and runs their handlers.
    package func turn(limitMilliseconds: Int) throws(OSError) {
        let events = try wait(limitMilliseconds)
        let firstNew = nextIdentity
        for event in events {
            if event.number == wakeup.number {
                var count: eventfd_t = 0
                unsafe _ = eventfd_read(wakeup.number, &count)
                continue
            }
            // A handler that ran before may have removed this one, or put another in its place.
            guard let watch = watches[event.number], watch.identity < firstNew else { continue }
            watch.handler(event.readiness)
        }
        for body in shared.posted.withLock({ posted in
            let taken = posted
            posted = []
            return taken
        }) { body() }
        fireTimers()
    }

    private func fireTimers() {
        let now = Self.now()
        let due = timers.filter { $0.deadline <= now }.sorted { ($0.deadline, $0.identity) < ($1.deadline, $1.identity) }
        for timer in due {
            // Still there: an earlier handler may have cancelled it.
            guard let index = timers.firstIndex(where: { $0.identity == timer.identity }) else { continue }
            timers.remove(at: index)
            timer.handler()
        }
    }

    private struct Event {
        var number: CInt
        var readiness: Readiness
    }

    private func wait(_ limit: Int) throws(OSError) -> [Event] {
        var timeout = CInt(clamping: limit)
        if let next = timers.map(\.deadline).min() {
            let now = Self.now()
            // Rounded up, so that a timer is never early.
            let left = next <= now ? 0 : CInt(clamping: (next - now + 999_999) / 1_000_000)
            timeout = timeout < 0 ? left : min(timeout, left)
        }
        var raw = unsafe [epoll_event](repeating: epoll_event(), count: Self.batch)
        // Safe because the kernel writes at most `batch` entries.
        let count = unsafe epoll_wait(poll.number, &raw, CInt(Self.batch), timeout)
        if count < 0 {
            if Errno.last == .interrupted { return [] }
            throw OSError.current("wait for events")
        }
        var events: [Event] = []
        for index in 0..<Int(count) {
            let flags = unsafe raw[index].events
            var readiness: Readiness = []
            if flags & EPOLLIN.rawValue != 0 { readiness.insert(.read) }
            if flags & EPOLLOUT.rawValue != 0 { readiness.insert(.write) }
            if flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue) != 0 { readiness.insert(.hangup) }
            // Safe because only the descriptor field of the union is ever stored.
            events.append(Event(number: unsafe raw[index].data.fd, readiness: readiness))
        }
        return events
    }

    private func control(_ operation: CInt, _ number: CInt, _ interest: Interest) throws(OSError) {
        var event = unsafe epoll_event()
        if interest.contains(.read) { unsafe event.events |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if interest.contains(.write) { unsafe event.events |= EPOLLOUT.rawValue }
        unsafe event.data.fd = number
        // Safe because the kernel copies the structure during the call.
        try retrying("watch descriptor \(number)") { unsafe epoll_ctl(poll.number, operation, number, &event) }
    }

    private func takeIdentity() -> UInt64 {
        defer { nextIdentity += 1 }
        return nextIdentity
    }
}
