package import Carrier
internal import Host
package import LabModel
package import LabPlan
internal import Synchronization

/// What takes long and so happens beside the keeper's own thread: digests, image builds, measuring the accelerator.
///
/// A value of closures, so that the keeper neither knows where images come from nor how a machine is started.
package struct Workshop: Sendable {
    /// What a plan must know of the lab's images. Reads their inputs.
    package var imageFacts: @Sendable (Lab) throws -> [ImageFacts]
    /// True when the image is whole in the cache.
    package var hasImage: @Sendable (_ key: String) -> Bool
    /// Builds an image, telling how far it is.
    package var build: @Sendable (ImageRecipe, _ progress: @escaping @Sendable (String) -> Void) throws -> Void
    /// Decides how machines are started and makes what that needs (a carrier's kernel and init).
    package var chooseHost: @Sendable (AcceleratorChoice, _ progress: @escaping @Sendable (String) -> Void) throws -> ChosenHost

    package init(
        imageFacts: @escaping @Sendable (Lab) throws -> [ImageFacts], hasImage: @escaping @Sendable (String) -> Bool,
        build: @escaping @Sendable (ImageRecipe, @escaping @Sendable (String) -> Void) throws -> Void,
        chooseHost: @escaping @Sendable (AcceleratorChoice, @escaping @Sendable (String) -> Void) throws -> ChosenHost
    ) {
        self.imageFacts = imageFacts
        self.hasImage = hasImage
        self.build = build
        self.chooseHost = chooseHost
    }
}

/// How machines are started on this host, decided.
package struct ChosenHost: Sendable {
    package var host: MachineHost
    /// One line for people, with the reason.
    package var summary: String

    package init(_ host: MachineHost, summary: String) {
        self.host = host
        self.summary = summary
    }
}

/// The keeper's second thread: jobs one after another, each answered on the loop's thread.
final class Bench: Sendable {
    private let jobs: Mutex<[@Sendable () -> Void]>
    private let isWorking = Atomic<Bool>(false)
    private let loop: EventLoop.Remote

    init(loop: EventLoop.Remote) {
        self.loop = loop
        jobs = Mutex([])
    }

    /// Does `work` beside the loop and calls `then` with its result on the loop's thread.
    func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value, then: @escaping @Sendable (Result<Value, any Error>) -> Void)
    {
        let loop = loop
        jobs.withLock { jobs in
            jobs.append {
                let result = Result { try work() }
                loop.post { then(result) }
            }
        }
        startThread()
    }

    private func startThread() {
        guard isWorking.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged else { return }
        do throws(OSError) {
            _ = try NamedThread("workshop") { [self] in workAll() }
        } catch {
            // No thread to be had: better slow than not at all.
            workAll()
        }
    }

    private func workAll() {
        while true {
            while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { job() }
            isWorking.store(false, ordering: .releasing)
            // A job that came between the last look and the store would wait for ever.
            guard jobs.withLock({ !$0.isEmpty }),
                isWorking.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
            else { return }
        }
    }
}
