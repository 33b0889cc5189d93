import LabModel

/// A lab file as it was written: every value with its place, nothing filled in, nothing compared yet.
struct LabDraft: Sendable {
    var name = Written<String>.absent
    var seed = Written<UInt64>.absent
    var defaults = Written<MachineDraft>.absent
    var networks = Written<[Named<NetworkDraft>]>.absent
    var machines = Written<[Named<MachineDraft>]>.absent
}

/// What is written about one machine, or about all of them under `defaults`.
struct MachineDraft: Sendable {
    var image = Written<String>.absent
    var cpus = Written<Int>.absent
    var memory = Written<ByteCount>.absent
    var cpu = Written<CPUDraft>.absent
    var virtio = Written<VirtioGeneration>.absent
    var com2 = Written<Bool>.absent
    var hpet = Written<Bool>.absent
    var disks = Written<[Marked<DiskDraft>]>.absent
    var cdroms = Written<[Marked<MediumDraft>]>.absent
    var networks = Written<[Marked<InterfaceDraft>]>.absent
    var publish = Written<[Marked<PublishedPort>]>.absent
    var files = Written<[Marked<FileDraft>]>.absent
    var commandLine = Written<String>.absent
    var after = Written<[Marked<String>]>.absent
    var ready = Written<ReadyDraft>.absent
    var restart = Written<Machine.RestartPolicy>.absent
    var count = Written<Int>.absent
}

/// Which drivers find their devices.
enum VirtioGeneration: String, Sendable, CaseIterable {
    /// Those of version 1 of the specification and later.
    case modern
    /// Those of before as well.
    case transitional
}

struct DiskDraft: Sendable {
    var size = Written<ByteCount>.absent
    var bus = Written<DiskBus>.absent
}

struct MediumDraft: Sendable {
    var from = Written<String>.absent
}

struct ReadyDraft: Sendable {
    /// `ready: started`, which takes back a default.
    var isStarted = false
    var console = Written<String>.absent
    var tcp = Written<Int>.absent
    var ping = Written<Bool>.absent
    var within = Written<Milliseconds>.absent

    /// Where the kinds of readiness stand that are written.
    var marks: [Mark] { [console.mark, tcp.mark, ping.mark].compactMap { $0 } }
}
