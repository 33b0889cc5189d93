internal import LabModel
internal import LabPlan

/// Does a plan: steps side by side where they do not wait for each other, and back again when asked to.
///
/// It decides only what comes next; what a step does is `perform`'s. A step that fails takes along those that need it and
/// no others: as much of the lab as can be is brought up, and everything that went wrong is told at once.
final class PlanRun {
    let plan: Plan
    private var fates: [String: Fate] = [:]
    /// Machines between power-on and ready.
    private var starting: Set<String> = []
    private let parallel: Int
    private(set) var failures: [RunnerError] = []
    private(set) var mode = Mode.forward
    /// Begins a step and calls back when it is done, now or later.
    private let perform: (Action, @escaping (RunnerError?) -> Void) -> Void
    private let tell: (LabEvent.Kind, String?, String?) -> Void
    private let finished: (PlanRun) -> Void
    private var isAdvancing = false
    private var isHard = false

    enum Fate: Equatable {
        case running, done, failed, skipped
        /// Rolled back, or found not to be worth it.
        case undone
    }

    enum Mode: Equatable {
        case forward
        /// Rolling back: `hard` when guests are not asked.
        case back(hard: Bool)
        case finished
    }

    init(
        _ plan: Plan, parallel: Int, perform: @escaping (Action, @escaping (RunnerError?) -> Void) -> Void,
        tell: @escaping (LabEvent.Kind, String?, String?) -> Void, finished: @escaping (PlanRun) -> Void
    ) {
        self.plan = plan
        self.parallel = max(1, parallel)
        self.perform = perform
        self.tell = tell
        self.finished = finished
    }

    /// Begins every step that can begin now.
    func advance() {
        // A step that is done at once calls back in here: the outer round goes on instead.
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        var moved = true
        while moved {
            moved =
                switch mode {
                case .forward: advanceForward()
                case .back(let hard): advanceBack(hard: hard)
                case .finished: false
                }
        }
        if mode != .finished && !fates.values.contains(.running) {
            mode = .finished
            finished(self)
        }
    }

    private func advanceForward() -> Bool {
        var moved = false
        for step in plan.steps where fates[step.id] == nil && mode == .forward {
            let needs = step.after.map { fates[$0] }
            if needs.contains(where: { $0 == .failed || $0 == .skipped || $0 == .undone }) {
                fates[step.id] = .skipped
                tell(.stepSkipped, step.action.machine, "\(step.action.verb) \(step.action.object): it needs a step that failed")
                moved = true
                continue
            }
            guard needs.allSatisfy({ $0 == .done }) else { continue }
            if case .startMachine(let started) = step.action {
                guard starting.count < parallel else { continue }
                starting.insert(started.machine.name)
            }
            begin(step)
            moved = true
        }
        return moved
    }

    private func begin(_ step: Step) {
        fates[step.id] = .running
        var action = step.action
        if isHard, case .stopMachine(let machine, _) = action { action = .stopMachine(machine: machine, .atOnce) }
        perform(action) { [self] error in
            // Given up in the meantime.
            guard fates[step.id] == .running else { return }
            if let error {
                fates[step.id] = .failed
                failures.append(error)
                tell(.stepFailed, step.action.machine, error.description)
            } else {
                fates[step.id] = .done
            }
            leaveStart(step.action, failed: error != nil)
            advance()
        }
    }

    /// A machine's start is over when it is ready, or will not be.
    private func leaveStart(_ action: Action, failed: Bool) {
        switch action {
        case .awaitReady(let machine, _): starting.remove(machine)
        case .startMachine(let started):
            let waits = plan.steps.contains { if case .awaitReady(started.machine.name, _) = $0.action { true } else { false } }
            if failed || !waits { starting.remove(started.machine.name) }
        default: break
        }
    }

    /// From now on no guest is asked and none waited for.
    func harden() {
        isHard = true
        for step in plan.steps where fates[step.id] == .running {
            if case .stopMachine(let machine, _) = step.action { perform(.stopMachine(machine: machine, .atOnce)) { _ in } }
        }
    }

    // MARK: Back

    /// Stops beginning steps and takes back what this run did; `hard`, also when it is doing so already, asks no guest.
    func rollBack(hard: Bool) {
        guard mode != .finished else { return }
        let wasHard = mode == .back(hard: true)
        mode = .back(hard: hard || wasHard)
        for step in plan.steps {
            switch (fates[step.id], step.action) {
            case (nil, _): fates[step.id] = .skipped
            // Nobody waits for these any more; a build that goes on only fills the cache.
            case (.running, .awaitReady), (.running, .buildImage): fates[step.id] = .skipped
            case (.running, .stopMachine(let machine, _)) where hard: perform(.stopMachine(machine: machine, .atOnce)) { _ in }
            case (.running, .startMachine(let started)) where hard:
                perform(.stopMachine(machine: started.machine.name, .atOnce)) { _ in }
            default: break
            }
        }
        advance()
    }

    /// Undoes every step that no other one still stands on.
    private func advanceBack(hard: Bool) -> Bool {
        func stands(_ step: Step) -> Bool {
            switch fates[step.id] {
            case .done, .failed, .running: true
            case .skipped, .undone, nil: false
            }
        }
        let held = Set(plan.steps.filter(stands).flatMap(\.after))
        guard let step = plan.steps.last(where: { stands($0) && fates[$0.id] != .running && !held.contains($0.id) }) else { return false }
        switch step.undo {
        // The folders hold the ledger: whoever asked for this takes them away when the keeper is gone.
        case nil, .deleteFolders: fates[step.id] = .undone
        case .stopMachine(let machine, _): undo(step, .stopMachine(machine: machine, hard ? .atOnce : .rollback))
        case .some(let action): undo(step, action)
        }
        return true
    }

    private func undo(_ step: Step, _ action: Action) {
        fates[step.id] = .running
        perform(action) { [self] error in
            if let error { failures.append(error) }
            fates[step.id] = .undone
            advance()
        }
    }

    /// True when this run made the lab: rolled back, nothing of it is left to keep.
    var madeLab: Bool { plan.steps.contains { if case .makeFolders = $0.action { true } else { false } } }
    var startedMachines: Bool {
        plan.steps.contains { step in if case .startMachine = step.action { fates[step.id] == .done } else { false } }
    }
}

extension StopLadder {
    /// For machines that this run started itself: nothing on them is worth asking the guest for, their disks are flushed.
    static let rollback = StopLadder(rungs: [
        Rung(.stop, waitMilliseconds: 5000), Rung(.terminate, waitMilliseconds: 2000), Rung(.kill, waitMilliseconds: 2000),
    ])
    static let atOnce = StopLadder(rungs: [Rung(.kill, waitMilliseconds: 2000)])
}
