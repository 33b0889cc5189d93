/// What a machine's board has that others have not, or have otherwise.
package struct Hardware: Hashable, Sendable, Codable {
    package var cpu: CPU
    /// Virtio devices that drivers of before version 1 know as well.
    package var isTransitional: Bool
    /// There is a COM2.
    package var hasSecondSerial: Bool
    /// There are event timers in memory.
    package var hasHPET: Bool

    package init(cpu: CPU = CPU(), isTransitional: Bool = false, hasSecondSerial: Bool = false, hasHPET: Bool = false) {
        self.cpu = cpu
        self.isTransitional = isTransitional
        self.hasSecondSerial = hasSecondSerial
        self.hasHPET = hasHPET
    }

    /// A processor by the names that `vmlab-machine` knows.
    package struct CPU: Hashable, Sendable, Codable {
        package var model: String
        /// By name, each once.
        package var switches: [Switch]

        package init(model: String = "host", switches: [Switch] = []) {
            self.model = model
            self.switches = switches.sorted { $0.feature < $1.feature }
        }

        /// `baseline,avx=on`
        package var text: String { ([model] + switches.map { "\($0.feature)=\($0.isOn ? "on" : "off")" }).joined(separator: ",") }
    }

    package struct Switch: Hashable, Sendable, Codable {
        package var feature: String
        package var isOn: Bool

        package init(feature: String, isOn: Bool) {
            self.feature = feature
            self.isOn = isOn
        }
    }
}
