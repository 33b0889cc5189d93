/// A span of time as a lab file writes it, in whole milliseconds.
package struct Milliseconds: Hashable, Comparable, Sendable {
    package var count: Int

    package init(_ count: Int) { self.count = count }

    package static func < (left: Milliseconds, right: Milliseconds) -> Bool { left.count < right.count }

    /// The units a lab file may write, smallest first.
    package enum Unit: String, CaseIterable, Sendable {
        case millisecond = "ms"
        case second = "s"
        case minute = "min"
        case hour = "h"

        package var milliseconds: Int {
            switch self {
            case .millisecond: 1
            case .second: 1000
            case .minute: 60_000
            case .hour: 3_600_000
            }
        }
    }
}

extension Milliseconds: CustomStringConvertible {
    /// The largest unit up to seconds that divides it exactly: `60s`, `1500ms`.
    package var description: String {
        count != 0 && count % 1000 == 0 ? "\(count / 1000)s" : "\(count)ms"
    }
}
