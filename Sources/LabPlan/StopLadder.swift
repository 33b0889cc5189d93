/// How a machine is stopped: each rung is tried in turn until its process has ended.
package struct StopLadder: Hashable, Sendable, Codable {
    package var rungs: [Rung]

    package init(rungs: [Rung]) { self.rungs = rungs }

    package struct Rung: Hashable, Sendable, Codable {
        package var means: Means
        /// How long to wait for the end before the next rung.
        package var waitMilliseconds: Int

        package init(_ means: Means, waitMilliseconds: Int) {
            self.means = means
            self.waitMilliseconds = waitMilliseconds
        }
    }

    package enum Means: String, Hashable, Sendable, Codable, CaseIterable {
        /// The guest is asked by its ACPI power button.
        case powerButton = "power-button"
        /// The monitor is told to flush and exit.
        case stop
        /// SIGTERM to the monitor.
        case terminate
        /// SIGKILL to the monitor.
        case kill
    }

    /// Ask, wait, insist. Half a minute is what a systemd guest on an emulated CPU needs to sync and power off.
    package static let patient = StopLadder(rungs: [
        Rung(.powerButton, waitMilliseconds: 30_000), Rung(.stop, waitMilliseconds: 3000), Rung(.terminate, waitMilliseconds: 2000),
        Rung(.kill, waitMilliseconds: 2000),
    ])

    /// For a second `^C`: the disks are flushed, the guest is not asked.
    package static let hard = StopLadder(rungs: [Rung(.stop, waitMilliseconds: 1000), Rung(.kill, waitMilliseconds: 2000)])
}
