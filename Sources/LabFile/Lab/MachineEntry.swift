import LabModel

/// A machine together with the places that later checks point to.
struct MachineEntry {
    var machine: Machine
    /// As the lab file names it: several machines with a `count` have one of these.
    var family: String
    /// How many machines of the family there are.
    var count: Int
    var mark: Mark
    var memoryMark: Mark
    var readyMark: Mark?
    var after: [Marked<String>]
    var networks: [Marked<InterfaceDraft>]
    var publish: [Marked<PublishedPort>]
}
