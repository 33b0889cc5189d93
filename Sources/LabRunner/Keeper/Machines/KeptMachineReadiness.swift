internal import Host
internal import LabModel

/// Whether it is ready yet: who looks for the sign, who waits for it, and what is said when it does not come.
extension KeptMachine {
    /// A monitor says "started" in milliseconds, a carrier on a busy host in some seconds.
    private static let startLimit = 120_000

    func armReadyTimer() {
        // A machine that dies and is started again while somebody waits does not get its time anew.
        guard readyTimer == nil else { return }
        let limit: Int
        switch machine.ready {
        case .started: limit = Self.startLimit
        case .console(_, let within), .tcp(_, let within), .ping(let within): limit = within
        }
        readyTimer = loop.after(milliseconds: limit) { [unowned self] in
            readyTimer = nil
            missReady(limit)
        }
    }

    func look(for bytes: [UInt8], in stream: String) {
        guard case .running(_, let phase) = state, phase != .ready, watches[stream]?.found(in: bytes) == true else { return }
        becomeReady()
    }

    /// The bridge is asking for its readiness.
    func expect(_ probe: Probe) { self.probe = probe }

    func stopLooking() {
        watches = [:]
        if let timer = displayTimer { loop.cancel(timer) }
        displayTimer = nil
        probe?.stop()
        probe = nil
    }

    func becomeReady() {
        guard case .running(let run, let phase) = state, phase != .ready else { return }
        stopReadyTimer()
        enter(.running(run, .ready))
        stopLooking()
        onReady()
        onEvent(.machineReady, "after \(Self.seconds(since: run.startedAt))")
        tellReadyWaiters(nil)
    }

    private func missReady(_ limit: Int) {
        let time = Milliseconds(limit)
        guard case .running(let run, .starting) = state else {
            return tellReadyWaiters(.machine("\(name) did not become ready in \(time)", code: .timedOutOrBusy, hint: nil))
        }
        let missing = missing(run)
        enter(.running(run, .unready))
        let lines = lastLines
        let said = lines.isEmpty ? "; its consoles said nothing" : "; its console ends with:\n" + lines.joined(separator: "\n")
        onEvent(.machineNotReady, "not ready after \(time): \(missing)" + (lines.last.map { "; its console ends with \"\($0)\"" } ?? ""))
        tellReadyWaiters(
            .machine("\(name) is not ready after \(time): \(missing)\(said)", code: .timedOutOrBusy, hint: nextCommand))
    }

    /// How far it came, and what it has not done.
    private func missing(_ run: Run) -> String {
        guard run.hasStarted else { return "its processors do not run yet" }
        let address = machine.interfaces.first?.address.description ?? "no address"
        let answer = probe?.lastAnswer.map { " (the last try was \($0))" } ?? " (nothing answers)"
        return switch machine.ready {
        case .started: "its processors do not run yet"
        case .console(let pattern, _): "it runs, but no console has shown \(JSON.text(pattern).line)"
        case .tcp(let port, _): "it runs, but does not accept connections at \(address), port \(port)\(answer)"
        case .ping: "it runs, but does not answer pings at \(address)\(answer)"
        }
    }

    private var nextCommand: String {
        let more = "`ready: {within: ...}` gives it more time"
        return switch machine.ready {
        case .started, .console: "`vmlab logs \(name)` shows all it said; \(more)"
        case .tcp, .ping: "`vmlab logs \(name)` shows all it said, `vmlab link show` its networks; \(more)"
        }
    }

    /// Calls back when it is ready, or when it cannot become so any more.
    func awaitReady(_ done: @escaping (RunnerError?) -> Void) {
        switch state {
        case .running(_, .ready): done(nil)
        case .running(_, .starting), .pausing: readyWaiters.append(done)
        case .running(_, .unready):
            done(.machine("\(name) is not ready", code: .timedOutOrBusy, hint: "`vmlab logs \(name)` shows all it said"))
        case .idle: done(.machine("\(name) was not started", code: .timedOutOrBusy, hint: nil))
        case .stopping: done(.machine("\(name) is being stopped", code: .timedOutOrBusy, hint: nil))
        case .ended(let reason): done(.machine("\(name) \(reason)", code: .timedOutOrBusy, hint: nil))
        }
    }

    func tellReadyWaiters(_ error: RunnerError?) {
        let waiting = readyWaiters
        readyWaiters = []
        for tell in waiting { tell(error) }
    }

    func stopReadyTimer() {
        if let timer = readyTimer { loop.cancel(timer) }
        readyTimer = nil
    }
}
