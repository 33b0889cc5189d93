/// What has to be done to get a lab from what is seen to what is wanted: a value, computed and never stored.
///
/// `plan`, `up`, `down` and `--dry-run` share it: they print it or do it.
package struct Plan: Hashable, Sendable, Codable {
    /// The lab's id.
    package var lab: String
    package var direction: Direction
    /// In an order in which they can be done one after another; `Step.after` says what may run side by side.
    package var steps: [Step]

    package init(lab: String, direction: Direction, steps: [Step]) {
        self.lab = lab
        self.direction = direction
        self.steps = steps
    }

    package enum Direction: String, Hashable, Sendable, Codable { case up, down }

    /// Nothing to do.
    package var isEmpty: Bool { steps.isEmpty }
}

/// Why there is no plan. Neither happens with a lab that LabFile has checked.
package enum PlanError: Error, Hashable, Sendable, CustomStringConvertible {
    case imageUnknown(machine: String, image: String)
    case dependencyUnknown(machine: String, after: String)

    package var description: String {
        switch self {
        case .imageUnknown(let machine, let image): "machine \(machine) uses image \(image), of which nothing is known"
        case .dependencyUnknown(let machine, let after): "machine \(machine) starts after \(after), which does not start before it"
        }
    }
}
