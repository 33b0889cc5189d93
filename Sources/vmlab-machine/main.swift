import Glibc
import Host
import VMM

/// The moment the program was executed, for `startup_us`: what the kernel and the runtime took to come here is processor time already used.
let startTime = EventLoop.now() - EventLoop.processorTime()

/// Writes all of a text to a descriptor; what cannot be written is nobody's loss any more.
func write(_ text: String, to number: CInt) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        // Safe because the range lies in the array.
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress! + done, $0.count - done) }
        if count <= 0 { return }
        done += count
    }
}

func leave(_ status: ExitStatus, _ who: String, _ reason: String?) -> Never {
    if let reason { write("vmlab-machine: \(who): \(reason.split(separator: "\n").joined(separator: " "))\n", to: STDERR_FILENO) }
    exit(status.number)
}

// A reader of ours that goes away is told by the write, not by a signal.
signal(SIGPIPE, SIG_IGN)
do {
    switch try Request(Array(CommandLine.arguments.dropFirst())) {
    case .help: write(helpText, to: STDOUT_FILENO)
    case .version: write(versionText, to: STDOUT_FILENO)
    case .measure: write(Measurement.take().json + "\n", to: STDOUT_FILENO)
    case .showCPU: write(ProcessorReport.take().json + "\n", to: STDOUT_FILENO)
    case .dumpTables(let folder, let cpus):
        do {
            try dumpTables(to: folder, cpus: cpus)
        } catch {
            leave(.inputOutput, "--dump-acpi", "\(error)")
        }
    case .run(let configuration):
        do {
            let machine = try Machine(configuration, startTime: startTime)
            let (status, reason) = machine.run()
            leave(status, configuration.name, reason)
        } catch {
            leave(error.status, configuration.name, error.reason)
        }
    }
} catch {
    leave(.usage, "usage", "\(error.reason); see --help")
}
