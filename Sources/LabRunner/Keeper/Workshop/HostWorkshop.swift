internal import Carrier
internal import Host
package import LabImages
package import LabModel
internal import LabPlan

extension Workshop {
    /// The real one: images out of the cache or built into it, machines on this host's KVM or in carriers.
    package static func host(_ paths: LabPaths) -> Workshop {
        let store = ImageStore(paths: paths)
        return Workshop(
            imageFacts: { lab in try lab.images.map { ImageFacts(of: $0, key: try store.key(of: $0), paths: paths) } },
            hasImage: { store.lookup($0) != nil },
            build: { recipe, progress in _ = try store.build(recipe) { progress(ImageBuildText.text($0)) } },
            chooseHost: { choice, progress in try HostChoice(paths: paths, tell: progress).choose(choice) })
    }
}

/// What a build's progress says to people.
package enum ImageBuildText {
    package static func text(_ progress: ImageProgress) -> String {
        switch progress {
        case .waitingForBuilder: "waiting for another process that builds it"
        case .bootstrapping(let line): line
        case .reading(let done, let total): "reading \(total == 0 ? 0 : done / (total / 100 + 1)) %"
        case .finishing: "finishing"
        case .done: "done"
        }
    }
}
