internal import Carrier
internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// How it ends: asked to, rung by rung, or by itself, and then perhaps not for long.
extension KeptMachine {
    /// Climbs the ladder until its process has ended; a second, other ladder takes the place of the first.
    func stop(_ ladder: StopLadder, done: @escaping () -> Void) {
        stopReadyTimer()
        switch state {
        case .idle, .ended: return done()
        case .pausing(let timer, let reason):
            loop.cancel(timer)
            enter(.ended(reason: reason))
            tellReadyWaiters(.machine("\(name) \(reason)", code: .timedOutOrBusy, hint: nil))
            return done()
        case .running(let run, let phase):
            stopWaiters.append(done)
            onEvent(.machineStopping, nil)
            var ladder = ladder
            // A guest that is still booting does not hear its power button.
            if phase != .ready { ladder.rungs.removeAll { $0.means == .powerButton } }
            climb(run, ladder)
        case .stopping(let run, let current, let timer):
            stopWaiters.append(done)
            guard ladder.rungs.count < current.rungs.count else { return }
            if let timer { loop.cancel(timer) }
            climb(run, ladder)
        }
    }

    func climb(_ run: Run, _ ladder: StopLadder) {
        if case .stopping(_, _, let timer?) = state { loop.cancel(timer) }
        guard let rung = ladder.rungs.first else {
            enter(.stopping(run, ladder, nil))
            onEvent(.note, "process \(run.process.identity.pid) of \(name) does not end, not even by SIGKILL")
            return
        }
        let rest = StopLadder(rungs: Array(ladder.rungs.dropFirst()))
        let timer = loop.after(milliseconds: rung.waitMilliseconds) { [unowned self] in climb(run, rest) }
        enter(.stopping(run, rest, timer))
        switch rung.means {
        case .powerButton: run.control?.say(.powerButton)
        case .stop: run.control?.say(.stop)
        case .terminate: run.process.signal(SIGTERM)
        case .kill: run.process.signal(SIGKILL)
        }
    }

    // MARK: End

    /// Its process runs, or has ended.
    func hear(_ event: MachineProcess.Event) {
        switch (event, state) {
        case (.ended(let ending), .running(let run, _)), (.ended(let ending), .stopping(let run, _, _)): ended(ending, run)
        default: break
        }
    }

    private func ended(_ ending: MachineProcess.Ending, _ run: Run) {
        run.control?.close()
        tellDisplayWaiters(nil)
        for console in consoles { console.detach() }
        let end = MachineEnd(ending, said: run.process.errorText, fault: run.fault, poweredOff: run.poweredOff)
        stopLooking()
        if case .stopping(_, _, let timer) = state {
            if let timer { loop.cancel(timer) }
            var reason = run.poweredOff ? "powered off" : "was stopped"
            if case .signalled(let signal) = ending { reason = "was killed(signal \(signal))" }
            finish(reason: reason, error: nil)
            return
        }
        let again =
            switch machine.restart {
            case .never: false
            case .onFailure: end.isFailure
            case .always: true
            }
        guard again else { return finish(reason: end.reason, error: end.code) }
        onEnd(end.reason)
        rest(reason: end.reason, ran: (EventLoop.now() - run.startedAt) / 1_000_000)
    }

    /// Until it is started again.
    private func rest(reason: String, ran: UInt64) {
        onEvent(.machineEnded, reason)
        let wait = pause.milliseconds(ran: ran)
        onEvent(.machineRestarting, "in \(wait / 1000) s")
        let timer = loop.after(milliseconds: wait) { [unowned self] in
            restarts += 1
            onRestart()
        }
        enter(.pausing(timer, reason: reason))
    }

    /// The host could not start it this time: no reason to give it up.
    func restartFailed(_ reason: String) { rest(reason: reason, ran: 0) }

    private func finish(reason: String, error: ExitCode?) {
        stopReadyTimer()
        enter(.ended(reason: reason))
        onEnd(reason)
        onEvent(.machineEnded, reason)
        let hint = "`vmlab logs \(name)` shows all it said"
        tellReadyWaiters(.machine("\(name) \(reason)", code: error ?? .timedOutOrBusy, hint: hint))
        let waiting = stopWaiters
        stopWaiters = []
        for done in waiting { done() }
    }
}
