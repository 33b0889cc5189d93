import Glibc
import Host
import LabModel
import LabRunner

/// The file that a person named for a command's result.
struct OutputFile {
    private let path: String
    private let file: SharedDescriptor

    struct Failure: ExplainedError {
        var outcome: Outcome
    }

    /// Begins it anew.
    init(_ path: String) throws(Failure) {
        do throws(OSError) {
            file = SharedDescriptor(try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644))
        } catch {
            throw Failure(outcome: Outcome(.cannotCreate, error.description))
        }
        self.path = path
    }

    func write(_ bytes: [UInt8]) throws(Failure) {
        do throws(OSError) {
            try file.with { descriptor throws(OSError) in try descriptor.writeAll(bytes) }
        } catch {
            throw Failure(outcome: Outcome(.inputOutput, OSError(error.code, "write \(path)").description))
        }
    }
}
