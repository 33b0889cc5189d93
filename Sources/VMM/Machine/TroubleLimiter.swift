internal import Synchronization

/// At most so many reports of trouble in so long, whatever the guest does.
final class TroubleLimiter: Sendable {
    private static let count = 10
    private static let window: UInt64 = 5_000_000_000

    private let recent = Mutex<[UInt64]>([])

    func allows(at now: UInt64) -> Bool {
        recent.withLock { recent in
            recent.removeAll { now - $0 > Self.window }
            guard recent.count < Self.count else { return false }
            recent.append(now)
            return true
        }
    }
}
