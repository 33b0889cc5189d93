internal import Glibc
internal import Host

/// What a program of this host says when it is asked something short, and its exit status.
struct ProgramAnswer {
    /// Standard output and standard error, as they came.
    var output: String
    var ending: ChildProcess.Ending

    /// Longer answers are cut: nobody here asks for one.
    private static let limit = 1 << 20

    /// Runs a program to its end, at most so long, and waits.
    static func of(_ program: String, _ arguments: [String], limitMilliseconds: Int) throws(CarrierError) -> ProgramAnswer {
        do throws(OSError) {
            let answer = try Descriptor.memory(name: "answer")
            let nothing = try Descriptor.open("/dev/null", O_RDONLY)
            let child = try ChildProcess(
                program: program, arguments: [program] + arguments, environment: [plainEnvironment],
                inherited: [.init(0, from: nothing.number), .init(1, from: answer.number), .init(2, from: answer.number)])
            guard let ending = try child.wait(limitMilliseconds: limitMilliseconds) else {
                child.signal(SIGKILL)
                _ = try child.wait()
                throw OSError(.timedOut, "hear from \(program) within \(limitMilliseconds / 1000) s")
            }
            return ProgramAnswer(output: String(decoding: try answer.read(upTo: limit, at: 0), as: UTF8.self), ending: ending)
        } catch {
            throw CarrierError(.hostCannot, error.description)
        }
    }
}
