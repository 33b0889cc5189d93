package import LabModel

/// The shape of `plan --json`; members are only ever added.
///
///     {"apiVersion": "vmlab/v1", "kind": "Plan", "lab": "shop", "direction": "up", "steps": [
///       {"id": "start/db", "verb": "start", "object": "machine db", "machine": "db", "reason": "db is not running",
///        "after": ["disk/db/root"], "undo": "stop machine db",
///        "arguments": ["--name", "db", ...], "descriptors": [{"number": 10, "kind": "blob", "path": "/..."}, ...]}]}
extension Plan {
    package var json: JSON {
        .object([
            .init("apiVersion", .text("vmlab/v1")), .init("kind", .text("Plan")), .init("lab", .text(lab)),
            .init("direction", .text(direction.rawValue)), .init("steps", .list(steps.map(\.json))),
        ])
    }
}

extension Step {
    package var json: JSON {
        var members: [JSON.Member] = [.init("id", .text(id)), .init("verb", .text(action.verb)), .init("object", .text(action.object))]
        if let machine = action.machine { members.append(.init("machine", .text(machine))) }
        members.append(.init("reason", .text(reason)))
        members.append(.init("after", .texts(after)))
        members.append(.init("undo", undo.map { .text("\($0.verb) \($0.object)") } ?? .null))
        members += action.details
        return .object(members)
    }
}

extension Action {
    fileprivate var details: [JSON.Member] {
        switch self {
        case .makeFolders(let folders), .deleteFolders(let folders): [.init("paths", .texts([folders.state, folders.run]))]
        case .buildImage(let image): [.init("key", .text(image.key))]
        case .createDisk(_, let disk), .deleteDisk(_, let disk):
            switch disk.content {
            case .delta(let base, let layer):
                [.init("path", .text(disk.path)), .init("base", .text(base))]
                    + (layer.entries.isEmpty ? [] : [.init("files", .texts(layer.entries.map(\.file.to)))])
            case .empty(let size): [.init("path", .text(disk.path)), .init("bytes", .unsigned(size.bytes))]
            }
        case .startNetwork(let launch):
            [.init("arguments", .texts(launch.arguments)), .init("descriptors", .list(launch.descriptors.map(\.json)))]
        case .updateNetwork(_, let words): [.init("words", .texts(words))]
        case .startMachine(let started):
            [
                .init("image", .text(started.machine.image)), .init("arguments", .texts(started.launch.arguments)),
                .init("descriptors", .list(started.launch.descriptors.map(\.json))),
            ]
        case .awaitReady(_, let ready):
            switch ready {
            case .started: []
            case .console(let pattern, let within):
                [.init("console", .text(pattern)), .init("withinMilliseconds", .number(Int64(within)))]
            case .tcp(let port, let within):
                [.init("tcp", .number(Int64(port))), .init("withinMilliseconds", .number(Int64(within)))]
            case .ping(let within): [.init("ping", .bool(true)), .init("withinMilliseconds", .number(Int64(within)))]
            }
        case .stopMachine(_, let ladder):
            [
                .init(
                    "ladder",
                    .list(
                        ladder.rungs.map { rung in
                            .object([
                                .init("means", .text(rung.means.rawValue)),
                                .init("waitMilliseconds", .number(Int64(rung.waitMilliseconds))),
                            ])
                        }))
            ]
        case .updateMachine, .forgetMachine, .stopNetwork: []
        }
    }
}

extension MachineLaunch.Descriptor {
    fileprivate var json: JSON {
        let number = JSON.Member("number", .number(Int64(number)))
        return switch kind {
        case .stream(let name): .object([number, .init("kind", .text("stream")), .init("name", .text(name))])
        case .blob(let path): .object([number, .init("kind", .text("blob")), .init("path", .text(path))])
        case .disk(let path, let writable):
            .object([number, .init("kind", .text("disk")), .init("path", .text(path)), .init("writable", .bool(writable))])
        }
    }
}

extension NetworkLaunch.Descriptor {
    fileprivate var json: JSON {
        let number = JSON.Member("number", .number(Int64(number)))
        return switch kind {
        case .control: .object([number, .init("kind", .text("control"))])
        case .port(let port): .object([number, .init("kind", .text("port")), .init("port", .text(port.description))])
        case .uplink(let port, let arguments):
            .object([
                number, .init("kind", .text("uplink")), .init("port", .text(port.description)),
                .init("program", .text(NetworkLaunch.uplinkProgram)), .init("arguments", .texts(arguments)),
            ])
        case .capture(let path): .object([number, .init("kind", .text("capture")), .init("path", .text(path))])
        }
    }
}
