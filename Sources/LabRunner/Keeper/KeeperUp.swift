internal import Foundation
internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// `up`: prepare beside the loop, plan, do, tell how it went; or take back what was begun.
extension Keeper {
    func up(_ request: UpRequest, _ connection: Connection) {
        switch operation {
        case .none: break
        case .preparing(let other), .up(let other, _):
            let holder = LockHolder(pid: getpid(), since: other.startedAt.text, doing: "up")
            return connection.finish(.result(RunnerError.busy(lab: lab, holder: holder).outcome))
        case .leaving:
            return connection.finish(.result(Outcome(.timedOutOrBusy, "lab \(lab) is being taken down", hint: "wait for that to end")))
        }
        guard !isLeaving else {
            return connection.finish(.result(Outcome(.timedOutOrBusy, "lab \(lab) is being taken down", hint: "wait for that to end")))
        }
        guard request.id == lab else {
            return connection.finish(.result(Outcome(.bug, "the keeper of \(lab) was asked for lab \(request.id)")))
        }
        if !ledger.state.machines.isEmpty, let other = ResolvedLab.read(folders)?.otherSource(than: request.source) {
            return connection.finish(
                .result(
                    Outcome(
                        .timedOutOrBusy, "lab \(lab) was brought up from \(other), which is another file",
                        hint: "give this one a name of its own with --name, or take that one down first: `vmlab down --name \(lab)`")))
        }
        let conversation = UpConversation(request, connection)
        operation = .preparing(conversation)
        server.wait(connection)
        streamAnswer(of: conversation, to: connection)
        prepare(conversation)
    }

    /// Events from now on; the answer after the last of them.
    private func streamAnswer(of conversation: UpConversation, to connection: Connection) {
        var next = history.next
        connection.stream { [unowned self] in
            if let event = history.event(at: next) {
                next = event.seq + 1
                return .reply(.event(event))
            }
            guard let answer = conversation.answer else { return .nothing }
            return .last(.result(answer))
        }
    }

    private func prepare(_ conversation: UpConversation) {
        let keeper = Confined(self)
        let held = Confined(conversation)
        let remote = loop.remote
        let request = conversation.request
        let known = host
        bench.run { [workshop] in
            let facts = try workshop.imageFacts(request.lab)
            let present = Set(facts.map(\.key).filter(workshop.hasImage))
            // Running machines keep the host they were started with; a lab has one.
            let host =
                try known
                ?? workshop.chooseHost(request.accelerator) { text in remote.post { keeper.value.emit(.note, nil, text) } }
            return Prepared(facts: facts, present: present, host: host)
        } then: { result in
            keeper.value.prepared(held.value, result)
        }
    }

    private struct Prepared: Sendable {
        var facts: [ImageFacts]
        var present: Set<String>
        var host: ChosenHost
    }

    private func prepared(_ conversation: UpConversation, _ result: Result<Prepared, any Error>) {
        // A `down` that came in between took the lab over.
        guard case .preparing(let current) = operation, current === conversation else { return }
        guard !conversation.isCancelled else { return finishUp(conversation, nil) }
        do {
            let prepared = try result.get()
            if host == nil {
                host = prepared.host
                emit(.accelerator, nil, prepared.host.summary)
            }
            for machine in conversation.request.lab.machines { _ = keep(machine) }
            wanted = conversation.request.lab
            network.links.take(conversation.request.lab)
            var seen = ledger.state
            seen.images = prepared.present
            let plan = try Plan.up(conversation.request.lab, images: prepared.facts, folders: folders, seen: seen)
            try writeResolvedLab(conversation.request)
            let images = conversation.request.lab.images
            let run = PlanRun(
                plan, parallel: conversation.request.parallel ?? Self.coreCount,
                perform: { [unowned self] action, done in perform(action, images: images, done: done) },
                tell: { [unowned self] kind, machine, detail in emit(kind, machine, detail) },
                finished: { [unowned self] run in finishUp(conversation, run) })
            operation = .up(conversation, run)
            run.advance()
        } catch {
            // Without a single machine there is nothing to keep: what little was made goes away again.
            answer(conversation, explain(error), leaving: ledger.state.machines.isEmpty)
        }
    }

    private func explain(_ error: any Error) -> Outcome {
        switch error {
        case let error as RunnerError: error.outcome
        case let error as OSError: RunnerError.system(error).outcome
        case let error as PlanError: Outcome(.bug, error.description)
        default: Outcome(explaining: error)
        }
    }

    /// So that the lab can be found and looked at when its file is gone.
    private func writeResolvedLab(_ request: UpRequest) throws {
        let line = try JSONLine.line(ResolvedLab(id: request.id, source: request.source, lab: request.lab))
        let part = folders.resolvedLab + ".part"
        try Folder.removeFile(part)
        let file = try Descriptor.open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        do throws(OSError) {
            try file.writeAll(line)
            try file.synchronize()
        } catch {
            throw OSError(error.code, "write to \(part)")
        }
        // Safe because the paths are copied during the call.
        guard unsafe rename(part, folders.resolvedLab) == 0 else { throw OSError.current("rename \(part)") }
        try Folder.synchronize(folders.state)
    }

    static var coreCount: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    // MARK: How it ended

    private func finishUp(_ conversation: UpConversation, _ run: PlanRun?) {
        if conversation.isCancelled {
            let made = run?.madeLab ?? ledger.state.machines.isEmpty
            let message = made ? "interrupted: lab \(lab) is rolled back" : "interrupted: what this run began is rolled back"
            return answer(conversation, Outcome(.interrupted, message), leaving: made)
        }
        guard let run else { return }
        if let first = run.failures.first?.outcome {
            let others = run.failures.count - 1
            let message = others == 0 ? first.message : "\(first.message) (and \(others) more)"
            return answer(
                conversation, Outcome(first.exitCode, message, hint: first.hint), leaving: run.madeLab && !run.startedMachines)
        }
        let count = conversation.request.lab.machines.count
        let machines = count == 1 ? "1 machine" : "\(count) machines"
        emit(.labUp)
        answer(conversation, Outcome(.done, run.plan.isEmpty ? "lab \(lab) is up: nothing to do" : "lab \(lab) is up: \(machines)"))
    }

    private func answer(_ conversation: UpConversation, _ outcome: Outcome, leaving: Bool = false) {
        // A `down` came in between: it has answered already.
        if case .leaving = operation { return }
        operation = .none
        var outcome = outcome
        if leaving { outcome.leaving = true }
        conversation.answer = outcome
        conversation.connection?.wake()
        if leaving { leave() }
    }

    // MARK: Interrupted

    /// The client that asked for the `up` wants it taken back.
    func cancel(_ connection: Connection, hard: Bool) {
        switch operation {
        case .preparing(let conversation) where conversation.connection === connection:
            conversation.isCancelled = true
            // The bench may be at work for long: nothing waits for it.
            emit(.note, nil, "interrupted: nothing was begun yet")
            finishUp(conversation, nil)
        case .up(let conversation, let run) where conversation.connection === connection:
            if !conversation.isCancelled { emit(.note, nil, "interrupted: rolling back") }
            conversation.isCancelled = true
            run.rollBack(hard: hard)
        case .none, .preparing, .up, .leaving: break
        }
    }

    // MARK: Down

    /// Stops every machine and leaves. An `up` at work is given up.
    func down(_ ladder: StopLadder, _ connection: Connection) {
        server.wait(connection)
        let next = history.next
        switch operation {
        case .leaving(let run):
            if ladder.rungs.count <= StopLadder.hard.rungs.count { run.harden() }
        case .preparing(let conversation), .up(let conversation, _):
            conversation.answer = Outcome(.timedOutOrBusy, "lab \(lab) was taken down meanwhile")
            conversation.connection?.wake()
            stopAll(ladder)
        case .none: stopAll(ladder)
        }
        var position = next
        connection.stream { [unowned self] in
            if let event = history.event(at: position) {
                position = event.seq + 1
                return .reply(.event(event))
            }
            return isLeaving ? .last(.result(Outcome(.done, "every machine of lab \(lab) is stopped"))) : .nothing
        }
    }

    /// Somebody ends this process by a signal: machines flush their disks and stop, everything else stays as it is.
    func stopForSignal() {
        switch operation {
        case .leaving(let run): run.harden()
        case .preparing(let conversation), .up(let conversation, _):
            conversation.answer = Outcome(.terminated, "the keeper of lab \(lab) was terminated")
            conversation.connection?.wake()
            stopAll(.hard)
        case .none: stopAll(.hard)
        }
    }

    private func stopAll(_ ladder: StopLadder) {
        emit(.labStopping)
        for machine in machines where machine.process == nil { machine.stop(ladder) {} }
        let whole = Plan.down(seen: ledger.state)
        var plan = whole
        plan.steps = whole.steps.compactMap { step in
            switch step.action {
            case .stopMachine(let name, _):
                var step = step
                step.action = .stopMachine(machine: name, ladder)
                return step
            case .stopNetwork: return step
            default: return nil
            }
        }
        let run = PlanRun(
            plan, parallel: 1,
            perform: { [unowned self] action, done in perform(action, images: [], done: done) },
            tell: { [unowned self] kind, machine, detail in emit(kind, machine, detail) },
            finished: { [unowned self] _ in leave() })
        operation = .leaving(run)
        run.advance()
    }
}
