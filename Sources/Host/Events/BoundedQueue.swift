internal import Glibc

/// A queue between two threads that holds only so many elements: the producer waits when it is full, the consumer when it
/// is empty, and either may end it.
@safe
package final class BoundedQueue<Element: Sendable>: @unchecked Sendable {  // Every access to the state is under `lock`.
    private let capacity: Int
    private var elements: [Element] = []
    private var isFinished = false
    private var isCancelled = false
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(capacity: Int) {
        self.capacity = capacity
        // Safe because both stay at their address until `deinit` destroys them.
        unsafe _ = pthread_mutex_init(lock, nil)
        unsafe _ = pthread_cond_init(changed, nil)
    }

    deinit {
        unsafe _ = pthread_cond_destroy(changed)
        unsafe _ = pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    /// Adds an element, after waiting for room; false when the consumer wants no more.
    package func push(_ element: Element) -> Bool {
        locked {
            while elements.count >= capacity, !isCancelled { wait() }
            guard !isCancelled else { return false }
            elements.append(element)
            return true
        }
    }

    /// The oldest element, after waiting for one; `nil` when the producer has finished and all is taken.
    package func pop() -> Element? {
        locked {
            while elements.isEmpty, !isFinished { wait() }
            return elements.isEmpty ? nil : elements.removeFirst()
        }
    }

    /// The producer's end: what is in the queue can still be taken.
    package func finish() { locked { isFinished = true } }

    /// The consumer's end: whatever is in the queue is dropped, and the next `push` answers false.
    package func cancel() {
        locked {
            isCancelled = true
            elements = []
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        // Safe because the mutex lives as long as `self`, and is unlocked on the one way out.
        unsafe _ = pthread_mutex_lock(lock)
        defer {
            unsafe _ = pthread_cond_broadcast(changed)
            unsafe _ = pthread_mutex_unlock(lock)
        }
        return body()
    }

    /// Called with the lock held, which it lets go of while it waits.
    private func wait() { unsafe _ = pthread_cond_wait(changed, lock) }
}
