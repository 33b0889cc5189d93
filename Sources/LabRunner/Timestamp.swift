internal import Glibc

/// A moment of the wall clock, for people. Nothing is decided by it: waiting is done by the monotonic clock.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Since 1970.
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static var now: Timestamp {
        var time = timespec()
        // Safe because the structure outlives the call.
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// UTC, as in RFC 3339: `2026-11-23T10:00:00.123Z`.
    package var text: String {
        let day = Int64(86_400_000)
        let days = milliseconds.quotientAndRemainder(dividingBy: day)
        let (date, rest) = days.remainder < 0 ? (days.quotient - 1, days.remainder + day) : (days.quotient, days.remainder)
        let (year, month, dayOfMonth) = Self.civil(days: date)
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T\(padded(rest / 3_600_000, 2)):"
            + "\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1000 % 60, 2)).\(padded(rest % 1000, 3))Z"
    }

    /// Reads what `text` writes; `nil` for anything else.
    package init?(_ text: String) {
        let parts = text.split(whereSeparator: { "-T:.Z".contains($0) }).map { Int64($0) }
        guard text.utf8.count == 24, parts.count == 7, !parts.contains(nil) else { return nil }
        let numbers = parts.compactMap(\.self)
        guard (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), (0...9999).contains(numbers[0]) else { return nil }
        let days = Self.days(year: numbers[0], month: numbers[1], day: numbers[2])
        let time = numbers[3] * 3_600_000 + numbers[4] * 60_000 + numbers[5] * 1000 + numbers[6]
        self.init(milliseconds: days * 86_400_000 + time)
    }

    /// Howard Hinnant's days_from_civil.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Howard Hinnant's civil_from_days: the proleptic Gregorian date of a day counted from 1970-01-01.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
