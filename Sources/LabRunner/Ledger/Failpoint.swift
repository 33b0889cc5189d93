/// A fault that a test asks for: at one record of the ledger, kill the keeper, its machines or its network.
///
/// Always compiled, read once by the keeper from `VMLAB_FAIL_AT=MOMENT:RECORD[:VICTIM]`:
///
///     before:7            the keeper dies by SIGKILL before record 7 is written
///     torn:7              ... with half of record 7 written
///     after:7             ... with record 7 safe and its effect not begun
///     after:7:machines    every machine process dies by SIGKILL instead, the keeper lives
///     after:7:network     ... the network's process
///     after:7:uplinks     ... every uplink's process
package struct Failpoint: Hashable, Sendable {
    package var moment: Moment
    package var record: UInt64
    package var victim: Victim

    package enum Moment: String, Sendable, CaseIterable { case before, torn, after }
    package enum Victim: String, Sendable, CaseIterable { case keeper, machines, network, uplinks }

    package static let variable = "VMLAB_FAIL_AT"

    package init(moment: Moment, record: UInt64, victim: Victim = .keeper) {
        self.moment = moment
        self.record = record
        self.victim = victim
    }

    /// `nil` for text that is none.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 || parts.count == 3, let moment = Moment(rawValue: parts[0]), let record = UInt64(parts[1]) else {
            return nil
        }
        guard parts.count == 3 else {
            self.init(moment: moment, record: record)
            return
        }
        guard let victim = Victim(rawValue: parts[2]) else { return nil }
        self.init(moment: moment, record: record, victim: victim)
    }

    package var description: String { "\(moment.rawValue):\(record):\(victim.rawValue)" }
}
