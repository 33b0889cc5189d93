extension LabEvent.Kind {
    /// What it says, in a few words: `vmlab events --help`.
    package var meaning: String {
        switch self {
        case .accelerator: "how machines are accelerated, and why"
        case .imageBuilding: "an image is being built"
        case .imageProgress: "how far that is"
        case .imageBuilt: "an image is whole in the cache"
        case .imageFailed: "an image could not be built"
        case .machineStarting: "a machine's process is being started"
        case .machineStarted: "its processors run"
        case .machineReady: "it is ready"
        case .machineNotReady: "it is not ready in its time"
        case .machineReset: "its guest rebooted"
        case .machineStopping: "it is being stopped"
        case .machineEnded: "its process ended; how is in the detail"
        case .machineRestarting: "it will be started again"
        case .machineChanged: "settings of it changed without a restart"
        case .machineForgotten: "it is gone from the lab"
        case .deviceError: "one of its devices has trouble with the host"
        case .deviceDriven: "its guest has a driver at work on this device"
        case .networkStarted: "the bridge of all networks runs"
        case .networkEnded: "its process ended by itself; machines live on"
        case .networkRestarting: "it will be started again"
        case .networkStopped: "it was stopped with the lab"
        case .lease: "a machine was given its address"
        case .poolExhausted: "somebody wants an address, and none is left"
        case .macFlap: "one Ethernet address is seen at two ports by turns"
        case .storm: "a port sends more to everybody than is passed on"
        case .portBroken: "a port's stream held no frame; it begins anew"
        case .uplinkStarted: "a port's way out runs"
        case .uplinkEnded: "it ended, and will be started again"
        case .uplinkBroken: "its stream held no frame"
        case .uplinkMissing: "the host has no program for it"
        case .linkChanged: "somebody changed a wire, or who sees whom"
        case .stepFailed: "a step of `up` failed"
        case .stepSkipped: "a step needs one that failed"
        case .consoleLost: "no room for a console log"
        case .eventsLost: "a slow reader missed so many events"
        case .labUp: "`up` is done"
        case .labStopping: "all machines are being stopped"
        case .labStopped: "all is stopped"
        case .note: "anything else worth a line"
        }
    }

    /// One kind a line, its meaning beside it.
    package static var table: String {
        let width = allCases.map(\.rawValue.count).max() ?? 0
        return allCases.map { kind in
            kind.rawValue + String(repeating: " ", count: width + 2 - kind.rawValue.count) + kind.meaning
        }.joined(separator: "\n")
    }
}
