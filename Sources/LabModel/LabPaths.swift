/// Where one lab's files live: three plain directories, and nothing anywhere else.
///
/// A value computed from the environment once, by the program that a person started; nobody else reads the environment.
package struct LabPaths: Hashable, Sendable, Codable {
    /// Content-addressed archives and images, shared by all labs; may be deleted when no lab is up.
    package var cache: String
    /// Ledger, resolved lab, consoles and per-machine deltas of every lab, a folder each.
    package var state: String
    /// Sockets and process records of every lab that is up, a folder each.
    package var run: String

    package init(cache: String, state: String, run: String) {
        self.cache = cache
        self.state = state
        self.run = run
    }

    /// All three in one folder.
    package init(home: String) { self.init(cache: home + "/cache", state: home + "/state", run: home + "/run") }

    /// `VMLAB_HOME` moves all three; else the XDG directories, else their defaults.
    ///
    /// - Parameter user: the numeric user id, for the run directory where `XDG_RUNTIME_DIR` is not set.
    package init(environment: [String: String], user: UInt32) throws(HomeUnknown) {
        func value(_ name: String) -> String? {
            guard let text = environment[name], text.hasPrefix("/") else { return nil }
            return text
        }
        if let home = value("VMLAB_HOME") {
            self.init(home: home)
            return
        }
        func folder(_ name: String, below home: String) throws(HomeUnknown) -> String {
            if let folder = value(name) { return folder }
            // Nothing of a person's is meant to lie in the root folder, even where that could be written.
            guard let own = value("HOME"), own != "/" else { throw HomeUnknown() }
            return own + home
        }
        self.init(
            cache: try folder("XDG_CACHE_HOME", below: "/.cache") + "/vmlab",
            state: try folder("XDG_STATE_HOME", below: "/.local/state") + "/vmlab",
            run: (value("XDG_RUNTIME_DIR") ?? "/tmp/vmlab-\(user)") + "/vmlab")
    }

    package func lab(_ id: String) -> LabFolders { LabFolders(state: "\(state)/\(id)", run: "\(run)/\(id)") }

    /// `cache/images/<key>`: one built image, complete or absent.
    package func image(key: String) -> ImageFolder { ImageFolder(path: "\(cache)/images/\(key)") }
}

/// The environment does not say where anything of this person's is to lie.
package struct HomeUnknown: Error, Hashable, Sendable, CustomStringConvertible {
    package init() {}

    package var description: String { "there is no folder for images and labs: HOME is not set" }
}

/// The folders of one lab.
package struct LabFolders: Hashable, Sendable, Codable {
    package var state: String
    package var run: String

    package init(state: String, run: String) {
        self.state = state
        self.run = run
    }

    /// The variable that everything a lab starts has in its environment, with the lab's state folder: by it what a killed keeper left is found.
    package static let mark = "VMLAB_LAB"

    package var ledger: String { state + "/ledger.jsonl" }
    package var lock: String { state + "/lock" }
    package var resolvedLab: String { state + "/lab.json" }
    package var consoles: String { state + "/consoles" }
    package var machines: String { state + "/machines" }
    /// What the keeper says on its standard error: nothing, unless it dies of a bug.
    package var keeperLog: String { state + "/keeper.log" }
    package var captures: String { state + "/captures" }
    /// One of the two files of a network's capture ring.
    package func capture(_ network: String, part: Int) -> String { "\(captures)/\(network).\(part).pcapng" }
    /// Kept short: a Unix socket path holds 107 bytes.
    package var controlSocket: String { run + "/control" }
    package func machine(_ name: String) -> String { "\(machines)/\(name)" }
    package func rootDelta(_ machine: String) -> String { self.machine(machine) + "/root.delta" }
    /// What a machine's firmware wrote into its variables.
    package func variables(_ machine: String) -> String { self.machine(machine) + "/nvram.delta" }
    package func extraDisk(_ machine: String, index: Int) -> String { self.machine(machine) + "/disk\(index).raw" }
    /// Console logs, from the first byte: `serial` is COM1, `console` is virtio-console.
    package func consoleLog(_ machine: String, stream: String) -> String { "\(consoles)/\(machine).\(stream).log" }
}

/// The files of one built image.
package struct ImageFolder: Hashable, Sendable, Codable {
    package var path: String

    package init(path: String) { self.path = path }

    package var disk: String { path + "/disk.img" }
    package var kernel: String { path + "/kernel" }
    package var initrd: String { path + "/initrd" }
    package var firmware: String { path + "/firmware" }
    package var nvram: String { path + "/nvram" }
    package var cdrom: String { path + "/cdrom.iso" }
    package func module(_ index: Int) -> String { path + "/module\(index)" }
    /// Written last, so that a folder with a manifest is whole.
    package var manifest: String { path + "/image.json" }
}
