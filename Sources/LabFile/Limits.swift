/// What a lab file may make grow, and how far. Real labs stay two orders of magnitude below each of these.
package enum Limits {
    /// Bytes of one file. Nothing beyond is even looked at.
    package static let file = 1 << 20
    /// Levels of lists and mappings in each other, aliases expanded: the reader recurses that deep.
    static let depth = 64
    /// Bytes of one text, substitutions made.
    static let scalar = 64 << 10
    /// Lists, mappings and texts of one file, aliases expanded: what an alias bomb would blow up.
    static let nodes = 1 << 16
    /// Bytes of all texts of one file, aliases expanded.
    static let expanded = 4 << 20
    /// Mistakes that are described; the rest is counted.
    package static let diagnostics = 20
    /// Machines of one lab, `count` multiplied.
    static let machines = 256
    /// Networks of one lab.
    static let networks = 64
    /// Network cards of one machine: as many as `vmlab-machine` has places for.
    static let networksOfMachine = 8
    /// Places of all machines on all networks: each costs the keeper and the bridge a few descriptors.
    static let interfaces = 1024
    /// Bytes of a kernel command line: Linux on x86 takes 2048 with its final zero.
    static let commandLine = 2047
}
