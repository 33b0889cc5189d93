internal import Host
internal import LabModel

/// What stands on its display, and the keys that are pressed before it.
extension KeptMachine {
    /// Asks the monitor what the display shows; nil when there is nobody to answer.
    func askDisplay(_ done: @escaping (DisplayedText?) -> Void) {
        guard case .running(let run, _) = state, run.hasStarted, run.control?.say(.screen) == true else { return done(nil) }
        displayWaiters.append(done)
    }

    /// - Returns: false if nobody runs who could take the keys.
    func type(_ text: String) -> Bool {
        guard case .running(let run, _) = state, let control = run.control else { return false }
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: Self.keysAtOnce).allSatisfy { start in
            control.say(.type(Array(bytes[start..<min(start + Self.keysAtOnce, bytes.count)])))
        }
    }

    /// A word of the control stream is at most 256 bytes long.
    private static let keysAtOnce = 100
    /// A person's glance.
    private static let displayPause = 1000

    /// A system without a serial line says what it has to say there.
    func watchDisplay(for pattern: String) {
        displayTimer = loop.after(milliseconds: Self.displayPause) { [unowned self] in
            displayTimer = nil
            guard case .running(_, .starting) = state else { return }
            askDisplay { [weak self] display in
                if display?.rows.contains(where: { $0.contains(pattern) }) == true { self?.becomeReady() }
            }
            watchDisplay(for: pattern)
        }
    }

    func tellDisplayWaiters(_ display: DisplayedText?) {
        let waiting = displayWaiters
        displayWaiters = []
        for tell in waiting { tell(display) }
    }
}
