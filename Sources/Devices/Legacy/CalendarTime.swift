/// A moment as the registers of a real-time clock hold it, in UTC and the proleptic Gregorian calendar.
struct CalendarTime: Equatable, Sendable {
    var second: Int64
    var minute: Int64
    var hour: Int64
    var day: Int64
    var month: Int64
    var year: Int64

    /// - Parameter seconds: since 1970-01-01 00:00; any value.
    init(seconds: Int64) {
        let (days, ofDay) = Self.floorDivide(seconds, 86_400)
        second = ofDay % 60
        minute = ofDay / 60 % 60
        hour = ofDay / 3600
        // Years begin in March here, so that the leap day is the last of its year; an era is 400 of them.
        let (era, ofEra) = Self.floorDivide(days &+ 719_468, 146_097)
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        day = ofYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era &* 400 + (month <= 2 ? 1 : 0)
    }

    /// Seconds since 1970-01-01 00:00. Fields out of range count on into the next larger one; they come from bytes, so nothing overflows.
    var seconds: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = Self.floorDivide(shiftedYear, 400)
        let shiftedMonth = month > 2 ? month - 3 : month + 9
        let ofYear = (153 * shiftedMonth + 2) / 5 + day - 1
        let ofEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear
        return ((era * 146_097 + ofEra - 719_468) * 24 + hour) * 3600 + minute * 60 + second
    }

    /// 1 is Sunday ... 7 is Saturday.
    static func weekday(seconds: Int64) -> Int64 {
        floorDivide(floorDivide(seconds, 86_400).quotient &+ 4, 7).rest + 1
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, rest: Int64) {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }
}
