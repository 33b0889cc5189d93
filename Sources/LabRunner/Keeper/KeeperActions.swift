internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// What each step of a plan does on the host. Each is recorded before it is done, and safe to do again.
extension Keeper {
    /// Does one action and calls back when it is done: at once, or when a build, a guest or a timer says so.
    func perform(_ action: Action, images: [ImageRecipe], done: @escaping (RunnerError?) -> Void) {
        do throws(RunnerError) {
            switch action {
            case .startMachine(let started):
                try start(started)
                done(nil)
            case .buildImage(let planned): build(planned, images, done)
            case .awaitReady(let name, _): awaitReady(name, done)
            case .stopMachine(let name, let ladder): stop(action, name, ladder, done)
            case .startNetwork(let launch): network.start(launch, done: done)
            case .updateNetwork(let launch, let words): update(action, launch, words, done)
            case .stopNetwork: stopNetwork(done)
            case .createDisk: done(createDisk(action))
            case .makeFolders, .deleteDisk, .updateMachine, .forgetMachine:
                try recorded(action) { () throws(OSError) in try performAtOnce(action) }
                done(nil)
            // Whoever takes the lab down does this when the keeper is gone: the ledger is in them.
            case .deleteFolders: done(nil)
            }
        } catch {
            done(error)
        }
    }

    func recorded(_ action: Action, _ body: () throws(OSError) -> Void) throws(RunnerError) {
        do throws(OSError) {
            let record = try ledger.begin(action)
            try body()
            try ledger.finish(record)
        } catch {
            throw .system(error)
        }
    }

    /// Not whole until its files are on it: what fails here is made anew by the next `up`.
    private func createDisk(_ action: Action) -> RunnerError? {
        do throws(OSError) {
            let record = try ledger.begin(action)
            try performAtOnce(action)
            if case .createDisk(let machine, let disk) = action, let problem = disk.layDown(for: machine) { return problem }
            try ledger.finish(record)
            return nil
        } catch {
            return .system(error)
        }
    }

    private func performAtOnce(_ action: Action) throws(OSError) {
        switch action {
        case .makeFolders(let folders):
            for folder in [folders.consoles, folders.machines, folders.run] { try Folder.makePrivate(folder) }
        case .createDisk(let machine, let disk): try create(disk, of: machine)
        case .deleteDisk(let machine, let disk):
            try Folder.removeFile(disk.path)
            // A keeper that was lost may not even have come to make the folder.
            if (try? FileStatus(of: folders.machine(machine))) != nil { try Folder.synchronize(folders.machine(machine)) }
        case .updateMachine(let machine):
            self[machine: machine.name]?.machine = machine
            emit(.machineChanged, machine.name)
        case .forgetMachine(let name):
            for stream in KeptMachine.streamNames {
                for suffix in ["", ".1", ".boot"] { try Folder.removeFile(folders.consoleLog(name, stream: stream) + suffix) }
            }
            try Folder.removeTree(folders.machine(name))
            network.forget(name)
            forget(name)
            emit(.machineForgotten, name)
        case .buildImage, .startNetwork, .updateNetwork, .stopNetwork, .startMachine, .awaitReady, .stopMachine, .deleteFolders: break
        }
    }

    /// A new, sparse file that is an empty delta, or all zeros. What lay there was never whole.
    private func create(_ disk: MachineDisk, of machine: String) throws(OSError) {
        try Folder.makePrivate(folders.machine(machine))
        try Folder.removeFile(disk.path)
        do throws(OSError) {
            let file = try Descriptor.open(disk.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
            switch disk.content {
            case .empty(let size): try file.truncate(to: size.bytes)
            case .delta(let base, _):
                let size = try Descriptor.open(base, O_RDONLY).size()
                try file.truncate(to: DeltaDisk.length(forBaseOf: size))
            }
            try file.synchronize()
            try Folder.synchronize(folders.machine(machine))
        } catch {
            // Holes take no room: what is missing is a block for the file itself.
            throw error.told(needed: 4096, at: folders.state)
        }
    }

    // MARK: Actions that take their time

    private func build(_ planned: PlannedImage, _ images: [ImageRecipe], _ done: @escaping (RunnerError?) -> Void) {
        guard let recipe = images.first(where: { $0.name == planned.name }) else {
            return done(.machine("the plan builds image \(planned.name), which the lab does not have", code: .bug, hint: nil))
        }
        let record: UInt64
        do throws(OSError) { record = try ledger.begin(.buildImage(planned)) } catch { return done(.system(error)) }
        emit(.imageBuilding, nil, planned.name)
        let keeper = Confined(self)
        let finish = Confined(done)
        let remote = loop.remote
        bench.run { [workshop] in
            try workshop.build(recipe) { text in
                remote.post { keeper.value.emit(.imageProgress, nil, "\(planned.name): \(text)") }
            }
        } then: { result in
            let keeper = keeper.value
            switch result {
            case .success:
                keeper.emit(.imageBuilt, nil, planned.name)
                do throws(OSError) { try keeper.ledger.finish(record) } catch { return finish.value(.system(error)) }
                finish.value(nil)
            case .failure(let error):
                let outcome = Outcome(explaining: error)
                keeper.emit(.imageFailed, nil, "\(planned.name): \(outcome.message)")
                finish.value(.refused(outcome))
            }
        }
    }

    /// Its readiness is written down by the machine itself: also when nobody waits.
    private func awaitReady(_ name: String, _ done: @escaping (RunnerError?) -> Void) {
        guard let machine = self[machine: name] else {
            return done(.machine("the plan waits for \(name), which was not started", code: .bug, hint: nil))
        }
        machine.awaitReady(done)
    }

    private func stop(_ action: Action, _ name: String, _ ladder: StopLadder, _ done: @escaping (RunnerError?) -> Void) {
        guard let machine = self[machine: name] else { return done(nil) }
        let record: UInt64
        do throws(OSError) { record = try ledger.begin(action) } catch {
            // A full disk must not keep a machine running: it is stopped all the same, and its end is seen.
            emit(.note, name, "the ledger cannot be written: \(error)")
            return machine.stop(ladder) { done(nil) }
        }
        machine.stop(ladder) { [unowned self] in
            do throws(OSError) { try ledger.finish(record) } catch { emit(.note, name, "the ledger cannot be written: \(error)") }
            done(nil)
        }
    }
}
