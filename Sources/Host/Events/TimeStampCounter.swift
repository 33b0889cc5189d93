internal import CLinux
internal import Glibc

/// How fast this host's time stamp counter runs, measured against its clock once in a process.
///
/// An emulated processor's counter is the host's own. A carrier's kernel is told its speed: a wrong one makes every clock in there, the guest's too, run fast
/// or slow by the same part.
package enum TimeStampCounter {
    /// 0 where there is no such counter.
    package static let kilohertz = measure()

    /// Long enough for some ten parts in a million.
    private static let microseconds: UInt32 = 10_000
    private static let looks = 8

    private static func measure() -> UInt64 {
        let first = look()
        usleep(microseconds)
        let last = look()
        guard last.ticks > first.ticks, last.nanoseconds > first.nanoseconds else { return 0 }
        return UInt64(clamping: UInt128(last.ticks - first.ticks) * 1_000_000 / UInt128(last.nanoseconds - first.nanoseconds))
    }

    /// The counter and the clock at one moment. Of several looks the quickest counts: the others may have been interrupted.
    private static func look() -> (ticks: UInt64, nanoseconds: UInt64) {
        var best: (ticks: UInt64, nanoseconds: UInt64) = (0, 0)
        var quickest = UInt64.max
        for _ in 0..<looks {
            let before = EventLoop.now()
            let ticks = UInt64(time_stamp_counter())
            let took = EventLoop.now() &- before
            guard took < quickest else { continue }
            quickest = took
            best = (ticks, before + took / 2)
        }
        return best
    }
}
