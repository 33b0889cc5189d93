internal import CLinux
internal import Glibc
internal import SystemPackage

/// A counter in the kernel that threads, other processes and KVM add to, and one thread waits for (eventfd).
package final class EventCounter: Sendable {
    /// For handing to the kernel or to an event loop; valid as long as this value lives.
    package let descriptor: SharedDescriptor

    /// - Parameter isBlocking: whether `take` waits; a counter that an event loop watches does not.
    package init(isBlocking: Bool) throws(OSError) {
        let flags = CInt(EFD_CLOEXEC) | (isBlocking ? 0 : CInt(EFD_NONBLOCK))
        descriptor = SharedDescriptor(Descriptor(owning: try retrying("create an event counter") { eventfd(0, flags) }))
    }

    package var number: CInt { descriptor.number }

    /// Adds one. Never waits for long: the counter would have to be 2^64 high.
    package func signal() { _ = eventfd_write(descriptor.number, 1) }

    /// Waits until the counter is not zero (where it blocks) and makes it zero.
    package func take() {
        var count: eventfd_t = 0
        // Safe because the kernel writes the one number; an interruption or an empty counter leave it alone, and both are fine.
        unsafe _ = eventfd_read(descriptor.number, &count)
    }
}

/// A one-shot timer on `CLOCK_MONOTONIC` that any thread sets and an event loop waits for (timerfd).
package final class TimerDescriptor: Sendable {
    private let descriptor: SharedDescriptor

    package init() throws(OSError) {
        descriptor = SharedDescriptor(
            Descriptor(
                owning: try retrying("create a timer") { timerfd_create(CLOCK_MONOTONIC, CInt(TFD_CLOEXEC) | CInt(TFD_NONBLOCK)) }))
    }

    package var number: CInt { descriptor.number }

    /// Sets, moves or (nil) takes back the moment, in nanoseconds; one in the past fires at once.
    package func set(_ moment: UInt64?) {
        var setting = itimerspec()
        if let moment {
            // Zero would take it back.
            let nanoseconds = max(moment, 1)
            setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
            setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        // Safe because the kernel copies the setting; no old one is asked for.
        unsafe _ = timerfd_settime(descriptor.number, CInt(TFD_TIMER_ABSTIME), &setting, nil)
    }

    /// Makes the descriptor not ready again after it fired.
    package func take() {
        var count: UInt64 = 0
        // Safe because the kernel writes the one number.
        unsafe _ = read(descriptor.number, &count, 8)
    }
}
