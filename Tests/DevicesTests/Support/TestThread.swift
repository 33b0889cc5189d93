import Glibc
import Synchronization

/// A thread of its own, as a vCPU or a worker has one: the tests' own threads are few and must not wait for each other.
@safe final class TestThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private var thread = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) {
        // Safe because the new thread takes over the retained body.
        let body = unsafe Unmanaged.passRetained(Body(run))

        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument { unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        precondition(result == 0, "no thread")
    }

    /// Waits for the end.
    func join() {
        pthread_join(thread, nil)
    }
}

/// Does something over and over on a thread of its own until it is ended.
final class Saboteur {
    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }
    private let stop: Flag
    private let thread: TestThread

    init(_ body: @escaping @Sendable () -> Void) {
        let flag = Flag()
        stop = flag
        thread = TestThread {
            while !flag.isSet.load(ordering: .relaxed) { body() }
        }
    }

    func end() {
        stop.isSet.store(true, ordering: .relaxed)
        thread.join()
    }
}
