internal import Glibc
package import Host
package import LabModel
internal import LabPlan

/// The keeper as a program: `vmlab keep LAB --cache C --state S --run R`, with the `up` that wants it on descriptor 0.
package enum KeeperProgram {
    /// What `up` starts. The keeper outlives it: a session of its own, nothing of the caller's terminal or folder.
    ///
    /// - Parameters:
    ///   - program: the `vmlab` to run.
    ///   - failpoint: handed on for tests.
    /// - Returns: the connection on which the keeper takes requests, like one to its socket.
    package static func spawn(program: String, lab: String, paths: LabPaths, failpoint: String?) throws(OSError) -> Descriptor {
        let pair = try UnixSocket.pair().split()
        let ours = Descriptor(owning: pair.ours)
        let theirs = Descriptor(owning: pair.theirs)
        let nothing = try Descriptor.open("/dev/null", O_RDWR)
        let environment = Environment.forChildren(paths.lab(lab)) + (failpoint.map { ["\(Failpoint.variable)=\($0)"] } ?? [])
        _ = try ChildProcess(
            program: program,
            arguments: ["vmlab", "keep", lab, "--cache", paths.cache, "--state", paths.state, "--run", paths.run],
            environment: environment,
            inherited: [.init(0, from: theirs.number), .init(1, from: nothing.number), .init(2, from: nothing.number)],
            newSession: true, workingFolder: "/")
        return ours
    }

    /// Keeps the lab until it is taken down; the process ends with the status returned.
    package static func run(lab: String, paths: LabPaths, workshop: Workshop, failpoint: Failpoint?) -> ExitCode {
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        let keeper: Keeper
        do {
            keeper = try takeLab(lab, paths, workshop, failpoint)
        } catch {
            let outcome = (error as? RunnerError)?.outcome ?? (error as? OSError).map { RunnerError.system($0).outcome }
            if let line = try? JSONLine.line(Reply.result(outcome ?? Outcome(.bug, "\(error)"))) { try? Borrowed(0).writeAll(line) }
            return outcome?.exitCode ?? .bug
        }
        do throws(OSError) { try keeper.loop.run() } catch { return .operatingSystem }
        return .done
    }

    private static func takeLab(_ lab: String, _ paths: LabPaths, _ workshop: Workshop, _ failpoint: Failpoint?) throws -> Keeper {
        // Threads inherit the mask: before any is started.
        let signals = SharedSignals(try SignalDescriptor([SIGTERM, SIGINT, SIGHUP]))
        let loop = try EventLoop()
        let keeper = try Keeper(lab: lab, paths: paths, loop: loop, workshop: workshop, failpoint: failpoint)
        let caller = try Borrowed(0).duplicate()
        keepStandardError(keeper.folders.keeperLog)
        _ = try keeper.server.adopt(caller)
        try loop.watch(signals.descriptor.number, .read) { _ in
            _ = try? signals.descriptor.next()
            // The system goes down, or somebody means the keeper: machines stop, what is there stays for `down` or `up`.
            keeper.stopForSignal()
        }
        return keeper
    }

    /// Lets a handler own the descriptor that it is called for.
    private final class SharedSignals {
        let descriptor: SignalDescriptor
        init(_ descriptor: consuming SignalDescriptor) { self.descriptor = descriptor }
    }

    /// 32 descriptors for the keeper and its networks, 8 for each machine, 2 for each port, one for each client: the usual soft limit of 1024 is little.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        // Safe because the structure outlives both calls.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65536)
        unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// A bug's last words go where `vmlab doctor` and people find them.
    private static func keepStandardError(_ path: String) {
        guard let log = try? Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK) else { return }
        try? log.stand(at: STDERR_FILENO)
        guard let nothing = try? Descriptor.open("/dev/null", O_RDWR) else { return }
        try? nothing.stand(at: STDIN_FILENO)
    }
}
