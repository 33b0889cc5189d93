import LabModel

/// A lab file as it was written: every value with its place, nothing filled in, nothing compared yet.
struct LabDraft: Sendable {
    var name = Written<String>.absent
    var seed = Written<UInt64>.absent
    var defaults = Written<MachineDraft>.absent
    var machines = Written<[Named<MachineDraft>]>.absent
}

/// What is written about one machine, or about all of them under `defaults`.
struct MachineDraft: Sendable {
    var image = Written<String>.absent
    var cpus = Written<Int>.absent
    var memory = Written<ByteCount>.absent
    var disks = Written<[Marked<DiskDraft>]>.absent
    var commandLine = Written<String>.absent
    var after = Written<[Marked<String>]>.absent
    var ready = Written<ReadyDraft>.absent
    var restart = Written<Machine.RestartPolicy>.absent
    var count = Written<Int>.absent
}

struct DiskDraft: Sendable {
    var size = Written<ByteCount>.absent
}

struct ReadyDraft: Sendable {
    /// `ready: started`, which takes back a default.
    var isStarted = false
    var console = Written<String>.absent
    var within = Written<Milliseconds>.absent
}
